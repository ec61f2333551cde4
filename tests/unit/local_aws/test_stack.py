from pathlib import Path

from local_aws.commands import clean
from local_aws.ministack import MinistackSettings, environment_folder, variables
from local_aws.probes import parse_status
from local_aws.stack import PORTS, LocalAws, LocalAwsSettings

SETTINGS = LocalAwsSettings(
    directory=Path("/stack"), cache=Path("/cache"), ministack_lock=Path("/lock"), port_base=4000, region="eu-west-1"
)


def test_clients_reach_the_doubles_for_kinesis_and_firehose_and_ministack_for_the_rest() -> None:
    """Every AWS SDK understands these variables."""
    environment = LocalAws(SETTINGS, {}).environment()
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4001"
    assert environment["AWS_ENDPOINT_URL_KINESIS"] == "http://127.0.0.1:4000"
    assert environment["AWS_ENDPOINT_URL_FIREHOSE"] == "http://127.0.0.1:4000"
    assert environment["OPENSEARCH_URL"] == "http://127.0.0.1:4002"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_a_stack_uses_one_block_of_ports() -> None:
    """Two stacks with bases that far apart do not meet."""
    assert [port for _, port in SETTINGS.ports()] == list(range(4000, 4000 + PORTS))


def test_a_named_opensearch_is_used_and_takes_no_port() -> None:
    """OPENSEARCH_URL overrides the node."""
    settings = LocalAwsSettings(
        directory=Path("/s"), cache=Path("/c"), ministack_lock=Path("/l"), opensearch_url="http://search:9200"
    )
    assert LocalAws(settings, {}).environment()["OPENSEARCH_URL"] == "http://search:9200"
    assert len(settings.ports()) == PORTS - 2


def test_ministack_is_reached_from_this_machine_alone_and_writes_in_its_folder() -> None:
    """Its defaults would listen everywhere and write to /tmp."""
    settings = MinistackSettings(4001, Path("/stack/ministack"), Path("/cache"), Path("/lock"), keep=True)
    given = variables(settings)
    assert (given["BIND_HOST"], given["GATEWAY_PORT"]) == ("127.0.0.1", "4001")
    assert given["STATE_DIR"] == "/stack/ministack/state"
    assert given["S3_DATA_DIR"] == "/stack/ministack/s3"
    assert (given["PERSIST_STATE"], given["S3_PERSIST"]) == ("1", "1")
    assert not {"kinesis", "firehose"} & set(given["SERVICES"].split(","))


def test_another_lock_has_another_environment() -> None:
    """A new version of ministack is installed beside the old one."""
    assert environment_folder(b"a", Path("/c")) != environment_folder(b"b", Path("/c"))


def test_children_are_not_pointed_at_another_aws_or_python() -> None:
    """The caller's credentials and virtual environment do not reach the emulators."""
    given = {"AWS_PROFILE": "prod", "AWS_ENDPOINT_URL": "x", "PYTHONPATH": "y", "VIRTUAL_ENV": "z", "HOME": "/h"}
    assert clean(given) == {"HOME": "/h"}


def test_a_status_line_is_told_from_anything_else() -> None:
    """Only an HTTP status line has a status."""
    assert parse_status(b"HTTP/1.1 200 OK\r\n") == 200
    assert [parse_status(line) for line in (b"", b"HTTP/1.1", b"SSH-2.0 200", b"HTTP/1.1 OK")] == [None] * 4
