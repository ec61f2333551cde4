"""DynamoDB's attribute values: how they compare, add up and are stored. Pure.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, DecimalException
from typing import Any

Value = dict[str, Any]
Item = dict[str, Value]

_NUMBERS = Context(prec=38)
_SETS = {"SS": "string", "NS": "number", "BS": "binary"}


class InvalidExpression(ValueError):
    """The expression, or what it is bound to, cannot be used: DynamoDB answers ValidationException."""


def number(text: str) -> Decimal:
    """A number of at most 38 digits. Raises InvalidExpression."""
    try:
        return _NUMBERS.create_decimal(text)
    except DecimalException as error:
        raise InvalidExpression(f"The parameter cannot be converted to a numeric value: {text}") from error


def render(value: Decimal) -> str:
    """The number as DynamoDB gives it back: no exponent, no zeros at the end."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def checked(value: Value) -> Value:
    """The value as stored: numbers in one form, sets neither empty nor with doubles. Raises InvalidExpression."""
    ((kind, content),) = value.items()
    if kind == "N":
        return {"N": content if content.isdigit() and content[0] != "0" else render(number(content))}
    if kind in _SETS:
        if not content:
            raise InvalidExpression(
                f"One or more parameter values were invalid: An {_SETS[kind]} set  may not be empty"
            )
        members = [render(number(each)) for each in content] if kind == "NS" else list(content)
        if len(set(members)) < len(members):
            raise InvalidExpression(
                f"One or more parameter values were invalid: Input collection {content} contains duplicates."
            )
        return {kind: members}
    return value


COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
    "=": lambda left, right: bool(left == right),
    "<>": lambda left, right: bool(left != right),
}


def _comparable(value: Value) -> tuple[str, Any]:
    ((kind, content),) = value.items()
    if kind == "N":
        return kind, int(content) if content.isdigit() else number(content)
    if kind in _SETS:
        return kind, frozenset(map(number, content) if kind == "NS" else content)
    return kind, content


def equal(left: Value | None, right: Value | None) -> bool:
    """Whether both are there and the same; sets in any order."""
    return left is not None and right is not None and _comparable(left) == _comparable(right)


def compare(operator: str, left: Value | None, right: Value | None) -> bool:
    """Whether the comparison holds; what has no order or another type has none."""
    if operator == "=":
        return equal(left, right)
    if operator == "<>":
        return not equal(left, right)
    if left is None or right is None:
        return False
    (left_kind, left_content), (right_kind, right_content) = _comparable(left), _comparable(right)
    if left_kind != right_kind or left_kind not in ("S", "N", "B"):
        return False
    return COMPARATORS[operator](left_content, right_content)


def _begins_with(value: Value | None, start: Value | None) -> bool:
    if value is None or start is None or value.keys() != start.keys():
        return False
    ((kind, content),) = value.items()
    return kind in ("S", "B") and bool(content.startswith(start[kind]))


def _contains(value: Value | None, part: Value | None) -> bool:
    if value is None or part is None:
        return False
    ((kind, content),) = value.items()
    ((part_kind, wanted),) = part.items()
    if kind == "L":
        return any(equal(each, part) for each in content)
    if kind in _SETS:
        return kind[0] == part_kind and _comparable({kind: [wanted]})[1] <= _comparable(value)[1]
    return kind == part_kind and kind in ("S", "B") and wanted in content


def _has_type(value: Value | None, kind: Value | None) -> bool:
    return value is not None and kind is not None and next(iter(value)) == kind.get("S")


TESTS: dict[str, tuple[Callable[..., bool], int]] = {
    "attribute_exists": (lambda value: value is not None, 1),
    "attribute_not_exists": (lambda value: value is None, 1),
    "attribute_type": (_has_type, 2),
    "begins_with": (_begins_with, 2),
    "contains": (_contains, 2),
}


def size_of(value: Value | None) -> Value | None:
    """The function `size`: bytes or members; None for what has no size."""
    if value is None:
        return None
    ((kind, content),) = value.items()
    if kind not in ("S", "B", "L", "M", *_SETS):
        return None
    return {"N": str(len(content.encode() if kind == "S" else content))}


def total(left: Value | None, right: Value | None, sign: int) -> Value | None:
    """The sum, or the difference with `sign` -1; None when one is missing. Raises InvalidExpression."""
    if left is None or right is None:
        return None
    if "N" not in left or "N" not in right:
        raise InvalidExpression("An operand in the update expression has an incorrect data type")
    return {"N": render(_NUMBERS.add(number(left["N"]), sign * number(right["N"])))}


def added(present: Value | None, amount: Value) -> Value:
    """What ADD makes of a number or a set. Raises InvalidExpression."""
    ((kind, content),) = checked(amount).items()
    if kind != "N" and kind not in _SETS:
        raise InvalidExpression("Incorrect operand type for operator or function; operator: ADD")
    if present is None:
        return {kind: content}
    if kind not in present:
        raise InvalidExpression("An operand in the update expression has an incorrect data type")
    if kind == "N":
        return total(present, amount, 1) or amount
    return {kind: [*present[kind], *(each for each in content if each not in present[kind])]}


def take_away(item: Item, name: str, members: Value) -> None:
    """Do what DELETE does to the set; one left empty goes. Raises InvalidExpression."""
    ((kind, content),) = checked(members).items()
    if kind not in _SETS:
        raise InvalidExpression("Incorrect operand type for operator or function; operator: DELETE")
    present = item.get(name)
    if present is None:
        return
    if kind not in present:
        raise InvalidExpression("An operand in the update expression has an incorrect data type")
    left = [each for each in present[kind] if each not in content]
    if left:
        item[name] = {kind: left}
    else:
        del item[name]
