"""The errors of Kinesis, each with the code that AWS gives it."""

from local_aws.errors import ServiceError


class InvalidArgument(ServiceError):
    """A parameter exceeds its restrictions or cannot be used so. Do not repeat the call unchanged."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidArgumentException", message)


class ValidationFailed(ServiceError):
    """The request breaks the constraints of its own form. Do not repeat it unchanged."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class SerializationFailed(ServiceError):
    """A value in the request has the wrong type. Do not repeat it unchanged."""

    def __init__(self, message: str) -> None:
        super().__init__("SerializationException", message)


class ResourceNotFound(ServiceError):
    """There is no such stream, shard or consumer, or the stream is not active yet."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFoundException", message)


class ResourceInUse(ServiceError):
    """The stream, consumer or subscription is not in the state that the call needs. Wait, then repeat."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUseException", message)


class LimitExceeded(ServiceError):
    """The account may not have more of these, or not so fast. Wait, then repeat."""

    def __init__(self, message: str) -> None:
        super().__init__("LimitExceededException", message)


class ThroughputExceeded(ServiceError):
    """The shard takes no more for now. Wait, then repeat."""

    def __init__(self, message: str) -> None:
        super().__init__("ProvisionedThroughputExceededException", message)


class ExpiredIterator(ServiceError):
    """The shard iterator is over five minutes old. Get a new one."""

    def __init__(self, message: str) -> None:
        super().__init__("ExpiredIteratorException", message)


class ExpiredNextToken(ServiceError):
    """The pagination token is over five minutes old. List from the start."""

    def __init__(self, message: str) -> None:
        super().__init__("ExpiredNextTokenException", message)
