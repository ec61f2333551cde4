"""What AWS checks before it does what was called: actions on resources, those on keys behind them included. Pure.

Actions and their resources: the Service Authorization Reference, and where an operation's name is not its action
https://docs.aws.amazon.com/AmazonS3/latest/API/s3-api-permissions.html and
https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html.
"""

from collections.abc import Iterator, Mapping

from iam_simulation.arns import Account
from iam_simulation.calls import Call
from iam_simulation.evaluate import Request

ACTIONS = {
    "sns:PublishBatch": "sns:Publish",
    "s3:HeadObject": "s3:GetObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}
"""The action that stands for an operation, where it has another name."""

# What a service asks of KMS in the caller's name, for something that a key of the account's own encrypts.
# https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
# Firehose encrypts by its own role.
_DECRYPT, _GENERATE = "kms:Decrypt", "kms:GenerateDataKey"
_BY_KEY: Mapping[str, tuple[str, ...]] = {
    "kinesis:PutRecord": (_GENERATE,),
    "kinesis:PutRecords": (_GENERATE,),
    "kinesis:GetRecords": (_DECRYPT,),
    "kinesis:SubscribeToShard": (_DECRYPT,),
    "s3:PutObject": (_GENERATE,),
    "s3:CreateMultipartUpload": (_GENERATE, _DECRYPT),
    "s3:UploadPart": (_GENERATE, _DECRYPT),
    "s3:GetObject": (_DECRYPT,),
    "sns:Publish": (_GENERATE, _DECRYPT),
    "sns:PublishBatch": (_GENERATE, _DECRYPT),
    "secretsmanager:GetSecretValue": (_DECRYPT,),
    "secretsmanager:PutSecretValue": (_GENERATE, _DECRYPT),
}
_ITEMS = frozenset(
    {
        *("BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan"),
        "UpdateItem",
    }
)


def action_of(operation: str) -> str:
    """The IAM action that an operation needs."""
    return ACTIONS.get(operation, operation)


def requests(call: Call, account: Account, keys: Mapping[str, str]) -> Iterator[Request]:
    """Every authorisation of one call; `keys` are ARNs of keys by the ARN of what they encrypt."""
    action = action_of(call.operation)
    encrypted = ""
    for resource in _resources(call, account):
        context = {}
        if call.kind == "list":
            context = {"s3:prefix": call.name.partition("/")[2]}
        encrypted = encrypted or _owner(resource)
        yield Request(action, resource, context)
    service = call.operation.partition(":")[0]
    if encrypted in keys:
        for needed in _keyed(call.operation):
            yield Request(needed, keys[encrypted], {"kms:ViaService": f"{service}.{account.region}.amazonaws.com"})


def _keyed(operation: str) -> tuple[str, ...]:
    service, _, name = operation.partition(":")
    if service == "dynamodb":
        return (_DECRYPT,) if name in _ITEMS else ()
    return _BY_KEY.get(operation, ())


def _resources(call: Call, account: Account) -> Iterator[str]:
    name = call.name
    if call.kind == "stream":
        yield account.arn("kinesis", f"stream/{name}")
    elif call.kind == "consumer":
        stream, _, consumer = name.partition("/")
        # A consumer looked for by its name: the stream is asked for, too.
        if call.operation != "kinesis:SubscribeToShard":
            yield account.arn("kinesis", f"stream/{stream}")
        yield account.consumer(stream, consumer)
    elif call.kind == "delivery stream":
        yield account.arn("firehose", f"deliverystream/{name}")
    elif call.kind == "table":
        yield account.arn("dynamodb", f"table/{name}")
    elif call.kind == "object":
        yield f"arn:aws:s3:::{name}"
    elif call.kind in ("list", "bucket"):
        yield f"arn:aws:s3:::{name.partition('/')[0]}"
    elif call.kind == "domain":
        yield account.arn("es", f"domain/{name}/*")
    elif call.kind in ("topic", "secret", "log group", "repository", "role", "key"):
        yield name  # its ARN
    else:
        yield "*"


def _owner(resource: str) -> str:
    """What has the key: the bucket of an object, the stream of a consumer, the thing itself."""
    if resource.startswith("arn:aws:s3:::"):
        return resource.partition("/")[0]
    return resource.partition("/consumer/")[0]
