"""The READMEs of the modules say what their files say."""

import module_docs
import pytest
from infra_checks.blocks import blocks

SOURCE = """
# variable "commented" {
variable "plain" {
  type        = string
  default     = "a } b"
  description = "Says \\"so\\", costs $${price}."
}

variable "shaped" {
  type = object({
    name = optional(string, "}") # a comment with {
    list = list(string)
  })
  description = <<-EOT
    Two lines,
    one "paragraph".
  EOT

  validation {
    condition     = can(regex("^[a-z{]+$", var.shaped.name))
    error_message = "description = \\"not this\\""
  }
}

output "made" {
  description = "What ${"was"} made."
  value       = { for a in b : a => { c = a } }
}
"""


def test_blocks_are_read_as_they_are_written() -> None:
    """Strings, comments, heredocs and nested blocks do not mislead: only a block's own attributes count."""
    plain, shaped, made = blocks(SOURCE)
    assert (plain.kind, plain.name, plain.attributes["default"]) == ("variable", "plain", '"a } b"')
    assert plain.description == 'Says "so", costs ${price}.'
    assert shaped.description == 'Two lines, one "paragraph".'
    assert shaped.attributes["type"].startswith("object({")
    assert shaped.attributes["type"].endswith("})")
    assert set(shaped.attributes) == {"type", "description"}
    assert (made.kind, made.name) == ("output", "made")


def test_the_generated_part_is_replaced_and_the_rest_stays() -> None:
    """What is written by hand before and behind the marks is kept; writing twice changes nothing."""
    once = module_docs.written("# title\n\nby hand\n", "## Inputs\n")
    assert once.startswith("# title\n\nby hand")
    assert "## Inputs" in once
    twice = module_docs.written(once + "behind\n", "## Other\n")
    assert "## Inputs" not in twice
    assert twice.endswith("behind\n")
    assert module_docs.written(once, "## Inputs\n") == once


@pytest.mark.parametrize("folder", module_docs.folders(), ids=lambda folder: folder.name)
def test_every_readme_is_current(folder: object) -> None:
    """Each module has a README with an example, and its inputs and outputs are those of its files."""
    assert module_docs.problems(folder) == []  # type: ignore[arg-type]
