"""What the canary sends, how it judges the answer, and the line it tells. Pure: time and identity are arguments."""

import json
from dataclasses import dataclass
from typing import Final

EVENT_TYPE: Final = "canary"
MAX_ANSWER_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, 0 where nothing did, and the body or, instead of one, what went wrong."""

    status: int
    body: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the event was accepted, and if not, why, in words for the log."""

    accepted: bool
    reason: str
    seconds: float


def event(run_id: str, now_ms: int) -> bytes:
    """The body of the request: one event whose id is the run's, so that it can be looked for in the index."""
    document = {
        "id": f"canary-{run_id}",
        "type": EVENT_TYPE,
        "source": "canary",
        "key": "canary",
        "time": now_ms,
        "payload": {"run": run_id},
    }
    return json.dumps(document).encode()


def judge(answer: Answer) -> Verdict:
    """An event counts as accepted by 202 and an answer that says so of it: no other 2xx means that Kinesis has it."""
    text = answer.body[:500].decode("utf-8", "replace")
    if answer.status == 0:
        return Verdict(False, f"no answer: {text}", answer.seconds)
    if answer.status != 202:
        return Verdict(False, f"status {answer.status}: {text}", answer.seconds)
    try:
        accepted = json.loads(answer.body)["accepted"]
    except (ValueError, KeyError, TypeError):
        return Verdict(False, f"202 without the count of accepted events: {text}", answer.seconds)
    if accepted != 1:
        return Verdict(False, f"202, but {accepted!r} events accepted: {text}", answer.seconds)
    return Verdict(True, "", answer.seconds)


def line(verdict: Verdict, run_id: str, namespace: str, now_ms: int) -> str:
    """The line for the function's log, in CloudWatch's embedded metric format: two metrics, and the reason in words."""
    metrics = [
        {"Name": "CanarySuccess", "Unit": "Count", "StorageResolution": 60},
        {"Name": "CanarySeconds", "Unit": "Seconds", "StorageResolution": 60},
    ]
    directive = {"Namespace": namespace, "Dimensions": [["Service"]], "Metrics": metrics}
    return json.dumps(
        {
            "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]},
            "Service": "canary",
            "CanarySuccess": int(verdict.accepted),
            "CanarySeconds": round(verdict.seconds, 4),
            "run": run_id,
            "reason": verdict.reason,
        }
    )


def api_key(secret: str) -> str:
    """The key in a secret's text: the text itself, or `api_key` of a JSON object. Raises ValueError without one."""
    text = secret.strip()
    if text.startswith("{"):
        key = json.loads(text).get("api_key")
        if not isinstance(key, str) or not key:
            raise ValueError('the secret is JSON without a text api_key: store the key itself, or {"api_key": "…"}')
        return key
    if not text:
        raise ValueError("the secret is empty: store an API key of the ingest API in it")
    return text
