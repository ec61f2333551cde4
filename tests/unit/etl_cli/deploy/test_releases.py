"""What a rollback goes back to follows from what was found good and from what is configured now."""

import json

import pytest

from etl_cli.deploy import DeployFailed
from etl_cli.deploy.releases import Release, digest_of, image_file, parse, previous, recorded, written

SERVICES = ("ingest-api", "enricher", "aggregator", "indexer", "console")


def release(number: int) -> Release:
    return Release(f"1.{number}.0", dict.fromkeys(SERVICES, f"sha256:{number:064x}"), "2026-11-23T12:00:00Z")


def test_goes_back_to_the_release_before_the_one_that_runs() -> None:
    """The newest good release runs, so that the one before it is meant."""
    assert previous((release(2), release(1)), release(2).digests) == release(1)


def test_goes_back_to_the_newest_good_one_after_a_deployment_that_was_not() -> None:
    """A release that was never found good is in no history."""
    assert previous((release(2), release(1)), release(3).digests) == release(2)


def test_a_second_rollback_goes_further_back() -> None:
    """What was rolled back is forgotten, or two rollbacks would come back to it."""
    history = recorded((release(3), release(2), release(1)), release(2))
    assert previous(history, release(2).digests) == release(1)


def test_says_what_to_do_where_there_is_nothing_to_go_back_to() -> None:
    """After a first deployment only an image that is named can be deployed."""
    with pytest.raises(DeployFailed, match="--version"):
        previous((release(1),), release(1).digests)


def test_a_history_fits_its_parameter() -> None:
    """A parameter holds 4096 characters: the oldest releases are left out, never a part of one."""
    history: tuple[Release, ...] = ()
    for number in range(1, 30):
        history = recorded(history, release(number))
    text = written(history)
    assert len(text) <= 4096
    kept = parse(text)
    assert kept[0] == release(29)
    assert 5 <= len(kept) < 29


def test_a_foreign_parameter_is_not_taken_for_a_history() -> None:
    """Whatever is in the parameter, the deployment says whose it is."""
    for text in ("hello", "{}", '[{"version": "1"}]'):
        if text == "{}":
            assert parse(text) == ()
            continue
        with pytest.raises(DeployFailed, match="parameter of the releases"):
            parse(text)


def test_reads_what_the_build_wrote() -> None:
    """The file of `etl images build` is a release; any other file is refused with where such a file comes from."""
    written_file = json.dumps({"version": "abc", "digests": {"enricher": "sha256:1"}})
    assert image_file(written_file) == Release("abc", {"enricher": "sha256:1"})
    for text in ("", "[]", '{"version": "1"}'):
        with pytest.raises(DeployFailed, match="etl images build"):
            image_file(text)


def test_a_digest_is_read_off_an_image() -> None:
    """An image by tag has none."""
    assert digest_of("registry:5000/etl-enricher@sha256:ab") == "sha256:ab"
    assert digest_of("registry:5000/etl-enricher:1.0") is None
