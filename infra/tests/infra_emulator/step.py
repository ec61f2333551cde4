"""The step of `make infra-test` that applies: everything it starts and makes is gone at its end."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from infra_checks.terraform import Terraform, TerraformFailed

from infra_emulator import cycle
from infra_emulator.servers import EmulatorMissing, emulators


class Emulated(Terraform):
    """Terraform whose provider finds the emulators."""

    def __init__(self, plain: Terraform, variables: Mapping[str, str]) -> None:
        self._binary = plain._binary
        self._mirror = plain._mirror
        self._environment = {**plain._environment, **variables}


def emulated(terraform: Terraform, project: Path) -> tuple[list[str], list[str]]:
    """Run the cycle; what is wrong, and the figures."""
    with tempfile.TemporaryDirectory(prefix="infra-emulated-") as folder:
        scratch = Path(folder)
        try:
            with emulators(project, scratch) as variables:
                (scratch / "copy").mkdir()
                infra = cycle.prepared(project, scratch / "copy")
                applying = Emulated(terraform, variables)
                applying.init(infra, backend=True)
                done = cycle.run(applying, infra)
        except TerraformFailed as error:
            return [str(error)], []
        except EmulatorMissing as error:
            if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
                return [str(error)], []
            return [], [f"LEFT OUT: nothing was applied to emulators: {error}"]
    return done.problems, list(cycle.lines(done))
