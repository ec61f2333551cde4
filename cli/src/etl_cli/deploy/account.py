"""What a deployment asks of AWS besides Terraform. What AWS refuses becomes DeployFailed."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from etl_cli.deploy import DeployFailed
from etl_cli.deploy.releases import Release, parse, written

_CLIENTS = ("sts", "ecr", "ecs", "ssm", "secretsmanager")
_JOB_SECONDS = 600.0
_LOOK_SECONDS = 5.0


class Account:
    """The account that the environment's credentials are of, in one region."""

    def __init__(self, clients: Mapping[str, Any]) -> None:
        self._clients = clients

    async def must_be(self, account_id: str | None) -> None:
        """Raises DeployFailed when credentials are of another account than the one that is meant."""
        found = (await self._clients["sts"].get_caller_identity())["Account"]
        if account_id is not None and found != account_id:
            raise DeployFailed(f"credentials are of account {found}, account_id is {account_id}: choose AWS_PROFILE")

    async def digest(self, repository: str, tag: str) -> str | None:
        """The digest of an image in ECR; None where the tag is not there."""
        try:
            told = await self._clients["ecr"].describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ImageNotFoundException", "RepositoryNotFoundException"):
                return None
            raise
        return str(told["imageDetails"][0]["imageDigest"])

    async def services(self, cluster: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """ECS services by name."""
        told = await self._clients["ecs"].describe_services(cluster=cluster, services=list(names))
        return {service["serviceName"]: service for service in told["services"]}

    async def releases(self, parameter: str) -> tuple[Release, ...]:
        """The releases that were found good, newest first; none before the first."""
        try:
            told = await self._clients["ssm"].get_parameter(Name=parameter)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                return ()
            raise
        return parse(told["Parameter"]["Value"])

    async def record(self, parameter: str, history: Sequence[Release]) -> None:
        """Keep the releases."""
        await self._clients["ssm"].put_parameter(
            Name=parameter,
            Value=written(history),
            Type="String",
            Overwrite=True,
            Description="What etl deploy found good, newest first: what --rollback goes back to",
        )

    async def secret(self, arn: str) -> str:
        """A secret's text."""
        return str((await self._clients["secretsmanager"].get_secret_value(SecretId=arn))["SecretString"])

    async def run_job(self, cluster: str, task_definition: str, network: Mapping[str, Any]) -> int | None:
        """Run a task of the project once, to its end: its exit code, None where it never started or does not end."""
        ecs = self._clients["ecs"]
        told = await ecs.run_task(
            cluster=cluster, taskDefinition=task_definition, launchType="FARGATE", networkConfiguration=dict(network)
        )
        if not told["tasks"]:
            raise DeployFailed(f"ECS does not run {task_definition}: {told.get('failures')}")
        task = told["tasks"][0]["taskArn"]
        for _ in range(int(_JOB_SECONDS / _LOOK_SECONDS)):
            described = (await ecs.describe_tasks(cluster=cluster, tasks=[task]))["tasks"][0]
            if described["lastStatus"] == "STOPPED":
                code = described["containers"][0].get("exitCode")
                return None if code is None else int(code)
            await asyncio.sleep(_LOOK_SECONDS)
        return None


@asynccontextmanager
async def connected(region: str) -> AsyncIterator[Account]:
    """The account of the environment's credentials, at AWS_ENDPOINT_URL* where set. Raises DeployFailed."""
    session = get_session()
    try:
        async with AsyncExitStack() as stack:
            yield Account(
                {
                    name: await stack.enter_async_context(session.create_client(name, region_name=region))
                    for name in _CLIENTS
                }
            )
    except NoCredentialsError:
        raise DeployFailed("there are no credentials of AWS: aws configure sso, and set AWS_PROFILE") from None
    except (ClientError, BotoCoreError) as error:
        raise DeployFailed(f"AWS refused: {error}") from error
