"""The error that every double raises and the HTTP front renders."""


class ServiceError(Exception):
    """What an AWS service answers instead of a result: send `code` and `message` to the client as they are."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
