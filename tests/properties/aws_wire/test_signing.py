"""Our signatures are botocore's."""

from datetime import UTC, datetime
from unittest.mock import patch

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from aws_wire.data_plane.signing import Credentials, Signer

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
hosts = st.sampled_from(["kinesis.us-east-1.amazonaws.com", "127.0.0.1:4567", "[::1]:80"])
moments = st.datetimes(datetime(2015, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(hosts, printable, printable, st.none() | printable, st.binary(max_size=100), st.lists(moments, min_size=1))
def test_signatures_are_those_of_botocore(
    host: str, access: str, secret: str, token: str | None, body: bytes, times: list[datetime]
) -> None:
    """Whatever the key, the token, the body and the day, also from one signer over several days."""
    signer = Signer(host, "kinesis", "eu-west-3")
    for now in times:
        ours = dict(signer.headers("Kinesis_20131202.PutRecords", "application/x-amz-json-1.1", body,
                                   Credentials(access, secret, token), now))  # fmt: skip
        given_headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.PutRecords"}
        request = AWSRequest("POST", f"https://{host}/", data=body, headers=given_headers)
        with patch("botocore.auth.get_current_datetime", return_value=now.replace(tzinfo=None)):
            SigV4Auth(BotocoreCredentials(access, secret, token), "kinesis", "eu-west-3").add_auth(request)
        theirs = {name.lower(): value for name, value in request.headers.items()}
        assert ours == theirs
