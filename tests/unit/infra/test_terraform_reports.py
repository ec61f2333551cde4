"""What is read of `terraform test`, and which tests may share one provider."""

import json
from pathlib import Path

import pytest
from infra_checks.provider import configures
from infra_checks.terraform import Terraform, read_report

_RUN = {
    "type": "test_run",
    "test_run": {"path": "a.tftest.hcl", "run": "one", "progress": "complete", "status": "pass"},
}


def _line(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def test_states_are_read_without_the_schemas_behind_them() -> None:
    """What follows `provider_format_version` is not parsed, however large."""
    resource = {"mode": "managed", "address": "aws_kms_key.this", "values": {"description": "logs"}}
    state = _line({"type": "test_state", "test_state": {"root_module": {"resources": [resource]}}}).strip()
    report = read_report([_line(_RUN), state[:-2] + b',"provider_format_version":"1.0","provider_schemas":!!!}}\n'])
    assert report.values == [("aws_kms_key.this", {"description": "logs"})]
    assert report.is_passed


def test_a_line_that_is_no_json_is_an_error() -> None:
    """A panic's text among the lines fails the test."""
    assert read_report([_line(_RUN), b"panic: nil\n"]).errors == ["panic: nil"]


@pytest.mark.parametrize(("lines", "status"), [([], 0), ([], 1), ([_RUN], 1)])
def test_a_terraform_that_fails_or_tells_nothing_is_not_passed(
    tmp_path: Path, lines: list[object], status: int
) -> None:
    """Also where every run that it got to passed: those after them are missing."""
    program = tmp_path / "terraform"
    said = b"".join(_line(line) for line in lines).decode()
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}END\necho broke off >&2\nexit {status}\n")
    program.chmod(0o755)
    report = Terraform(program, tmp_path, tmp_path).test(tmp_path)
    assert not report.is_passed
    assert "broke off" in report.errors[0]


def test_more_variables_leave_the_others_alone(tmp_path: Path) -> None:
    """Terraform that finds a running provider is another than the one which starts its own."""
    plain = Terraform(tmp_path, tmp_path, tmp_path)
    having = plain.having({"TF_REATTACH_PROVIDERS": "{}"})
    assert having.environment == {**plain.environment, "TF_REATTACH_PROVIDERS": "{}"}
    assert "TF_REATTACH_PROVIDERS" not in plain.environment


def test_a_test_with_a_real_provider_is_found() -> None:
    """It would configure the one process that the other tests ask at the same time."""
    assert configures('mock_provider "aws" {}\n\nprovider "aws" {\n  region = "us-east-1"\n}\n')
    assert not configures('mock_provider "aws" {}\n# provider "aws"\n')
