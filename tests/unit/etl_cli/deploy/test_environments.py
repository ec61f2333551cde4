"""The environments of the repository can be deployed as they are described."""

from pathlib import Path

import pytest

from etl_cli.deploy import DeployFailed
from etl_cli.deploy.canary import event, key_of, refusal
from etl_cli.deploy.environment import made, names, read

INFRA = Path(__file__).parents[4] / "infra"


def test_every_environment_names_its_profile() -> None:
    """Nobody shrinks prod to the profile of dev by a wrong option."""
    found = {name: read(INFRA, name) for name in names(INFRA)}
    assert found["dev"].profile.stem == "minimal"
    assert found["prod"].profile.stem == "standard"
    assert found["prod"].parameter == "/etl-prod/releases"
    assert found["prod"].canary_secret
    assert {"ingest-api", "enricher", "aggregator", "indexer"} <= set(found["dev"].services)


def test_an_unknown_environment_is_refused_by_those_that_there_are() -> None:
    """The message names them."""
    with pytest.raises(DeployFailed, match="dev, prod"):
        read(INFRA, "staging")


def test_what_is_missing_is_named() -> None:
    """All of it at once, with where to set it."""
    with pytest.raises(DeployFailed, match=r"prod/terraform\.tfvars or its profile must set name, images, services"):
        made("prod", Path("prod"), Path("standard.tfvars"), {"region": "us-east-1"})


def test_a_service_with_an_image_of_its_own_is_left_alone() -> None:
    """Its digest is not the project's to choose."""
    given = {
        "name": "etl",
        "region": "us-east-1",
        "images": {"repository_prefix": "r/etl", "tag": "1"},
        "services": {"enricher": {}, "console": {"image": "mine:1"}},
    }
    assert made("prod", Path("prod"), Path("p"), given).services == ("enricher",)


def test_only_an_accepted_event_is_a_canary_that_lives() -> None:
    """A 202 that does not say how many events were taken is none of the ingest API's."""
    assert refusal(202, b'{"accepted": 1}') is None
    assert "503" in str(refusal(503, b"busy"))
    assert "202" in str(refusal(202, b"<html>"))
    assert "senders" in str(refusal(401, b""))
    assert b'"type": "canary"' in event("x")


def test_the_canary_key_is_read_as_the_canary_itself_reads_it() -> None:
    """A rotated key stands in JSON, and is not there before the first rotation."""
    assert key_of(" k1\n") == "k1"
    assert key_of('{"sender": "canary", "api_key": "k2"}') == "k2"
    assert key_of('{"sender": "canary"}') == ""
