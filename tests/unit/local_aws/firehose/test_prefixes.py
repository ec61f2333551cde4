from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from local_aws.firehose.prefixes import (
    BadPrefix,
    ObjectName,
    check_prefixes,
    format_time,
    object_key,
    random_string,
)

MOMENT = datetime(2024, 2, 9, 15, 4, 5, 678_901, tzinfo=UTC)
NAME = ObjectName("orders", 3, round(MOMENT.timestamp() * 1000), "9f1c")
SUFFIX = "orders-3-2024-02-09-15-04-05-9f1c"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy/MM/dd/HH", "2024/02/09/15"),
        ("yy-M-d", "24-2-9"),
        ("DDD", "040"),
        ("hh a", "03 PM"),
        ("mm:ss.SSS", "04:05.678"),
        ("'year='yyyy", "year=2024"),
        ("HH''mm", "15'04"),
        ("MMM EEE", "Feb Fri"),
    ],
)
def test_a_moment_is_formatted_as_javas_date_time_formatter_does(pattern: str, expected: str) -> None:
    """Letters are fields, their count is the width, quoted text and other signs stay."""
    assert format_time(pattern, MOMENT) == expected


@pytest.mark.parametrize("pattern", ["yyyy-b", "yyyy'", "Q"])
def test_a_pattern_that_is_no_time_is_refused(pattern: str) -> None:
    """An unknown letter or an open quote is an error, not text."""
    with pytest.raises(BadPrefix, match="DateTimeFormatter"):
        format_time(pattern, MOMENT)


def test_the_default_name_is_that_of_aws() -> None:
    """Without expressions the prefix is followed by yyyy/MM/dd/HH/ and stream-version-time-uuid."""
    assert object_key("", NAME, "") == f"2024/02/09/15/{SUFFIX}"
    assert object_key("raw/", NAME, ".gz") == f"raw/2024/02/09/15/{SUFFIX}.gz"


def test_a_timestamp_expression_replaces_the_default_time() -> None:
    """A prefix that says where the time goes gets no second one."""
    assert object_key("d=!{timestamp:yyyy-MM-dd}/", NAME, "") == f"d=2024-02-09/{SUFFIX}"


def test_a_time_zone_moves_prefix_and_suffix() -> None:
    """CustomTimeZone applies to the whole key."""
    key = object_key("!{timestamp:HH}/", NAME, "", ZoneInfo("Asia/Tokyo"))
    assert key == "00/orders-3-2024-02-10-00-04-05-9f1c"


def test_random_strings_have_eleven_signs_and_follow_from_the_object() -> None:
    """The key of an object is the same whenever it is made, and differs between objects."""
    key = object_key("!{firehose:random-string}/", NAME, "")
    assert key == object_key("!{firehose:random-string}/", NAME, "")
    assert len(key.split("/")[0]) == 11
    assert random_string("a", 0) != random_string("b", 0)


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "message"),
    [
        ("!{firehose:error-output-type}/", "", "cannot contain"),
        ("!{timestamp:yyyy}/", "", "at least one instance"),
        ("!{timestamp:yyyy}/", "errors/", "at least one instance"),
        ("!{partitionKeyFromQuery:x}/", "!{firehose:error-output-type}/", "not a supported expression"),
        ("!{timestamp", "!{firehose:error-output-type}/", "can only appear"),
        ("x" * 513, "", "512"),
    ],
)
def test_prefixes_that_firehose_refuses(prefix: str, error_prefix: str, message: str) -> None:
    """Each rule of AWS' page on custom prefixes has its error."""
    with pytest.raises(BadPrefix, match=message):
        check_prefixes(prefix, error_prefix)


def test_prefixes_that_firehose_takes() -> None:
    """Plain prefixes need no error prefix; expressions need one with the error type."""
    check_prefixes("", "")
    check_prefixes("raw/", "")
    check_prefixes("raw/!{timestamp:yyyy/MM/dd/HH}/", "errors/!{firehose:error-output-type}/")
