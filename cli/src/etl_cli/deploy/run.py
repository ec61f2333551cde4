"""The order of a deployment: images, plan, consent, apply, rollout, canary, record."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from etl_cli.deploy import DeployFailed, ReleaseNotGood, canary, planned
from etl_cli.deploy.account import Account, connected
from etl_cli.deploy.environment import Environment, read
from etl_cli.deploy.releases import Release, digest_of, image_file, previous, recorded
from etl_cli.deploy.rollout import Rollout, failures, is_over, judge
from etl_cli.deploy.terraform import Tell, Terraform

_LOOK_SECONDS = 5.0
_CANARY_SECONDS = 300.0
_BACK = "go back with: etl deploy {name} --rollback"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for: see `etl deploy --help`."""

    environment: str
    infra: Path
    version: str | None = None
    images: Path | None = None
    rollback: bool = False
    plan_only: bool = False
    expected: str | None = None
    yes: bool = False
    allow_loss: bool = False
    timeout: float = 1800.0
    ingest_url: str | None = None


@dataclass(frozen=True, slots=True)
class Shell:
    """The world around: the environment's variables, what tells, what asks."""

    variables: Mapping[str, str]
    tell: Tell
    ask: Callable[[str], bool]


async def deploy(options: Options, shell: Shell) -> bool:
    """Deploy; whether it was carried out (a plan that was not agreed to is not). Raises DeployFailed."""
    environment = read(options.infra, options.environment)
    terraform = Terraform(options.infra, environment, shell.variables, shell.tell)
    async with connected(environment.region) as account:
        await account.must_be(environment.account_id)
        await _packaged(environment.folder.parents[2] / "functions" / "package")
        shell.tell(f"{environment.system} in {environment.region}: terraform init")
        await terraform.init()
        history = await account.releases(environment.parameter)
        release = await _release(options, environment, account, history, await terraform.outputs())
        shell.tell(f"images: {release.version}, {len(release.digests)} by digest")
        found = planned.changes(
            await terraform.plan({"image_digests": dict(release.digests)}, lock=not options.plan_only)
        )
        for line in planned.summary(found):
            shell.tell(line)
        if options.plan_only:
            return True
        if not _agreed(options, found, shell):
            return False
        await terraform.apply()
        outputs = await terraform.outputs()
        await _set_up_search(account, outputs, shell.tell)
        await _rolled_out(options, account, outputs, shell.tell)
        await _verified(options, environment, account, outputs, shell)
        good = Release(release.version, release.digests, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        await account.record(environment.parameter, recorded(history, good))
        _tell_what_next(outputs, shell.tell)
        return True


async def _packaged(program: Path) -> None:
    """The functions' zips, which the plan reads."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(program), stdout=asyncio.subprocess.DEVNULL)
    if await process.wait():
        raise DeployFailed(f"{program.parent.name}/{program.name} failed: see above")


async def _release(
    options: Options,
    environment: Environment,
    account: Account,
    history: tuple[Release, ...],
    outputs: Mapping[str, Any],
) -> Release:
    """The images: those asked for; else those that run; at the first time those of images.tag."""
    if options.rollback:
        running = {service: digest_of(image) for service, image in outputs.get("images", {}).items()}
        return previous(history, {service: digest for service, digest in running.items() if digest})
    if options.images is not None:
        release = image_file(options.images.read_text(encoding="utf-8"))
        missing = sorted(set(environment.services) - release.digests.keys())
        if missing:
            raise DeployFailed(f"{options.images.name} has no digest of {', '.join(missing)}")
        return Release(release.version, {name: release.digests[name] for name in environment.services})
    if options.version is None and history:
        return history[0]
    return await _of_tag(environment, account, options.version or environment.tag)


async def _of_tag(environment: Environment, account: Account, tag: str) -> Release:
    registry, _, prefix = environment.repository_prefix.partition("/")
    if ".dkr.ecr." not in registry:
        raise DeployFailed(f"{registry} is not ECR, which alone is asked for digests: name a file with --images")
    digests = {service: await account.digest(f"{prefix}-{service}", tag) for service in environment.services}
    missing = [service for service, digest in digests.items() if digest is None]
    if missing:
        raise DeployFailed(
            f"no image {tag} of {', '.join(missing)} in the registry: etl images build {tag} "
            f"--repository-prefix {environment.repository_prefix} --push"
        )
    return Release(tag, {service: digest for service, digest in digests.items() if digest})


def _agreed(options: Options, found: list[planned.Change], shell: Shell) -> bool:
    """Whether to go on: the plan is the one that was approved, loses nothing, and somebody said yes."""
    if options.expected is not None and planned.fingerprint(found) != options.expected:
        raise DeployFailed(
            "the plan is not the approved one any more: something changed meanwhile; plan and approve again"
        )
    lost = [change.address for change in found if change.loses_data]
    if lost and not options.allow_loss:
        raise DeployFailed(f"data would be lost with {', '.join(lost)}: if that is meant, add --allow-data-loss")
    return options.yes or options.expected is not None or shell.ask("Apply?")


async def _set_up_search(account: Account, outputs: Mapping[str, Any], tell: Tell) -> None:
    """Templates, policies and saved objects of the search domain, by the job that is made for it."""
    job = outputs.get("search_job")
    if job:
        code = await account.run_job(job["cluster"], job["task_definition"], job["network_configuration"])
        if code != 0:
            raise DeployFailed(
                f"the search domain was not set up (exit code {code}): see the log of {job['task_definition']}"
            )
        tell("search domain set up")


async def _rolled_out(options: Options, account: Account, outputs: Mapping[str, Any], tell: Tell) -> None:
    """Wait until every service runs what was deployed. Raises ReleaseNotGood where ECS went back, or time is up."""
    wanted = {name: service["task_definition_arn"] for name, service in outputs["services"].items()}
    called = {service["service_name"]: name for name, service in outputs["services"].items()}
    until = asyncio.get_running_loop().time() + options.timeout
    told: dict[str, str] = {}
    while True:
        described = await account.services(outputs["cluster_name"], list(called))
        rollouts = [judge(name, described.get(service, {}), wanted[name]) for service, name in called.items()]
        for rollout in rollouts:
            line = f"  {rollout.service}: {rollout.verdict.value}, {rollout.told}"
            if told.get(rollout.service) != line:
                tell(line)
                told[rollout.service] = line
        if failures(rollouts) or is_over(rollouts):
            break
        if asyncio.get_running_loop().time() > until:
            raise ReleaseNotGood(f"services were not ready within {options.timeout:g} s; {_back(options)}")
        await asyncio.sleep(_LOOK_SECONDS)
    _must_be_good(options, failures(rollouts))


def _must_be_good(options: Options, failed: list[Rollout]) -> None:
    if failed:
        named = ", ".join(f"{rollout.service} {rollout.verdict.value}" for rollout in failed)
        raise ReleaseNotGood(
            f"{named}: ECS keeps the former tasks, and Terraform wants the new ones again at its next apply; "
            f"other services may run the new version already: {_back(options)}"
        )


def _back(options: Options) -> str:
    return _BACK.format(name=options.environment)


async def _verified(
    options: Options, environment: Environment, account: Account, outputs: Mapping[str, Any], shell: Shell
) -> None:
    key = shell.variables.get("ETL_API_KEY", "")
    if not key and environment.canary_secret:
        key = canary.key_of(await account.secret(environment.canary_secret))
    if not key:
        shell.tell("canary: left out, since there is no key yet: set ETL_API_KEY, or the environment's canary")
        return
    try:
        await canary.verify(options.ingest_url or outputs["ingest_url"], key, _CANARY_SECONDS)
    except DeployFailed as error:
        raise ReleaseNotGood(f"{error}; {_back(options)}") from error
    shell.tell("canary: accepted")


def _tell_what_next(outputs: Mapping[str, Any], tell: Tell) -> None:
    tell("deployed")
    for name in ("ingest_url", "dashboard_name", "archive_bucket", "cluster_name"):
        if outputs.get(name):
            tell(f"  {name}: {outputs[name]}")


def variables() -> dict[str, str]:
    """The environment of the process, for Terraform and for keys."""
    return dict(os.environ)
