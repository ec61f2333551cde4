#!/usr/bin/env python3
"""Writes inputs and outputs into the README of the root module and of every module, between two marks.

    python infra/tests/module_docs.py            writes
    python infra/tests/module_docs.py --check    says what is not current, and ends with 1

All else in a README is written by hand: what the module makes, why, and an example.
"""

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from infra_checks.blocks import Block, blocks

INFRA = Path(__file__).resolve().parents[1]
BEGIN = "<!-- inputs and outputs: `python infra/tests/module_docs.py` -->"
END = "<!-- end -->"
_LONGEST = 60


def folders(infra: Path = INFRA) -> list[Path]:
    """The root module, every module, and every environment that is a configuration of its own."""
    others = (*infra.glob("modules/*"), *infra.glob("environments/*"))
    return [infra, *sorted(folder for folder in others if any(folder.glob("*.tf")))]


def table(folder: Path) -> str:
    """The generated part of a module's README."""
    found = [block for path in sorted(folder.glob("*.tf")) for block in blocks(path.read_text(encoding="utf-8"))]
    inputs = sorted((b for b in found if b.kind == "variable"), key=lambda b: ("default" in b.attributes, b.name))
    outputs = sorted((b for b in found if b.kind == "output"), key=lambda b: b.name)
    lines = ["## Inputs", "", *(_input(b) for b in inputs), *(["None.", ""] if not inputs else [])]
    lines += [
        "## Outputs",
        "",
        *(f"- `{b.name}`: {b.description}" for b in outputs),
        *(["None."] if not outputs else []),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _input(block: Block) -> str:
    kind = textwrap.dedent(block.attributes.get("type", "any"))
    default = block.attributes.get("default")
    required = "required" if default is None else f"default `{default}`" if _is_short(default) else "with a default"
    if _is_short(kind):
        return f"- `{block.name}` (`{kind}`, {required}): {block.description}\n"
    code = textwrap.indent(_undented(kind), "  ")
    return f"- `{block.name}` ({required}): {block.description}\n\n  ```hcl\n{code}\n  ```\n"


def _is_short(text: str) -> bool:
    return "\n" not in text and len(text) <= _LONGEST


def _undented(text: str) -> str:
    """Source text whose first line stands behind an equals sign, moved to the left as a whole."""
    first, _, rest = text.partition("\n")
    margin = (
        len(rest) - len(rest.lstrip())
        if not rest
        else min(len(line) - len(line.lstrip()) for line in rest.splitlines() if line.strip())
    )
    return "\n".join([first, *(line[margin:] if line.strip() else "" for line in rest.splitlines())])


def written(readme: str, generated: str) -> str:
    """The README with the generated part between its marks, at its end where it has none."""
    before, mark, rest = readme.partition(BEGIN)
    after = rest.partition(END)[2] if mark else "\n"
    return f"{before.rstrip()}\n\n{BEGIN}\n\n{generated}\n{END}{after}"


def problems(folder: Path) -> list[str]:
    """What is wrong with a module's README and descriptions; nothing is good."""
    readme = folder / "README.md"
    place = folder.relative_to(INFRA.parent)
    if not readme.exists():
        return [f"{place}: write a README.md: what it makes, why, and an example"]
    text = readme.read_text(encoding="utf-8")
    told = []
    if text != written(text, table(folder)):
        told.append(f"{place}/README.md is not current: python infra/tests/module_docs.py")
    if "```hcl" not in text.partition(BEGIN)[0] and folder != INFRA and folder.parent.name == "modules":
        told.append(f"{place}/README.md has no example: add one, as ```hcl")
    for path in sorted(folder.glob("*.tf")):
        for block in blocks(path.read_text(encoding="utf-8")):
            if not block.description:
                told.append(f"{place}/{path.name}: {block.kind} {block.name} has no description")
            if block.kind == "variable" and "type" not in block.attributes:
                told.append(f"{place}/{path.name}: variable {block.name} has no type")
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where something is not current")
    options = parser.parse_args(arguments)
    if not options.check:
        for folder in folders():
            readme = folder / "README.md"
            if readme.exists():
                text = readme.read_text(encoding="utf-8")
                readme.write_text(written(text, table(folder)), encoding="utf-8")
    told = [problem for folder in folders() for problem in problems(folder)]
    for problem in told:
        print(problem, file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
