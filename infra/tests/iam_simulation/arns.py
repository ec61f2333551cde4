"""ARNs as AWS would give them, for resources whose ARNs a mocked provider makes up: with them policies tell apart.

Forms: the Service Authorization Reference's tables of resource types,
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_ADDRESS = re.compile(r'(?:^|\.)(aws_\w+)\.\w+(?:\["?([^"\]]+)"?\])?$')
_KEYS = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


@dataclass(frozen=True, slots=True)
class Account:
    """Where the resources are; `name` is the prefix of the system's names."""

    number: str
    region: str
    name: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of the account's region."""
        return f"arn:aws:{service}:{self.region}:{self.number}:{resource}"

    def consumer(self, stream: str, consumer: str) -> str:
        """The ARN of a stream's consumer; the number is the time it was made."""
        return self.arn("kinesis", f"stream/{stream}/consumer/{consumer}:1700000000")


def kind_and_key(address: str) -> tuple[str, str]:
    """A resource's type, and the key of its instance, which is empty where there is one alone."""
    found = _ADDRESS.search(address)
    return (found[1], found[2] or "") if found else ("", "")


_FORMS: dict[str, Callable[[Account, dict[str, Any]], str]] = {
    "aws_kinesis_stream": lambda account, values: account.arn("kinesis", f"stream/{values['name']}"),
    "aws_dynamodb_table": lambda account, values: account.arn("dynamodb", f"table/{values['name']}"),
    "aws_s3_bucket": lambda account, values: f"arn:aws:s3:::{values['bucket']}",
    "aws_kinesis_firehose_delivery_stream": lambda account, values: account.arn(
        "firehose", f"deliverystream/{values['name']}"
    ),
    "aws_sns_topic": lambda account, values: account.arn("sns", values["name"]),
    "aws_sqs_queue": lambda account, values: account.arn("sqs", values["name"]),
    "aws_secretsmanager_secret": lambda account, values: account.arn(
        "secretsmanager", f"secret:{values['name']}-AbCdEf"
    ),
    "aws_iam_role": lambda account, values: f"arn:aws:iam::{account.number}:role/{values['name']}",
    "aws_opensearch_domain": lambda account, values: account.arn("es", f"domain/{values['domain_name']}"),
    "aws_ecs_task_definition": lambda account, values: account.arn("ecs", f"task-definition/{values['family']}:1"),
    "aws_cloudwatch_log_group": lambda account, values: account.arn("logs", f"log-group:{values['name']}"),
}


def arn_of(address: str, values: dict[str, Any], account: Account) -> str | None:
    """What AWS would call the resource; None for types that no policy of a service names."""
    kind, key = kind_and_key(address)
    if kind == "aws_kinesis_stream_consumer":
        stream, _, consumer = key.partition("/")
        return account.consumer(f"{account.name}-{stream}", consumer)
    if kind == "aws_kms_key":
        return account.arn("kms", f"key/{uuid.uuid5(_KEYS, address)}")
    form = _FORMS.get(kind)
    try:
        return None if form is None else form(account, values)
    except KeyError:  # its name is not known yet
        return None


def overrides(planned: Iterable[tuple[str, dict[str, Any]]], account: Account) -> Iterator[str]:
    """`override_resource` blocks for a test file, one for each planned resource that gets an ARN of its own."""
    by_address = dict(planned)
    for address, values in by_address.items():
        # A version is of the secret of the same name in the configuration, and has its ARN.
        secret = address.replace("aws_secretsmanager_secret_version.", "aws_secretsmanager_secret.")
        arn = arn_of(secret, by_address.get(secret, values), account)
        if arn is not None:
            yield f'override_resource {{\n  target = {address}\n  values = {{ arn = "{arn}" }}\n}}\n'
