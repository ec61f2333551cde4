"""Decides a request by identity policies, as IAM does. Pure.

The logic of one account without boundaries and organisation policies: an explicit deny wins, then an allow, else it is
denied. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
What a policy uses and this does not know raises PolicyUnknown: a guess would be worse than none.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

Decision = Literal["allowed", "denied explicitly", "denied"]

_ELEMENTS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})
_ARN_SEGMENTS = 6


class PolicyUnknown(Exception):
    """A policy has an element, operator or variable that is not simulated. Teach it to iam_simulation.evaluate."""


@dataclass(frozen=True, slots=True)
class Request:
    """One authorisation that AWS asks for: an action on a resource ("*" where it takes none) in a context of keys."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, hash=False)


def decide(documents: Iterable[str], request: Request) -> Decision:
    """The decision over all policies of one identity, given as JSON. Raises PolicyUnknown."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in statements(document)
        if _applies(statement, request)
    }
    if "Deny" in effects:
        return "denied explicitly"
    return "allowed" if "Allow" in effects else "denied"


def names_action(documents: Iterable[str], action: str) -> bool:
    """Whether any statement speaks of the action; where none does, it is denied on every resource."""
    return any(
        _chosen(statement, "Action", lambda pattern: action_matches(pattern, action))
        for document in documents
        for statement in statements(document)
    )


@lru_cache(maxsize=512)
def statements(document: str) -> tuple[dict[str, Any], ...]:
    """The statements of an identity policy, checked. Raises PolicyUnknown."""
    found = tuple(listed(json.loads(document)["Statement"]))
    for statement in found:
        unknown = statement.keys() - _ELEMENTS
        if unknown:
            raise PolicyUnknown(f"{', '.join(sorted(unknown))} in a statement of an identity policy")
        for several in (("Action", "NotAction"), ("Resource", "NotResource")):
            if sum(name in statement for name in several) != 1:
                raise PolicyUnknown(f"a statement has not exactly one of {' and '.join(several)}")
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise PolicyUnknown(f"Effect {statement.get('Effect')!r}")
    return found


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _chosen(statement, "Action", lambda pattern: action_matches(pattern, request.action))
        and _chosen(statement, "Resource", lambda pattern: resource_matches(pattern, request.resource))
        and conditions_hold(statement.get("Condition", {}), request.context)
    )


def _chosen(statement: Mapping[str, Any], element: str, matches: Callable[[str], bool]) -> bool:
    if element in statement:
        return any(matches(pattern) for pattern in listed(statement[element]))
    return not any(matches(pattern) for pattern in listed(statement[f"Not{element}"]))


def action_matches(pattern: str, action: str) -> bool:
    """Actions are compared without regard to case."""
    return _glob(pattern.lower()).fullmatch(action.lower()) is not None


def resource_matches(pattern: str, resource: str) -> bool:
    """Each of an ARN's six parts by itself; "*" alone is every resource, and the only match of none."""
    if pattern == "*":
        return True
    if resource == "*":
        return False
    return _arn_matches(pattern, resource)


def _arn_matches(pattern: str, arn: str) -> bool:
    _refuse_variables(pattern)
    wanted, given = pattern.split(":", _ARN_SEGMENTS - 1), arn.split(":", _ARN_SEGMENTS - 1)
    if len(wanted) != _ARN_SEGMENTS or len(given) != _ARN_SEGMENTS:
        return False
    return all(_glob(part).fullmatch(value) is not None for part, value in zip(wanted, given, strict=True))


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    """IAM's wildcards: * is any characters, ? exactly one; there are no other."""
    translated = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile(translated, re.DOTALL)


def _refuse_variables(value: str) -> None:
    if "${" in value:
        raise PolicyUnknown(f"the policy variable in {value!r}")


def _like(pattern: str, value: str) -> bool:
    return _glob(pattern).fullmatch(value) is not None


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": _like,
    "ArnEquals": _arn_matches,
    "ArnLike": _arn_matches,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def conditions_hold(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """All operators and keys must hold, one value of each is enough; keys are compared without regard to case.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    present = {name.lower(): value for name, value in context.items()}
    # Each is looked at, also behind one that fails: an operator that is not known must not hide there.
    each = [
        _holds(operator, [_text(value) for value in listed(values)], present.get(key.lower()))
        for operator, tests in condition.items()
        for key, values in tests.items()
    ]
    return all(each)


def _holds(operator: str, wanted: Sequence[str], value: str | None) -> bool:
    if operator == "Null":
        return any((text == "true") == (value is None) for text in wanted)
    plain = operator.removesuffix("IfExists")
    positive = _NEGATED.get(plain, plain)
    if positive not in _COMPARISONS:
        raise PolicyUnknown(f"the condition operator {operator}")
    for text in wanted:
        _refuse_variables(text)
    if value is None:
        # A negated operator holds where the key is missing.
        return plain != operator or plain in _NEGATED
    matched = any(_COMPARISONS[positive](text, value) for text in wanted)
    return matched != (plain in _NEGATED)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(value: Any) -> list[Any]:
    """A value of JSON that may stand for a list of one."""
    return list(value) if isinstance(value, list) else [value]
