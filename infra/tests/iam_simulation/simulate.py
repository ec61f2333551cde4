"""Judges every role by what its actor calls: needed and denied is wrong, allowed and not needed is wrong. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from iam_simulation import platform
from iam_simulation.arns import Account, kind_and_key
from iam_simulation.authorize import requests
from iam_simulation.calls import Call
from iam_simulation.evaluate import Request, decide, names_action, resource_matches
from iam_simulation.names import names_of, resolved
from iam_simulation.roles import (
    Actor,
    Values,
    actors,
    keys_of,
    policies_by_role,
    resources_of,
    size_problems,
    trust_problems,
)
from iam_simulation.universe import askable, granted_actions

_SHOWN = 4


@dataclass(slots=True)
class Verdict:
    """What is wrong, and what was asked."""

    problems: list[str] = field(default_factory=list)
    roles: int = 0
    allowed: int = 0
    denied: int = 0


_Asked = tuple[str, str, tuple[tuple[str, str], ...]]
"""Action, resource, and the keys of its context: a request that can be looked up."""


@dataclass(frozen=True, slots=True)
class _Need:
    """What a role must be allowed."""

    who: str
    role: str
    requests: frozenset[Request]
    excused: frozenset[_Asked]


def simulate(values: Values, account: Account, calls: Mapping[str, Iterable[Call]]) -> Verdict:
    """Judge the roles of all tasks and functions; `calls` are templates by service."""
    documents = policies_by_role(values)
    verdict = Verdict([*trust_problems(values, account), *size_problems(documents, account)])
    needs = _needs(values, account, calls, verdict.problems)
    resources = {*resources_of(values, account), *(asked.resource for need in needs for asked in need.requests)}
    resources.discard("*")
    for need in needs:
        verdict.roles += 1
        _judge(need, documents.get(need.role, []), resources, account, verdict)
    return verdict


def _needs(values: Values, account: Account, calls: Mapping[str, Iterable[Call]], problems: list[str]) -> list[_Need]:
    keys = keys_of(values, account)
    domains = [v["domain_name"] for a, v in values.items() if kind_and_key(a)[0] == "aws_opensearch_domain"]
    by_role: dict[tuple[str, str], set[_Asked]] = defaultdict(set)
    either: dict[str, set[_Asked]] = defaultdict(set)
    for actor in actors(values, account):
        if actor.name not in calls:
            problems.append(f"{actor.name}: no calls of it are recorded: record them, or list them (iam_simulation)")
            continue
        own = [*_called(actor, calls[actor.name], domains), *platform.as_actor(actor, values, account)]
        by_role[actor.name, actor.role].update(_key(r) for call in own for r in requests(call, account, keys))
        either[actor.role].update(_key(r) for call in platform.as_either(actor) for r in requests(call, account, keys))
        started = platform.as_starter(actor, values, account)
        if actor.execution_role:
            by_role[f"{actor.name}, to start", actor.execution_role].update(
                _key(r) for call in started for r in requests(call, account, keys)
            )
    return [
        _Need(who, role, frozenset(Request(a, r, dict(c)) for a, r, c in needed), frozenset(needed | either[role]))
        for (who, role), needed in by_role.items()
    ]


def _key(request: Request) -> _Asked:
    return request.action, request.resource, tuple(sorted(request.context.items()))


def _called(actor: Actor, templates: Iterable[Call], domains: Iterable[str]) -> Iterator[Call]:
    """What this actor calls with what it is told: consumers only where it reads by them, domains where it signs."""
    names = names_of(actor.name, actor.environment)
    polls = any(name.endswith("_READING") and value == "polling" for name, value in actor.environment.items())
    signs = "true" in (actor.environment.get("OPENSEARCH_SIGN"), actor.environment.get("SEARCH_SIGN"))
    for template in templates:
        if template.kind == "domain":
            yield from (replace(template, name=f"{domain}{template.name}") for domain in domains if signs)
        elif not (polls and template.kind == "consumer"):
            yield from resolved(template, names)


def _judge(need: _Need, documents: list[str], resources: set[str], account: Account, verdict: Verdict) -> None:
    for asked in sorted(need.requests, key=lambda request: (request.action, request.resource)):
        if decide(documents, asked) == "allowed":
            verdict.allowed += 1
        else:
            verdict.problems.append(f"{need.who}: {_told(asked)} is called and denied")
    granted = granted_actions(documents)
    needed_actions = {asked.action for asked in need.requests}
    for action, every in askable(documents, resources, account):
        is_named = names_action(documents, action)
        if not is_named and action not in needed_actions:
            verdict.denied += len(every)
            continue
        others = [asked for asked in every if not _is_needed(asked, need)]
        several = [asked for asked in others if decide(documents, asked) == "allowed"]
        verdict.denied += len(others) - len(several)
        if not several:
            continue
        shown = ", ".join(_told(asked) for asked in several[:_SHOWN])
        more = f" and {len(several) - _SHOWN} more" if len(several) > _SHOWN else ""
        by = "" if action in granted else " by a wildcard"
        verdict.problems.append(f"{need.who}: allowed{by} and never called: {shown}{more}")


def _is_needed(asked: Request, need: _Need) -> bool:
    """Whether it is called; what is needed in no context is in all, what is needed of a folder is of what is in it."""
    if _key(asked) in need.excused or (asked.action, asked.resource, ()) in need.excused:
        return True
    return any(
        action == asked.action and folder.endswith("/*") and not context and resource_matches(folder, asked.resource)
        for action, folder, context in need.excused
    )


def _told(asked: Request) -> str:
    context = " ".join(f"{name}={value!r}" for name, value in sorted(asked.context.items()))
    return f"{asked.action} on {asked.resource}{context and ' with '}{context}"
