"""The errors of Firehose, worded as AWS words them (https://docs.aws.amazon.com/firehose/latest/APIReference/)."""

from __future__ import annotations

from local_aws.errors import ServiceError


def validation_failed(value: object, member: str, constraint: str) -> ServiceError:
    """A member breaks a constraint of the API's model."""
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}",
    )


def missing(member: str) -> ServiceError:
    """A required member is not there."""
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null",
    )


def not_that_type(member: str, kind: str) -> ServiceError:
    """A member's JSON type is not the model's."""
    return ServiceError("SerializationException", f"{member} can not be converted to {kind}")


def invalid_argument(message: str) -> ServiceError:
    """The request is well-formed and cannot be carried out."""
    return ServiceError("InvalidArgumentException", message)


def not_found(name: str, account_id: str) -> ServiceError:
    """No such delivery stream, or none that is ACTIVE yet."""
    return ServiceError("ResourceNotFoundException", f"Firehose {name} under account {account_id} not found.")


def in_use(name: str, account_id: str) -> ServiceError:
    """A delivery stream of this name is there already."""
    return ServiceError("ResourceInUseException", f"Firehose {name} under accountId {account_id} already exists")


def concurrent_modification(current: int, given: str) -> ServiceError:
    """Somebody else updated the delivery stream since it was described."""
    return ServiceError(
        "ConcurrentModificationException",
        f"Cannot update firehose with version id {given}: the current version id is {current}",
    )


def slow_down() -> ServiceError:
    """The delivery stream takes no more for now; send again with backoff."""
    return ServiceError("ServiceUnavailableException", "Slow down.", status=503)
