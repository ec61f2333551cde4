import base64
from collections.abc import Iterator, Mapping

import pytest

from local_aws.errors import ServiceError
from local_aws.firehose.account import Account
from local_aws.firehose.operations import carry_out
from local_aws.firehose.settings import FirehoseSettings

DESTINATION = {"RoleARN": "arn:aws:iam::000000000000:role/r", "BucketARN": "arn:aws:s3:::archive"}


class Clock:
    """Milliseconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def account(clock: Clock) -> Iterator[Account]:  # type: ignore[misc]
    async def write(_bucket: str, _key: str, _body: bytes) -> None:
        return None

    made = Account(FirehoseSettings(create_seconds=1), clock, write, None)
    carry_out(made, "CreateDeliveryStream", {"DeliveryStreamName": "orders", **s3(DESTINATION)})
    clock.now += 1000
    yield made
    await made.stop()


def s3(destination: object) -> dict[str, object]:
    return {"ExtendedS3DestinationConfiguration": destination}


def record(data: bytes) -> dict[str, object]:
    return {"Data": base64.b64encode(data).decode()}


def refusal(account: Account, operation: str, body: Mapping[str, object]) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        carry_out(account, operation, body)
    return caught.value


def put(account: Account, *records: object) -> dict[str, object]:
    return carry_out(account, "PutRecordBatch", {"DeliveryStreamName": "orders", "Records": list(records)})


async def test_a_new_stream_is_creating_and_takes_nothing_yet(account: Account, clock: Clock) -> None:
    """A client must wait for ACTIVE."""
    carry_out(account, "CreateDeliveryStream", {"DeliveryStreamName": "new", **s3(DESTINATION)})
    body = {"DeliveryStreamName": "new", "Record": record(b"a")}
    assert refusal(account, "PutRecord", body).code == "ResourceNotFoundException"
    clock.now += 1000
    assert carry_out(account, "PutRecord", body)["RecordId"]


async def test_a_description_tells_the_destination(account: Account) -> None:
    """Defaults of AWS: 5 MiB, 300 s, uncompressed."""
    answer = carry_out(account, "DescribeDeliveryStream", {"DeliveryStreamName": "orders"})
    described = answer["DeliveryStreamDescription"]
    assert isinstance(described, dict)
    assert (described["DeliveryStreamStatus"], described["VersionId"]) == ("ACTIVE", "1")
    destination = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert destination["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 300}
    assert destination["CompressionFormat"] == "UNCOMPRESSED"


async def test_listing_pages_by_name(account: Account) -> None:
    """The next page starts after the last name of the one before."""
    for name in ("a", "z"):
        carry_out(account, "CreateDeliveryStream", {"DeliveryStreamName": name, **s3(DESTINATION)})
    first = carry_out(account, "ListDeliveryStreams", {"Limit": 2})
    assert first == {"DeliveryStreamNames": ["a", "orders"], "HasMoreDeliveryStreams": True}
    rest = carry_out(account, "ListDeliveryStreams", {"ExclusiveStartDeliveryStreamName": "orders"})
    assert rest == {"DeliveryStreamNames": ["z"], "HasMoreDeliveryStreams": False}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            {"DeliveryStreamName": "a b", **s3(DESTINATION)},
            "ValidationException",
            "1 validation error detected: Value 'a b' at 'deliveryStreamName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        ),
        (
            {"DeliveryStreamName": "orders", **s3(DESTINATION)},
            "ResourceInUseException",
            "Firehose orders under accountId 000000000000 already exists",
        ),
        ({"DeliveryStreamName": "x"}, "InvalidArgumentException", "ExtendedS3DestinationConfiguration"),
        ({"DeliveryStreamName": "x", **s3({})}, "ValidationException", "bucketARN"),
        (
            {"DeliveryStreamName": "x", **s3({**DESTINATION, "BufferingHints": {"SizeInMBs": 1}})},
            "InvalidArgumentException",
            "both",
        ),
        (
            {
                "DeliveryStreamName": "x",
                **s3({**DESTINATION, "BufferingHints": {"SizeInMBs": 129, "IntervalInSeconds": 1}}),
            },
            "ValidationException",
            "less than or equal to 128",
        ),
        (
            {
                "DeliveryStreamName": "x",
                **s3({**DESTINATION, "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 901}}),
            },
            "ValidationException",
            "less than or equal to 900",
        ),
        (
            {"DeliveryStreamName": "x", **s3({**DESTINATION, "CompressionFormat": "LZ4"})},
            "ValidationException",
            "enum value set",
        ),
        (
            {"DeliveryStreamName": "x", **s3({**DESTINATION, "Prefix": "!{timestamp:yyyy}/"})},
            "InvalidArgumentException",
            "ErrorOutputPrefix",
        ),
        (
            {"DeliveryStreamName": "x", **s3({**DESTINATION, "ProcessingConfiguration": {"Enabled": True}})},
            "InvalidArgumentException",
            "ProcessingConfiguration",
        ),
    ],
)
async def test_creations_that_are_refused(account: Account, body: dict[str, object], code: str, message: str) -> None:
    """Each is refused with AWS' code and words, and creates nothing."""
    problem = refusal(account, "CreateDeliveryStream", body)
    assert problem.code == code
    assert message in problem.message
    assert account.names() == ["orders"]


async def test_a_batch_answers_a_record_each(account: Account) -> None:
    """Every record of a batch has an id of its own."""
    answer = put(account, record(b"a"), record(b"b"))
    assert answer["FailedPutCount"] == 0
    ids = [each["RecordId"] for each in answer["RequestResponses"]]  # type: ignore[attr-defined]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("records", "code", "message"),
    [
        ([], "ValidationException", "greater than or equal to 1"),
        ([record(b"a")] * 501, "ValidationException", "Member must have length less than or equal to 500"),
        (
            [record(b"a"), record(b"x" * 1_024_001)],
            "ValidationException",
            "Value 'java.nio.HeapByteBuffer[pos=0 lim=1024001 cap=1024001]' at 'records.2.member.data' failed to "
            "satisfy constraint: Member must have length less than or equal to 1024000",
        ),
        ([record(b"x" * 1_000_000)] * 5, "InvalidArgumentException", "Records size exceeds 4 MB limit"),
        ([{"Data": "%%%"}], "SerializationException", "Blob"),
        ([{}], "ValidationException", "'records.1.member.data'"),
    ],
)
async def test_batches_that_are_refused(account: Account, records: list[object], code: str, message: str) -> None:
    """A batch over a limit is refused as a whole: none of its records is stored."""
    problem = refusal(account, "PutRecordBatch", {"DeliveryStreamName": "orders", "Records": records})
    assert problem.code == code
    assert message in problem.message
    assert account.stream("orders").held_records == 0


async def test_the_largest_batch_is_taken(account: Account) -> None:
    """500 records of 4 MiB together, and one of 1,000 KiB, are within the limits."""
    assert put(account, *[record(b"x" * 8388)] * 500)["FailedPutCount"] == 0
    assert put(account, record(b"x" * 1_024_000))["FailedPutCount"] == 0


async def test_throttled_records_fail_one_by_one(account: Account) -> None:
    """The rest of the batch is stored, and the answers keep the request's order."""
    account.faults.change({"throttle_records": 2})
    answer = put(account, record(b"a"), record(b"b"), record(b"c"))
    assert answer["FailedPutCount"] == 2
    codes = [each.get("ErrorCode") for each in answer["RequestResponses"]]  # type: ignore[attr-defined]
    assert codes == ["ServiceUnavailableException", "ServiceUnavailableException", None]
    assert account.stream("orders").held_records == 1


async def test_throttled_calls_fail_as_a_whole(account: Account) -> None:
    """A throttled call stores nothing, the next one is taken."""
    account.faults.change({"throttle_calls": 1})
    problem = refusal(account, "PutRecord", {"DeliveryStreamName": "orders", "Record": record(b"a")})
    assert (problem.code, problem.message, problem.status) == ("ServiceUnavailableException", "Slow down.", 503)
    assert put(account, record(b"a"))["FailedPutCount"] == 0


async def test_an_update_needs_the_current_version(account: Account) -> None:
    """An update changes only what it states, and makes the next version."""
    body = {
        "DeliveryStreamName": "orders",
        "CurrentDeliveryStreamVersionId": "1",
        "DestinationId": "destinationId-000000000001",
        "ExtendedS3DestinationUpdate": {"Prefix": "new/"},
    }
    carry_out(account, "UpdateDestination", body)
    definition = account.stream("orders").definition
    assert (definition.version, definition.destination.prefix, definition.destination.bucket) == (2, "new/", "archive")
    assert refusal(account, "UpdateDestination", body).code == "ConcurrentModificationException"


async def test_a_deleted_stream_is_not_found(account: Account) -> None:
    """It is unknown at once, though what it holds is still delivered."""
    carry_out(account, "DeleteDeliveryStream", {"DeliveryStreamName": "orders"})
    problem = refusal(account, "DescribeDeliveryStream", {"DeliveryStreamName": "orders"})
    assert problem.message == "Firehose orders under account 000000000000 not found."


async def test_unknown_faults_and_operations_are_refused(account: Account) -> None:
    """A typing error in a test's fault is not silently no fault."""
    with pytest.raises(ValueError, match="no such fault"):
        account.faults.change({"throttle": 1})
    with pytest.raises(ValueError, match="no such fault"):
        account.faults.change({"s3_outage": 1})
    assert refusal(account, "Tag", {}).code == "UnknownOperationException"
