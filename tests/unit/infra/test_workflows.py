"""The workflows name what there is: targets, commands, environments, roles; and nothing that could move under them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from etl_cli.__main__ import main

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in FILES}
WORKFLOWS: dict[str, Any] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
# Actions by the commit that public workflows pin the same version to.
PINNED = {
    "actions/attest-build-provenance": "e8998f949152b193b063cb0ec769d69d929409be # v2.4.0",
    "actions/attest-sbom": "bd218ad0dbcb3e146bd073d1d9c6d78e08aa8a0b # v2.4.0",
    "actions/checkout": "08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
    "actions/download-artifact": "d3f86a106a0bac45b974a628896c90dbdf5c8093 # v4.3.0",
    "actions/setup-python": "a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0",
    "actions/upload-artifact": "ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
    "aws-actions/configure-aws-credentials": "b47578312673ae6fa5b5096b330d9fbac3d116df # v4.2.1",
    "docker/setup-buildx-action": "e468171a9de216ec08956ac3ada2f0791b6bd435 # v3.11.1",
    "docker/setup-qemu-action": "29109295f81e9208d7d86ff1c6c12d2833863392 # v3.6.0",
    "hashicorp/setup-terraform": "b9cd54a3c349d3f38e8881555d616ced269862dd # v3.1.2",
}


def jobs() -> Iterator[tuple[str, Any]]:
    for name, workflow in WORKFLOWS.items():
        for key, job in workflow["jobs"].items():
            yield f"{name}: {key}", job


def commands() -> str:
    """Everything that is run, a line a command."""
    runs = [step["run"] for _, job in jobs() for step in job["steps"] if "run" in step]
    return "\n".join(runs)


def test_there_is_a_workflow_for_the_gate_for_images_and_for_deployments() -> None:
    """Three of them."""
    assert list(TEXTS) == ["ci.yml", "deploy.yml", "images.yml"]


def test_every_target_of_make_that_is_named_is_there() -> None:
    """`make TARGET …` by the Makefile's rules."""
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for line in re.findall(r"\bmake ([^\n|&]+)", commands()) for word in line.split()}
    assert {"check", "test", "infra-test", "sbom", "scan"} <= named
    assert named <= targets


def test_every_command_of_etl_is_there_with_its_options() -> None:
    """Each option that a workflow gives is in the command's help."""
    called = re.findall(r"\.venv/bin/etl ((?:images )?[a-z]+)([^|\n]*)", commands().replace("\n", " \n"))
    assert {command for command, _ in called} == {"deploy", "images build", "images scan"}
    for command, rest in called:
        told = CliRunner().invoke(main, [*command.split(), "--help"])
        assert told.exit_code == 0, command
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in told.output, f"{command} {option}"


def test_environments_to_choose_from_are_those_of_the_repository() -> None:
    """A folder with a backend is an environment."""
    choice = WORKFLOWS["deploy.yml"][True]["workflow_dispatch"]["inputs"]["environment"]["options"]
    assert choice == sorted(path.parent.name for path in (ROOT / "infra" / "environments").glob("*/backend.hcl"))


def test_the_roles_are_outputs_of_the_bootstrap() -> None:
    """Each variable that names a role is told of by the output that holds it."""
    roles = set(re.findall(r"vars\.(AWS_\w+_ROLE)", "".join(TEXTS.values())))
    assert roles == {"AWS_PLAN_ROLE", "AWS_IMAGES_ROLE", "AWS_DEPLOY_ROLE"}
    outputs = (ROOT / "infra" / "environments" / "bootstrap" / "outputs.tf").read_text(encoding="utf-8")
    assert all(role in outputs for role in roles)
    module = (ROOT / "infra" / "modules" / "github" / "main.tf").read_text(encoding="utf-8")
    assert ":environment:images" in module
    assert WORKFLOWS["images.yml"]["jobs"]["build"]["environment"] == "images"


@pytest.mark.parametrize("name", TEXTS)
def test_actions_are_pinned_to_the_commit_of_a_version(name: str) -> None:
    """A tag can be moved to other code; a commit cannot."""
    used = re.findall(r"uses: ([\w./-]+)@(.+)", TEXTS[name])
    assert used
    assert [(action, pin) for action, pin in used if PINNED.get(action) != pin] == []


def test_jobs_end_and_may_only_what_they_need() -> None:
    """Every job has a time limit and its own permissions, and none writes to the repository."""
    for name, job in jobs():
        assert 0 < job["timeout-minutes"] <= 90, name
        assert job["permissions"].get("contents") == "read", name
        assert set(job["permissions"]) <= {"contents", "id-token", "attestations"}, name
        asks_aws = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
        attests = any("actions/attest" in step.get("uses", "") for step in job["steps"])
        assert (job["permissions"].get("id-token") == "write") == (asks_aws or attests), name
    assert all(workflow["permissions"] == {} and workflow["concurrency"] for workflow in WORKFLOWS.values())


def test_only_a_release_that_was_applied_and_is_not_good_is_gone_back_from() -> None:
    """After a plan that was refused, what runs is good."""
    (back,) = [step for _, job in jobs() for step in job["steps"] if "--rollback" in step.get("run", "")]
    assert back["if"] == "failure() && steps.deploy.outputs.status == '3'"
