"""Brings a domain to what is wanted, object by object, and tells of each what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.search_setup.differences import differences
from indexer.search_setup.domain import Domain, Found, Refused
from indexer.search_setup.saved_objects import Dashboards
from indexer.search_setup.wanted import Wanted

Result = Literal["unchanged", "created", "changed", "to create", "to change", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an object, with the differences that were found or the reason of the failure."""

    wanted: Wanted
    result: Result
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([f"{self.result}: {self.wanted}", *(f"    {detail}" for detail in self.details)])


Tell = Callable[[Outcome], None]


async def bring(
    objects: Sequence[Wanted], domain: Domain, dashboards: Dashboards, *, dry_run: bool, tell: Tell
) -> list[Outcome]:
    """Bring about all that can be: a failure of one object is its outcome and stops no other.

    With `dry_run` nothing is written, and what would be is told.
    """
    found: list[Outcome] = []
    for each in objects:
        if each.sort != "saved object":
            found.append(await _one(each, domain, dry_run))
            tell(found[-1])
    saved = [each for each in objects if each.sort == "saved object"]
    for outcome in await _saved(saved, dashboards, dry_run) if saved else []:
        found.append(outcome)
        tell(outcome)
    return found


async def _one(wanted: Wanted, domain: Domain, dry_run: bool) -> Outcome:
    try:
        there = await domain.read(wanted)
        differing = tuple(differences(wanted, there))
        if differing and not dry_run:
            await domain.write(wanted, there)
    except Refused as error:
        return Outcome(wanted, "failed", (str(error),))
    return _outcome(wanted, there, differing, dry_run)


async def _saved(objects: Sequence[Wanted], dashboards: Dashboards, dry_run: bool) -> list[Outcome]:
    """All at once, since charts refer to index patterns and the dashboard to charts."""
    try:
        there = await dashboards.read([each.body for each in objects])
        differing = {each.name: tuple(differences(each, there.get(each.name))) for each in objects}
        changing = [each.body for each in objects if differing[each.name]]
        failed = await dashboards.write(changing) if changing and not dry_run else {}
    except Refused as error:
        return [Outcome(each, "failed", (str(error),)) for each in objects]
    return [
        Outcome(each, "failed", (failed[each.name],))
        if each.name in failed
        else _outcome(each, there.get(each.name), differing[each.name], dry_run)
        for each in objects
    ]


def _outcome(wanted: Wanted, there: Found, differing: tuple[str, ...], dry_run: bool) -> Outcome:
    if not differing:
        return Outcome(wanted, "unchanged")
    if there is None:
        return Outcome(wanted, "to create" if dry_run else "created")
    return Outcome(wanted, "to change" if dry_run else "changed", differing)
