"""The four steps of a rotation, each of which may be begun again wherever it was broken off.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html

At every moment the key that a sender reads is one that the ingest API knows: the new key is listed before it comes into
force, and the old one stays listed until the next rotation lists its own new key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from rotate.keys import HEADER, Sender, api_key, listed, secret_text
from rotate.settings import Settings

_CURRENT, _PENDING, _WRITTEN = "AWSCURRENT", "AWSPENDING", "ROTATIONWRITE"
_ATTEMPTS: Final = 5
_PROBES: Final = 20


class RotationFailed(Exception):
    """A step cannot be done now. Secrets Manager tries again; the key in use stays, and stays valid."""


@dataclass(frozen=True, slots=True)
class World:
    """What the steps need of the world: Secrets Manager's client, new keys, the time, patience, and the ingest API.

    `probe` gives the HTTP status that a key is answered with, 0 where nothing answers.
    """

    secrets: Any
    new_key: Callable[[], str]
    now: Callable[[], float]
    sleep: Callable[[float], None]
    probe: Callable[[str, str], int]


def rotate(step: str, sender: Sender, token: str, settings: Settings, world: World) -> str:
    """Do one step; what was done, in words for the log. Raises `RotationFailed`, ValueError for a step unknown."""
    steps = {"createSecret": _create, "setSecret": _set, "testSecret": _test, "finishSecret": _finish}
    if step not in steps:
        raise ValueError(f"{step!r} is no step: {', '.join(steps)}")
    stages = _stages(sender, token, world)
    if _CURRENT in stages:
        return "this version is in force already"
    if _PENDING not in stages:
        raise RotationFailed(f"version {token} of {sender.secret} is not AWSPENDING: it was cancelled")
    return steps[step](sender, token, settings, world)


def _stages(sender: Sender, token: str, world: World) -> list[str]:
    told = world.secrets.describe_secret(SecretId=sender.secret)
    if not told.get("RotationEnabled"):
        raise RotationFailed(f"{sender.secret} is not set to be rotated")
    versions: dict[str, list[str]] = told.get("VersionIdsToStages", {})
    if token not in versions:
        raise RotationFailed(f"{sender.secret} has no version {token}")
    return versions[token]


def _create(sender: Sender, token: str, _settings: Settings, world: World) -> str:
    """A new key, kept as the pending version. One that is there already is kept: it may be listed."""
    if _value(world, sender.secret, VersionId=token, VersionStage=_PENDING) is not None:
        return "the pending key is there already"
    text = secret_text(sender, world.new_key())
    world.secrets.put_secret_value(
        SecretId=sender.secret, ClientRequestToken=token, SecretString=text, VersionStages=[_PENDING]
    )
    return "a pending key was made"


def _set(sender: Sender, token: str, settings: Settings, world: World) -> str:
    """List the pending key beside the current one; older ones leave the list."""
    current, pending = _keys(sender, token, world)
    keys = [key for key in (current, pending) if key is not None]
    for _ in range(_ATTEMPTS):
        held = _value(world, settings.list_secret, VersionStage=_CURRENT)
        text = "" if held is None else str(held["SecretString"])
        wanted = listed(text, sender, keys)
        if wanted == text:
            return "the pending key is listed already"
        if _replace(settings.list_secret, held, wanted, world):
            return "the pending key was listed"
    raise RotationFailed(f"{settings.list_secret} was changed by others {_ATTEMPTS} times in a row")


def _replace(secret: str, held: dict[str, Any] | None, text: str, world: World) -> bool:
    """Bring a text into force unless the one that was read is no longer: two rotations may write one list."""
    stage = _CURRENT if held is None else _WRITTEN
    made = world.secrets.put_secret_value(SecretId=secret, SecretString=text, VersionStages=[stage])
    if held is None:
        return True
    try:
        world.secrets.update_secret_version_stage(
            SecretId=secret,
            VersionStage=_CURRENT,
            MoveToVersionId=made["VersionId"],
            RemoveFromVersionId=held["VersionId"],
        )
    except (world.secrets.exceptions.InvalidParameterException, world.secrets.exceptions.InvalidRequestException):
        return False
    return True


def _test(sender: Sender, token: str, settings: Settings, world: World) -> str:
    """Wait until every task has read the list, and see that the ingest API knows the pending key."""
    current, pending = _keys(sender, token, world)
    held = _value(world, settings.list_secret, VersionStage=_CURRENT)
    text = HEADER if held is None else str(held["SecretString"])
    if held is None or listed(text, sender, [key for key in (current, pending) if key is not None]) != text:
        raise RotationFailed("the pending key is not listed: setSecret has to come first")
    if current is None:
        return "the first key: nobody sends by another yet, and nothing can be refused"
    written = held["CreatedDate"]
    left = (written.timestamp() if hasattr(written, "timestamp") else float(written)) + settings.settle_seconds
    world.sleep(max(0.0, left - world.now()))
    if settings.ingest_url is None:
        return "the pending key is listed, and every task has had time to read it"
    for _ in range(_PROBES):  # each over a connection of its own: the load balancer spreads them over the tasks
        status = world.probe(settings.ingest_url, pending)
        if status in (0, 401, 403) or status >= 500:
            raise RotationFailed(f"the ingest API answers {status or 'nothing'} to the pending key")
    return f"the ingest API knew the pending key {_PROBES} times of {_PROBES}"


def _finish(sender: Sender, token: str, _settings: Settings, world: World) -> str:
    """The pending version becomes the current one, which senders read."""
    current = _value(world, sender.secret, VersionStage=_CURRENT)
    removed = {} if current is None else {"RemoveFromVersionId": current["VersionId"]}
    world.secrets.update_secret_version_stage(
        SecretId=sender.secret, VersionStage=_CURRENT, MoveToVersionId=token, **removed
    )
    return "the pending key is in force"


def _keys(sender: Sender, token: str, world: World) -> tuple[str | None, str]:
    """The current key, None before the first rotation, and the pending one."""
    pending = _value(world, sender.secret, VersionId=token, VersionStage=_PENDING)
    key = None if pending is None else api_key(str(pending["SecretString"]))
    if key is None:
        raise RotationFailed(f"version {token} of {sender.secret} holds no key: createSecret has to come first")
    current = _value(world, sender.secret, VersionStage=_CURRENT)
    return (None if current is None else api_key(str(current["SecretString"]))), key


def _value(world: World, secret: str, **which: str) -> dict[str, Any] | None:
    """A version of a secret; None where it has no value yet."""
    try:
        told: dict[str, Any] = world.secrets.get_secret_value(SecretId=secret, **which)
    except world.secrets.exceptions.ResourceNotFoundException:
        return None
    return told
