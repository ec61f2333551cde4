"""`environments/bootstrap` on the emulators, where the deployment guide begins; its bucket holds the system's state."""

import json
from pathlib import Path

from infra_checks.terraform import Terraform

from infra_emulator.differences import Difference, differences
from infra_emulator.servers import ACCOUNT

_FOLDER = Path("environments", "bootstrap")
_GITHUB = 'github={repository="OWNER/NAME",environments={emulated="etl-emul"}}'
_GIVEN = (f"-var=account_id={ACCOUNT}", f"-var={_GITHUB}")

_PROVIDER = """
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  max_retries                 = 5
}
"""

_BACKEND = """
bucket                      = "{bucket}"
key                         = "emulated/terraform.tfstate"
region                      = "us-east-1"
encrypt                     = true
use_lockfile                = true
use_path_style              = true
skip_credentials_validation = true
skip_metadata_api_check     = true
skip_requesting_account_id  = true
endpoints                   = {{ s3 = "{url}" }}
"""


def applied(terraform: Terraform, infra: Path) -> tuple[int, str, list[Difference]]:
    """Apply it and plan again: how many resources it made, the bucket for states, what the plan would change.

    It is not destroyed: its bucket must outlive the systems, and refuses. Raises TerraformFailed.
    """
    folder = infra / _FOLDER
    (folder / "emulated_override.tf").write_text(_PROVIDER)
    terraform.init(folder)
    terraform.run(folder, "apply", "-auto-approve", "-input=false", "-no-color", *_GIVEN)
    made = terraform.run(folder, "state", "list").split()
    found = differences(terraform.plan(folder, "again.tfplan", *_GIVEN))
    bucket: str = json.loads(terraform.run(folder, "output", "-json", "state_bucket"))
    return sum(".data." not in f".{address}" for address in made), bucket, found


def backend(infra: Path, bucket: str, url: str) -> Path:
    """The file that an environment's `backend.hcl` would be, with the emulator's address."""
    file = infra / "emulated.tfbackend"
    file.write_text(_BACKEND.format(bucket=bucket, url=url))
    return file
