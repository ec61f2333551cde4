"""The committed list of calls: who calls what, as templates over settings."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from iam_simulation.calls import Call
from iam_simulation.listed import RARE
from iam_simulation.names import names_of, template_of

if TYPE_CHECKING:
    from iam_simulation.run import Recorded

FILE = Path(__file__).with_name("calls.json")
Calls = Mapping[str, frozenset[Call]]
"""Templates by service."""


def read(file: Path = FILE) -> Calls:
    """The list as it was recorded."""
    told = json.loads(file.read_text(encoding="utf-8"))
    return {
        service: frozenset(_call(operation, thing) for operation, things in operations.items() for thing in things)
        for service, operations in told.items()
    }


def needed(file: Path = FILE) -> Calls:
    """The recorded calls and the rare ones: all that must be allowed."""
    rare = {service: {call for call, _ in several} for service, several in RARE.items()}
    shown = read(file)
    return {service: shown.get(service, frozenset()) | rare.get(service, set()) for service in {*shown, *rare}}


def _call(operation: str, thing: str) -> Call:
    kind, brace, rest = thing.partition("{")
    return Call(operation, kind.strip(), brace + rest)


def written(calls: Mapping[str, Iterable[Call]]) -> str:
    """The list as the file holds it: by service and operation, in order."""
    told: dict[str, dict[str, list[str]]] = {}
    for service in sorted(calls):
        for call in sorted(calls[service]):
            things = told.setdefault(service, {}).setdefault(call.operation, [])
            things.append(f"{call.kind} {call.name}".strip())
    return json.dumps(told, indent=1) + "\n"


def templates(recorded: "Recorded") -> dict[str, set[Call]]:
    """What a run showed, over the settings of each service. Raises NameUnknown."""
    found: dict[str, set[Call]] = {}
    for service, environments in recorded.environments.items():
        names: dict[str, list[str]] = {}
        for environment in environments:
            for field, several in names_of(service, environment).items():
                kept = names.setdefault(field, [])
                kept += [name for name in several if name not in kept]
        found[service] = {template_of(call, names) for call in recorded.recorder.calls.get(service, {})}
    return found
