"""The boundary to AWS: every botocore error becomes a verdict here, and none goes further up."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from aws_wire.put_records import PutResult
from delivery.outcome import Outcome, Refused, Retry, Verdict

# The request is at fault, so one of its records is. Anything else is the service, the network or the
# configuration: an operator can mend that, and the records are kept until then.
_AT_FAULT = frozenset(
    {
        "InvalidArgumentException",
        "ValidationException",
        "SerializationException",
        "RequestEntityTooLargeException",
        "RequestEntityTooLarge",
        "413",
    }
)
_MESSAGE_CHARACTERS = 500


async def answered(call: Callable[[], Awaitable[Any]], units: int) -> dict[str, Any] | list[Verdict] | Refused:
    """The answer of an AWS call, or what its failure means for each of the request's units."""
    try:
        response: dict[str, Any] = await call()
        return response
    except ClientError as error:
        return judge_error(str(error.response.get("Error", {}).get("Code", "Unknown")), str(error), units)
    except ParamValidationError as error:
        return Refused("ValidationException", _short(str(error)))
    except (BotoCoreError, aiohttp.ClientError, OSError) as error:
        return [Retry(type(error).__name__, _short(str(error)))] * units


def judge_error(code: str, message: str, units: int) -> list[Verdict] | Refused:
    """What an error answer to a whole request means for its units."""
    if code in _AT_FAULT:
        return Refused(code, _short(message))
    return [Retry(code, _short(message))] * units


def judge_records(records: Sequence[dict[str, Any]] | None, units: int) -> list[Verdict]:
    """What the per-record answers of PutRecords or PutRecordBatch mean; an answer that does not align is no answer.

    A record with an `ErrorCode` was not stored, whatever the HTTP status: both APIs answer 200 to a partial failure.
    Stored is only what has a `SequenceNumber` (Kinesis) or a `RecordId` (Firehose).
    """
    records = records or ()
    if len(records) != units:
        return [Retry("MalformedResponse", f"{len(records)} answers to {units} records")] * units
    return [_judge_record(record) for record in records]


def judge_results(results: Sequence[PutResult], units: int) -> list[Verdict]:
    """What the typed answers of PutRecords mean: the same as in `judge_records`."""
    if len(results) != units:
        return [Retry("MalformedResponse", f"{len(results)} answers to {units} records")] * units
    return [_judge_result(result) for result in results]


def _judge_result(result: PutResult) -> Verdict:
    if result.error_code:
        return Retry(result.error_code, _short(result.error_message or ""))
    if not result.sequence_number:
        return Retry("MalformedResponse", "a record was neither stored nor refused")
    return Outcome("delivered", "", "", result.shard_id or "", result.sequence_number)


def _judge_record(record: dict[str, Any]) -> Verdict:
    if record.get("ErrorCode"):
        return Retry(str(record["ErrorCode"]), _short(str(record.get("ErrorMessage", ""))))
    if not (record.get("SequenceNumber") or record.get("RecordId")):
        return Retry("MalformedResponse", "a record was neither stored nor refused")
    return Outcome("delivered", "", "", record.get("ShardId", ""), record.get("SequenceNumber", ""))


def _short(message: str) -> str:
    return message[:_MESSAGE_CHARACTERS]
