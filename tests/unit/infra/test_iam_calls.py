"""Requests over the wire are told apart: operation, what it is on, and who signed it."""

import json

import pytest
from iam_simulation.arns import Account, arn_of, overrides
from iam_simulation.authorize import requests
from iam_simulation.calls import Call, Reader, RequestUnknown, Sent, s3_call, signer
from iam_simulation.evaluate import Request
from iam_simulation.names import NameUnknown, names_of, resolved, template_of

ACCOUNT = Account("123456789012", "us-east-1", "etl-test")


def sent(target: str, **fields: object) -> Sent:
    return Sent("POST", "/", "", {"X-Amz-Target": f"Any_1.{target}"}, json.dumps(fields).encode())


def test_the_signature_tells_who_and_which_service() -> None:
    """The access key names the service that calls, the scope the one that is called; unsigned requests are nobody's."""
    scope = "AWS4-HMAC-SHA256 Credential=enricher/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host"
    assert signer({"Authorization": scope}) == ("enricher", "cloudwatch")
    assert signer({"Authorization": "Basic x"}) is None


def test_kinesis_by_name_by_arn_by_consumer_and_by_token() -> None:
    """An iterator and a page belong to the stream that they were given out for."""
    reader = Reader()
    named = Call("kinesis:PutRecords", "stream", "raw")
    assert reader.read("kinesis", sent("PutRecords", StreamName="raw")) == [named]
    assert reader.read("kinesis", sent("PutRecords", StreamARN="arn:aws:kinesis:r:1:stream/raw")) == [named]
    consumer = "arn:aws:kinesis:r:1:stream/raw/consumer/enricher:17"
    assert reader.read("kinesis", sent("SubscribeToShard", ConsumerARN=consumer)) == [
        Call("kinesis:SubscribeToShard", "consumer", "raw/enricher")
    ]
    asked = reader.read("kinesis", sent("GetShardIterator", StreamName="raw"))
    reader.answered(asked, b'{"ShardIterator":"i1"}')
    read = reader.read("kinesis", sent("GetRecords", ShardIterator="i1"))
    assert read == [Call("kinesis:GetRecords", "stream", "raw")]
    reader.answered(read, b'{"NextShardIterator":"i2","Records":[]}')
    assert reader.read("kinesis", sent("GetRecords", ShardIterator="i2")) == read
    reader.answered(reader.read("kinesis", sent("ListShards", StreamName="raw")), b'{"NextToken":"p2"}')
    assert reader.read("kinesis", sent("ListShards", NextToken="p2"))[0].name == "raw"
    with pytest.raises(RequestUnknown):
        reader.read("kinesis", sent("GetRecords", ShardIterator="nobody's"))


def test_transactions_are_the_writes_in_them() -> None:
    """DynamoDB checks each write of a transaction as itself, and a batch as itself on each table."""
    items = [{"Put": {"TableName": "a"}}, {"ConditionCheck": {"TableName": "b"}}, {"Delete": {"TableName": "a"}}]
    assert Reader().read("dynamodb", sent("TransactWriteItems", TransactItems=items)) == [
        Call("dynamodb:PutItem", "table", "a"),
        Call("dynamodb:ConditionCheckItem", "table", "b"),
        Call("dynamodb:DeleteItem", "table", "a"),
    ]
    batch = sent("BatchGetItem", RequestItems={"a": {}, "b": {}})
    assert [call.name for call in Reader().read("dynamodb", batch)] == ["a", "b"]


@pytest.mark.parametrize(
    ("method", "path", "query", "call"),
    [
        ("GET", "/b/k/x", "x-id=GetObject", Call("s3:GetObject", "object", "b/k/x")),
        ("HEAD", "/b/k", "", Call("s3:HeadObject", "object", "b/k")),
        ("PUT", "/b/k%20k", "", Call("s3:PutObject", "object", "b/k k")),
        ("PUT", "/b/k", "partNumber=2&uploadId=u", Call("s3:UploadPart", "object", "b/k")),
        ("POST", "/b/k", "uploads=", Call("s3:CreateMultipartUpload", "object", "b/k")),
        ("POST", "/b/k", "uploadId=u", Call("s3:CompleteMultipartUpload", "object", "b/k")),
        ("GET", "/b", "list-type=2&prefix=a%2Fb", Call("s3:ListObjectsV2", "list", "b/a/b")),
        ("HEAD", "/b", "", Call("s3:HeadBucket", "bucket", "b")),
    ],
)
def test_s3_by_method_path_and_query(method: str, path: str, query: str, call: Call) -> None:
    """Path-style requests of the SDKs."""
    assert s3_call(Sent(method, path, query, {})) == call


def test_a_request_of_no_known_operation_is_an_error() -> None:
    """Nothing is left out because it was not understood."""
    with pytest.raises(RequestUnknown):
        s3_call(Sent("PUT", "/b/k", "acl=", {}))
    with pytest.raises(RequestUnknown):
        s3_call(Sent("PUT", "/b/k", "", {"X-Amz-Copy-Source": "b/other"}))
    with pytest.raises(RequestUnknown):
        Reader().read("sns", Sent("GET", "/", "", {}))
    with pytest.raises(RequestUnknown):
        Reader().read("iam", sent("ListUsers"))


def test_calls_are_kept_by_settings_and_found_again_under_other_names() -> None:
    """A name becomes the setting that states it, and the setting another task's name; an unknown name is an error."""
    here = names_of("enricher", {"ENRICHER_RAW_STREAM": "raw", "ENRICHER_DEAD_LETTER_BUCKET": "lake"})
    there = names_of("enricher", {"ENRICHER_RAW_STREAM": "p-raw", "ENRICHER_DEAD_LETTER_BUCKET": "p-lake"})
    read = template_of(Call("kinesis:GetRecords", "stream", "raw"), here)
    assert read.name == "{raw_stream}"
    assert [call.name for call in resolved(read, there)] == ["p-raw"]
    put = template_of(Call("s3:PutObject", "object", "lake/dead-letter-originals/abc"), here)
    assert put.name == "{dead_letter_bucket}/dead-letter-originals/*"
    assert [call.name for call in resolved(put, there)] == ["p-lake/dead-letter-originals/*"]
    with pytest.raises(NameUnknown):
        template_of(Call("dynamodb:GetItem", "table", "raw"), here)


def test_a_setting_may_stand_for_several_or_for_none() -> None:
    """The indexer has a lease table a kind; an aggregator that works alone exchanges nothing."""
    tables = resolved(Call("dynamodb:Scan", "table", "{lease_table}"), names_of("indexer", {}))
    assert len(list(tables)) == 5
    exchanged = Call("kinesis:PutRecords", "stream", "{exchange_stream}")
    told = {"AGGREGATOR_EXCHANGE_STREAM": "exchange"}
    assert not list(resolved(exchanged, names_of("aggregator", told)))
    assert list(resolved(exchanged, names_of("aggregator", {**told, "AGGREGATOR_DISTRIBUTION": "shards"})))


def test_what_aws_checks_of_a_call() -> None:
    """A put asks for its stream and for a data key; a consumer by name for its stream too; a message for its topic."""
    stream, key = ACCOUNT.arn("kinesis", "stream/raw"), ACCOUNT.arn("kms", "key/k")
    via = {"kms:ViaService": "kinesis.us-east-1.amazonaws.com"}
    put = list(requests(Call("kinesis:PutRecords", "stream", "raw"), ACCOUNT, {stream: key}))
    assert [(asked.action, asked.resource, dict(asked.context)) for asked in put] == [
        ("kinesis:PutRecords", stream, {}),
        ("kms:GenerateDataKey", key, via),
    ]
    found = requests(Call("kinesis:DescribeStreamConsumer", "consumer", "raw/enricher"), ACCOUNT, {})
    assert [asked.resource for asked in found] == [stream, ACCOUNT.consumer("raw", "enricher")]
    subscribed = list(requests(Call("kinesis:SubscribeToShard", "consumer", "raw/enricher"), ACCOUNT, {stream: key}))
    assert [asked.action for asked in subscribed] == ["kinesis:SubscribeToShard", "kms:Decrypt"]
    topic = ACCOUNT.arn("sns", "alerts")
    assert [asked.action for asked in requests(Call("sns:PublishBatch", "topic", topic), ACCOUNT, {topic: key})] == [
        *("sns:Publish", "kms:GenerateDataKey", "kms:Decrypt"),
    ]
    (asked,) = requests(Call("s3:ListObjectsV2", "list", "b/aggregator/*"), ACCOUNT, {})
    assert asked == Request("s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "aggregator/*"})


def test_planned_resources_get_arns_of_their_own() -> None:
    """Two streams have two ARNs, a consumer its stream's; what no policy names is left alone."""
    raw = 'module.stream.aws_kinesis_stream.on_demand["raw"]'
    assert arn_of(raw, {"name": "etl-test-raw"}, ACCOUNT) == ACCOUNT.arn("kinesis", "stream/etl-test-raw")
    consumer = 'module.stream.aws_kinesis_stream_consumer.this["raw/enricher"]'
    assert arn_of(consumer, {"name": "enricher"}, ACCOUNT) == ACCOUNT.consumer("etl-test-raw", "enricher")
    assert arn_of("module.network.aws_vpc.this", {}, ACCOUNT) is None
    (block,) = overrides([(raw, {"name": "etl-test-raw"}), ("aws_vpc.this", {})], ACCOUNT)
    assert f"target = {raw}" in block
