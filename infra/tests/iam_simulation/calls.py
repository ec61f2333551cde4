"""Which operation an HTTP request to AWS is, on what, and with whose access key. Pure.

The service stands in the signature's scope; each has its protocol: JSON with X-Amz-Target, form fields, CBOR by path,
S3's paths. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([^/]+)/aws4_request")
_RPC = re.compile(r"^/service/[^/]+/operation/(\w+)$")
_SERVICES = {"monitoring": "cloudwatch"}
_ANSWERED = frozenset({"kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"})


class RequestUnknown(Exception):
    """A request is of no operation that is known here. Teach it to iam_simulation.calls."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it went over the wire."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """An operation ("kinesis:PutRecords") on something: a kind ("stream") and its name; both empty for none."""

    operation: str
    kind: str = ""
    name: str = ""


def signer(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Access key and service that a request is signed with; None where it is not signed."""
    found = _CREDENTIAL.search(headers.get("Authorization", ""))
    return (found[1], _SERVICES.get(found[2], found[2])) if found else None


@dataclass(slots=True)
class Reader:
    """Tells calls from requests; it remembers which stream an iterator or a page is of."""

    _streams: dict[str, str] = field(default_factory=dict)

    def read(self, service: str, sent: Sent) -> list[Call]:
        """The calls of a request: several where it writes to several tables. Raises RequestUnknown."""
        if service == "s3":
            return [s3_call(sent)]
        if service == "es":
            # A domain is asked for nothing but its resource, whatever the path: the method is the action.
            return [Call(f"es:ESHttp{sent.method.capitalize()}", "domain", "")]
        operation, fields = _operation(sent)
        named = f"{service}:{operation}"
        if service == "kinesis":
            return [self._kinesis(named, fields)]
        if service == "dynamodb":
            return list(_tables(named, fields))
        if service == "firehose":
            return [Call(named, "delivery stream", fields["DeliveryStreamName"])]
        if service == "sns":
            return [Call(named, "topic", fields["TopicArn"])]
        if service == "secretsmanager":
            return [Call(named, "secret", fields["SecretId"])]
        if service in ("cloudwatch", "sts"):
            return [Call(named)]
        raise RequestUnknown(f"{named} {sent.method} {sent.path}")

    def answered(self, calls: list[Call], body: bytes) -> None:
        """Remember whose the iterator or the next page of an answer is."""
        for call in calls:
            if call.operation in _ANSWERED:
                answer = json.loads(body)
                token = answer.get("ShardIterator") or answer.get("NextShardIterator") or answer.get("NextToken")
                if token:
                    self._streams[token] = call.name

    def _kinesis(self, named: str, fields: dict[str, Any]) -> Call:
        if "ConsumerARN" in fields:
            stream, _, consumer = fields["ConsumerARN"].partition("/consumer/")
            return Call(named, "consumer", f"{_last(stream)}/{consumer.partition(':')[0]}")
        stream = fields.get("StreamName") or _last(fields.get("StreamARN", ""))
        token = fields.get("ShardIterator") or fields.get("NextToken")
        if not stream and token:
            stream = self._streams.get(token, "")
        if "ConsumerName" in fields:
            return Call(named, "consumer", f"{stream}/{fields['ConsumerName']}")
        if not stream:
            raise RequestUnknown(f"{named} names no stream: {sorted(fields)}")
        return Call(named, "stream", stream)


def _operation(sent: Sent) -> tuple[str, dict[str, Any]]:
    target = sent.headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2], json.loads(sent.body or b"{}")
    by_path = _RPC.match(sent.path)
    if by_path:
        return by_path[1], {}
    form = dict(parse_qsl(sent.body.decode() or sent.query))
    if "Action" not in form:
        raise RequestUnknown(f"{sent.method} {sent.path} names no operation")
    return form["Action"], form


_OF_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def _tables(named: str, fields: dict[str, Any]) -> Iterator[Call]:
    """A transaction is checked as the writes in it, a batch as itself on each of its tables.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    if named.endswith(":TransactWriteItems"):
        for item in fields["TransactItems"]:
            for kind, write in item.items():
                yield Call(f"dynamodb:{_OF_TRANSACTIONS[kind]}", "table", _last(write["TableName"]))
    elif named.endswith(":TransactGetItems"):
        for item in fields["TransactItems"]:
            yield Call("dynamodb:GetItem", "table", _last(item["Get"]["TableName"]))
    elif "RequestItems" in fields:
        for table in fields["RequestItems"]:
            yield Call(named, "table", _last(table))
    elif "TableName" in fields:
        yield Call(named, "table", _last(fields["TableName"]))
    else:
        yield Call(named)


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


# By method, whether an object is named, and the subresource in the query.
_S3 = {
    ("GET", True, ""): "GetObject",
    ("HEAD", True, ""): "HeadObject",
    ("PUT", True, ""): "PutObject",
    ("DELETE", True, ""): "DeleteObject",
    ("GET", False, "list-type"): "ListObjectsV2",
    ("POST", False, "delete"): "DeleteObjects",
    ("POST", True, "uploads"): "CreateMultipartUpload",
    ("PUT", True, "partNumber"): "UploadPart",
    ("POST", True, "uploadId"): "CompleteMultipartUpload",
    ("DELETE", True, "uploadId"): "AbortMultipartUpload",
    ("HEAD", False, ""): "HeadBucket",
}
_PLAIN = frozenset({"x-id", "prefix", "continuation-token", "max-keys", "encoding-type", "fetch-owner", "start-after"})


def s3_call(sent: Sent) -> Call:
    """The operation of a path-style request to S3; of a list also the prefix, as bucket/prefix."""
    bucket, _, key = unquote(sent.path).lstrip("/").partition("/")
    query = dict(parse_qsl(sent.query, keep_blank_values=True))
    asked = [name for name in query if name not in _PLAIN]
    special = "partNumber" if "partNumber" in asked else next(iter(asked), "")
    operation = _S3.get((sent.method, bool(key), special))
    if operation is None or "x-amz-copy-source" in {name.lower() for name in sent.headers}:
        raise RequestUnknown(f"s3 {sent.method} {sent.path}?{sent.query}")
    if operation == "ListObjectsV2":
        return Call(f"s3:{operation}", "list", f"{bucket}/{query.get('prefix', '')}")
    return Call(f"s3:{operation}", "object" if key else "bucket", f"{bucket}/{key}" if key else bucket)
