"""`python -m indexer.search_setup`: the job that brings a domain to what the indexer and its readers need."""

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from indexer.search_setup.bring import Outcome, bring
from indexer.search_setup.domain import Domain, Refused
from indexer.search_setup.saved_objects import Dashboards
from indexer.search_setup.settings import Settings
from indexer.search_setup.wanted import wanted
from service_runtime.opensearch import client
from service_runtime.settings import SettingsInvalid, help_text, load

WRONG_SETTINGS = 64
"""sysexits.h's EX_USAGE, as every service ends with it."""


@asynccontextmanager
async def reached(settings: Settings) -> AsyncIterator[tuple[Domain, Dashboards]]:
    """The domain and its Dashboards. Raises Refused where there are no credentials to sign with."""
    seconds = settings.timeout_seconds
    async with AsyncExitStack() as stack:
        try:
            clients = [
                await stack.enter_async_context(client(access, timeout_seconds=seconds))
                for access in (settings.access, settings.registering_access)
            ]
        except LookupError as error:
            raise Refused(str(error)) from error
        who = settings.access
        there = Dashboards(settings.dashboards, who.user, who.password, tenant=settings.tenant, timeout_seconds=seconds)
        yield Domain(*clients), await stack.enter_async_context(there)


async def run(settings: Settings, *, dry_run: bool, say: Callable[[str], None]) -> int:
    """Bring everything about and say so; 0, or 1 where something failed, with its names last."""

    def tell(outcome: Outcome) -> None:
        if outcome.result != "unchanged":
            say(str(outcome))

    try:
        async with reached(settings) as (domain, dashboards):
            await domain.answers(settings.wait_seconds)
            outcomes = await bring(wanted(settings), domain, dashboards, dry_run=dry_run, tell=tell)
    except Refused as error:
        say(f"failed: {error}")
        return 1
    say(summary(outcomes))
    return 1 if any(outcome.result == "failed" for outcome in outcomes) else 0


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many became what, and the names of those that failed."""
    results = [outcome.result for outcome in outcomes]
    counts = ", ".join(f"{results.count(result)} {result}" for result in dict.fromkeys(results))
    failed = [str(outcome.wanted) for outcome in outcomes if outcome.result == "failed"]
    return f"{len(outcomes)} objects: {counts}" + (f"; failed: {', '.join(failed)}" if failed else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m indexer.search_setup",
        description="Brings an OpenSearch domain to what is wanted: roles, templates, retention, the snapshot "
        "repository, audit logs, saved objects of Dashboards. Run again, it changes nothing.",
        epilog=f"Settings, from the environment:\n{help_text(Settings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be changed, and change nothing")
    chosen = parser.parse_args(arguments)
    try:
        settings = load(Settings)
    except SettingsInvalid as error:
        print(error, file=sys.stderr)
        return WRONG_SETTINGS
    # It would warn of every object that is not there yet.
    logging.getLogger("opensearch").setLevel(logging.CRITICAL)
    return asyncio.run(run(settings, dry_run=chosen.dry_run, say=lambda line: print(line, flush=True)))


if __name__ == "__main__":
    sys.exit(main())
