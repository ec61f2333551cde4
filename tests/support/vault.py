"""Secrets Manager as far as a rotation needs it, in memory: versions, staging labels, and the exchange of a label.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
"""

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any


class ResourceNotFound(Exception):
    """No such secret, version or label, or no value there."""


class InvalidParameter(Exception):
    """The label is not on the version that it should be removed from."""


class ResourceExists(Exception):
    """The token was used for another value."""


class Crash(BaseException):
    """The function ends here, before or after a call took effect."""


class Vault:
    """Secrets by id. `before` and `after` are called around each call's effect with its name, and may raise."""

    exceptions = SimpleNamespace(
        ResourceNotFoundException=ResourceNotFound,
        InvalidParameterException=InvalidParameter,
        InvalidRequestException=InvalidParameter,
        ResourceExistsException=ResourceExists,
    )

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ids = count(1)
        self.values: dict[str, dict[str, tuple[str, float]]] = {}
        self.stages: dict[str, dict[str, str]] = {}
        self.before: Callable[[str], None] = lambda _name: None
        self.after: Callable[[str], None] = lambda _name: None

    def create(self, secret: str, text: str | None) -> None:
        """A secret, with a current value or without."""
        self.values[secret], self.stages[secret] = {}, {}
        if text is not None:
            self.put_secret_value(SecretId=secret, SecretString=text, VersionStages=["AWSCURRENT"])

    def begin(self, secret: str, token: str) -> None:
        """What RotateSecret does: the token becomes the pending version, which has no value yet."""
        self.stages[secret]["AWSPENDING"] = token

    def text(self, secret: str, stage: str = "AWSCURRENT") -> str:
        """The value that a label is on."""
        return self.values[secret][self.stages[secret][stage]][0]

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803  boto3's names
        self.before("describe_secret")
        versions: dict[str, list[str]] = {}
        for stage, version in self.stages[SecretId].items():
            versions.setdefault(version, []).append(stage)
        self.after("describe_secret")
        return {"RotationEnabled": True, "VersionIdsToStages": versions}

    def get_secret_value(self, *, SecretId: str, VersionStage: str, VersionId: str | None = None) -> dict[str, Any]:  # noqa: N803
        self.before("get_secret_value")
        version = self.stages[SecretId].get(VersionStage)
        if version is None or VersionId not in (None, version) or version not in self.values[SecretId]:
            self.after("get_secret_value")
            raise ResourceNotFound(f"{SecretId}: {VersionStage}")
        text, made = self.values[SecretId][version]
        self.after("get_secret_value")
        return {"SecretString": text, "VersionId": version, "CreatedDate": made}

    def put_secret_value(
        self,
        *,
        SecretId: str,  # noqa: N803
        SecretString: str,  # noqa: N803
        VersionStages: list[str],  # noqa: N803
        ClientRequestToken: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        self.before("put_secret_value")
        version = ClientRequestToken or f"v{next(self._ids)}"
        held = self.values[SecretId].get(version)
        if held is not None and held[0] != SecretString:
            raise ResourceExists(version)
        self.values[SecretId][version] = (SecretString, self._now())
        for stage in VersionStages:
            self._move(SecretId, stage, version)
        self.after("put_secret_value")
        return {"VersionId": version}

    def update_secret_version_stage(
        self,
        *,
        SecretId: str,  # noqa: N803
        VersionStage: str,  # noqa: N803
        MoveToVersionId: str,  # noqa: N803
        RemoveFromVersionId: str | None = None,  # noqa: N803
    ) -> None:
        self.before("update_secret_version_stage")
        if self.stages[SecretId].get(VersionStage) != RemoveFromVersionId:
            raise InvalidParameter(f"{VersionStage} is not on {RemoveFromVersionId}")
        self._move(SecretId, VersionStage, MoveToVersionId)
        self.after("update_secret_version_stage")

    def _move(self, secret: str, stage: str, version: str) -> None:
        former = self.stages[secret].get(stage)
        if stage == "AWSCURRENT" and former not in (None, version):
            self.stages[secret]["AWSPREVIOUS"] = str(former)
        self.stages[secret][stage] = version
