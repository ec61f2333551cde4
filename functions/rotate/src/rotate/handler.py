"""The Lambda function that Secrets Manager calls, once a step. Standard library, and boto3 of the runtime."""

import json
import os
import secrets
import time
import urllib.error
import urllib.request
from typing import Final

from rotate.settings import load
from rotate.steps import RotationFailed, World, rotate

_PROBE_SECONDS: Final = 10.0


def handle(event: dict[str, str], _context: object) -> None:
    """Entry point: `SecretId`, `ClientRequestToken` and `Step`. Raises where the step failed: it is repeated."""
    settings = load(os.environ)
    sender = settings.senders.get(event["SecretId"])
    if sender is None:
        raise RotationFailed(f"{event['SecretId']} is not among ROTATE_SENDERS")
    told = rotate(event["Step"], sender, event["ClientRequestToken"], settings, _world())
    print(json.dumps({"step": event["Step"], "sender": sender.name, "told": told}), flush=True)


def _world() -> World:
    import boto3  # the runtime's own, and slow to import: only where it is used
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 4, "mode": "standard"}, connect_timeout=5, read_timeout=10)
    return World(
        secrets=boto3.client("secretsmanager", config=config),
        new_key=lambda: secrets.token_urlsafe(32),
        now=time.time,
        sleep=time.sleep,
        probe=probe,
    )


def probe(ingest_url: str, key: str) -> int:
    """The status of a request without events: 400 where the key is known, 403 where it is not; 0 without an answer."""
    headers = {"Content-Type": "application/json", "X-API-Key": key, "User-Agent": "etl-rotate", "Connection": "close"}
    # The scheme is checked in settings.load.
    request = urllib.request.Request(f"{ingest_url}/v1/events", b"", headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_SECONDS) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except (urllib.error.URLError, OSError):
        return 0
