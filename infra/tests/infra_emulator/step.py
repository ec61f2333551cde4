"""The step of `make infra-test` that applies: everything it starts and makes is gone at its end."""

import os
import tempfile
from pathlib import Path

from infra_checks.terraform import Terraform, TerraformFailed

from infra_emulator import cycle
from infra_emulator.servers import EmulatorMissing, emulators

# On a busy machine an emulator loses an answer now and then; what the provider then asks for again is there already.
# A fault of the configuration shows at every attempt, and a plan that is not empty is never tried again.
_ATTEMPTS = 3


def emulated(terraform: Terraform, project: Path) -> tuple[list[str], list[str]]:
    """Run the cycle, from nothing again where it was broken off; what is wrong, and the figures."""
    done = cycle.Cycle()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            done = _once(terraform, project)
        except TerraformFailed as error:
            return [str(error)], []
        except EmulatorMissing as error:
            if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
                return [str(error)], []
            return [], [f"LEFT OUT: nothing was applied to emulators: {error}"]
        done.attempts = attempt
        if not done.is_broken_off:
            break
    return done.problems, list(cycle.lines(done))


def _once(terraform: Terraform, project: Path) -> cycle.Cycle:
    with tempfile.TemporaryDirectory(prefix="infra-emulated-") as folder:
        scratch = Path(folder)
        with emulators(project, scratch) as variables:
            (scratch / "copy").mkdir()
            infra = cycle.prepared(project, scratch / "copy")
            return cycle.run(terraform.having(variables), infra, variables["AWS_ENDPOINT_URL"])
