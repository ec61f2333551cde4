"""The operations of Firehose's API: a request's body in, an answer's body out."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from local_aws.errors import ServiceError
from local_aws.firehose import errors
from local_aws.firehose.account import Account
from local_aws.firehose.definitions import DESTINATION_ID, NAME_PATTERN, parse_destination
from local_aws.firehose.members import Body, blob, choice, required_text, structure, text, whole_number

Answer = dict[str, object]


def _name(body: Body) -> str:
    return required_text(body, "DeliveryStreamName", pattern=NAME_PATTERN, longest=64)


def create_delivery_stream(account: Account, body: Body) -> Answer:
    """CreateDeliveryStream, for direct put to S3."""
    name = _name(body)
    if choice(body, "DeliveryStreamType", ("DirectPut", "KinesisStreamAsSource", "MSKAsSource")) not in (
        None,
        "DirectPut",
    ):
        raise errors.invalid_argument("the local Firehose supports only the DeliveryStreamType DirectPut")
    destination = structure(body, "ExtendedS3DestinationConfiguration")
    if destination is None:
        destination = structure(body, "S3DestinationConfiguration")
    if destination is None:
        raise errors.invalid_argument("the local Firehose needs an ExtendedS3DestinationConfiguration")
    return {"DeliveryStreamARN": account.create(name, parse_destination(destination)).arn}


def describe_delivery_stream(account: Account, body: Body) -> Answer:
    """DescribeDeliveryStream."""
    stream = account.stream(_name(body))
    return {"DeliveryStreamDescription": stream.definition.describe(account.status(stream))}


def list_delivery_streams(account: Account, body: Body) -> Answer:
    """ListDeliveryStreams, in the order of names."""
    limit = whole_number(body, "Limit", 1, 10_000) or 10
    start = text(body, "ExclusiveStartDeliveryStreamName", pattern=NAME_PATTERN, longest=64) or ""
    names = [name for name in account.names() if name > start]
    if text(body, "DeliveryStreamType") not in (None, "DirectPut"):
        names = []
    return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}


def delete_delivery_stream(account: Account, body: Body) -> Answer:
    """DeleteDeliveryStream."""
    account.delete(_name(body))
    return {}


def update_destination(account: Account, body: Body) -> Answer:
    """UpdateDestination of an S3 destination."""
    stream = account.stream(_name(body))
    given = required_text(body, "CurrentDeliveryStreamVersionId")
    if given != str(stream.definition.version):
        raise errors.concurrent_modification(stream.definition.version, given)
    if required_text(body, "DestinationId") != DESTINATION_ID:
        raise errors.invalid_argument(f"Destination Id {body['DestinationId']} not found")
    update = structure(body, "ExtendedS3DestinationUpdate") or structure(body, "S3DestinationUpdate") or {}
    account.update(stream.definition.name, parse_destination(update, stream.definition.destination))
    return {}


def put_record(account: Account, body: Body) -> Answer:
    """PutRecord."""
    name = _name(body)
    data = blob(body.get("Record"), "record", account.settings.max_record_bytes)
    stream = account.active_stream(name)
    if account.faults.throttles_call() or stream.put([data]) == 0:
        raise errors.slow_down()
    return {"RecordId": _record_ids(1)[0], "Encrypted": False}


def put_record_batch(account: Account, body: Body) -> Answer:
    """PutRecordBatch: an answer a record, in the request's order; what is refused may be sent again."""
    name = _name(body)
    records = _batch(account, body)
    stream = account.active_stream(name)
    if account.faults.throttles_call():
        raise errors.slow_down()
    admitted = [number for number in range(len(records)) if not account.faults.throttles_record()]
    taken = stream.put([records[number] for number in admitted])
    answers: list[Answer] = [
        {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."} for _ in records
    ]
    for number, record_id in zip(admitted[:taken], _record_ids(taken), strict=True):
        answers[number] = {"RecordId": record_id}
    return {"FailedPutCount": len(records) - taken, "Encrypted": False, "RequestResponses": answers}


def _batch(account: Account, body: Body) -> list[bytes]:
    settings = account.settings
    records = body.get("Records")
    if records is None:
        raise errors.missing("records")
    if not isinstance(records, list):
        raise errors.not_that_type("Records", "a List")
    if not records:
        raise errors.validation_failed("[]", "records", "Member must have length greater than or equal to 1")
    if len(records) > settings.max_batch_records:
        constraint = f"Member must have length less than or equal to {settings.max_batch_records}"
        raise errors.validation_failed(f"[{len(records)} records]", "records", constraint)
    decoded = [
        blob(record, f"records.{number}.member", settings.max_record_bytes)
        for number, record in enumerate(records, start=1)
    ]
    if sum(map(len, decoded)) > settings.max_batch_bytes:
        raise errors.invalid_argument("Records size exceeds 4 MB limit")
    return decoded


def _record_ids(count: int) -> list[str]:
    call = uuid.uuid4().hex
    return [f"{call}{number:04d}" for number in range(count)]


OPERATIONS: dict[str, Callable[[Account, Body], Answer]] = {
    "CreateDeliveryStream": create_delivery_stream,
    "DeleteDeliveryStream": delete_delivery_stream,
    "DescribeDeliveryStream": describe_delivery_stream,
    "ListDeliveryStreams": list_delivery_streams,
    "PutRecord": put_record,
    "PutRecordBatch": put_record_batch,
    "UpdateDestination": update_destination,
}


def carry_out(account: Account, operation: str, body: Body) -> Answer:
    """Carry out an operation by its name; raises `ServiceError`."""
    if operation not in OPERATIONS:
        raise ServiceError("UnknownOperationException", f"the local Firehose does not know {operation}")
    return OPERATIONS[operation](account, body)
