"""One process of the AWS provider for everything that asks its schema alone: validation and mocked tests.

By itself Terraform starts the provider anew for each walk of each run of a test, which is most of a test's time. A
mocked test never configures it, so that one process can serve all of them at once.
https://developer.hashicorp.com/terraform/plugin/debugging#starting-a-provider-in-debug-mode
"""

import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from infra_checks.terraform import Terraform

_INSTALLED = ".terraform/providers/registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws_v5*"
_ANNOUNCED = re.compile(r"TF_REATTACH_PROVIDERS='([^']+)'")
_REAL = re.compile(r'^\s*provider\s+"', re.MULTILINE)
_START_SECONDS = 120.0


class ProviderSilent(Exception):
    """The AWS provider does not run by itself; the message is what it said. Look whether its file can be executed."""


@contextmanager
def shared(terraform: Terraform, infra: Path) -> Iterator[Terraform]:
    """Terraform that finds the provider running, from a folder that is initialised. Raises ProviderSilent."""
    program = next(infra.glob(_INSTALLED), None)
    if program is None:
        raise ProviderSilent(f"{ProviderSilent.__doc__} {infra} has no {_INSTALLED}")
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603  the provider that Terraform installed
            [str(program), "-debug"], env=dict(terraform.environment), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield terraform.having({"TF_REATTACH_PROVIDERS": _address(process, output)})
        finally:
            process.send_signal(signal.SIGINT)  # it removes its socket
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[bytes], output: IO[bytes]) -> str:
    until = time.monotonic() + _START_SECONDS
    said = ""
    while time.monotonic() < until:
        ended = process.poll() is not None
        output.seek(0)
        said = output.read().decode(errors="replace")
        announced = _ANNOUNCED.search(said)
        if announced:
            return announced[1]
        if ended:
            break
        time.sleep(0.1)
    raise ProviderSilent(f"{ProviderSilent.__doc__} {said[-2000:]}")


def configures(test: str) -> bool:
    """Whether a test's text has a provider that is not mocked: one process would be configured by several at once."""
    return _REAL.search(test) is not None
