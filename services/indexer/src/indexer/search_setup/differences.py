"""What of an object is not as it should be. Pure.

A server adds to what it is given: times, versions, defaults. So a thing is as it should be if it holds all that is
wanted; lists must be equal in length. Templates and what a role may do are compared whole: there, more is a difference.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from indexer.search_setup.wanted import Wanted

_TEXTS: Final = frozenset({"visState", "panelsJSON", "optionsJSON", "uiStateJSON", "searchSourceJSON", "fields"})
"""Attributes of saved objects that are JSON in a text: equal whatever the order of their keys."""


def differences(wanted: Wanted, found: Mapping[str, Any] | None) -> list[str]:
    """The places that differ, as `path: what is there → what is wanted`; `found` None says that nothing is there."""
    if found is None:
        return ["not there"]
    if wanted.sort == "index template":
        return list(_template(wanted.body, found))
    if wanted.sort == "role mapping" and "at_least" in wanted.body:
        missing = sorted(set(wanted.body["at_least"]) - set(found.get("backend_roles", ())))
        return [f"backend_roles: lacks {', '.join(missing)}"] if missing else []
    if wanted.sort == "role mapping":
        return list(
            _compare(sorted(wanted.body["backend_roles"]), sorted(found.get("backend_roles", ())), "backend_roles")
        )
    if wanted.sort == "managed indices":
        return [f"{name}: {why}" for name, why in sorted(found.items())]
    if wanted.sort == "saved object":
        return list(_compare(_object(wanted.body), _object(found), ""))
    return list(_compare(wanted.body, found, ""))


def _compare(wanted: object, found: object, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            place = f"{path}.{name}" if path else str(name)
            if name in found:
                yield from _compare(value, found[name], place)
            else:
                yield f"{place}: none → {_short(value)}"
    elif _is_list(wanted) and _is_list(found) and len(wanted) == len(found):  # type: ignore[arg-type]
        for position, (one, other) in enumerate(zip(wanted, found, strict=True)):  # type: ignore[call-overload]
            yield from _compare(one, other, f"{path}[{position}]")
    elif wanted != found:
        yield f"{path}: {_short(found)} → {_short(wanted)}"


def _template(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Whole templates, settings as OpenSearch gives them back: nested, and every value a text."""
    ours, theirs = (_flat_template(each) for each in (wanted, found))
    yield from _compare(ours, theirs, "")
    for name in sorted(set(_leaves(theirs)) - set(_leaves(ours))):
        yield f"{name}: there → none"


def _flat_template(body: Mapping[str, Any]) -> dict[str, Any]:
    inner = body.get("template", {})
    settings = dict(_settings(inner.get("settings", {}), ""))
    rest = {name: value for name, value in body.items() if name != "template" and value != []}
    return {**rest, "settings": settings, "mappings": inner.get("mappings", {}), "aliases": inner.get("aliases", {})}


def _settings(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _settings(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _leaves(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path


def _object(saved: Mapping[str, Any]) -> dict[str, Any]:
    references = sorted((each["name"], each["type"], each["id"]) for each in saved.get("references", ()))
    return {"attributes": _parsed(saved.get("attributes", {})), "references": references}


def _parsed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        if isinstance(value, Mapping):
            found[name] = _parsed(value)
        elif name in _TEXTS and isinstance(value, str):
            found[name] = _loaded(value)
        else:
            found[name] = value
    if isinstance(found.get("fields"), list):
        # Dashboards adds the fields that it finds in the data when somebody asks for them.
        found["fields"] = {each.get("name"): _without_use(each) for each in found["fields"]}
    return found


def _without_use(field: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in field.items() if name != "count"}


def _loaded(text: str) -> object:
    try:
        parsed: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return parsed


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _short(value: object) -> str:
    text = msgspec.json.encode(value, order="sorted", enc_hook=str).decode()
    return text if len(text) <= 80 else f"{text[:77]}…"
