"""The commands of `etl search`: what a domain needs besides documents. The same code runs as a task in AWS."""

from __future__ import annotations

import sys

import click


@click.group()
def search() -> None:
    """Bring an OpenSearch domain to what the indexer and its readers need. See docs/search-setup.md."""


@search.command()
@click.option("--dry-run", is_flag=True, help="Say what would be changed, and change nothing.")
def apply(dry_run: bool) -> None:
    """Roles, templates, retention, snapshot repository, audit logs, dashboards: made as wanted; again, nothing changes.

    Settings come from the environment (OPENSEARCH_URL, SEARCH_…): docs/configuration.md. Exit status: 0 all is as
    wanted, 1 something failed and is named, 64 a setting is wrong.
    """
    from indexer.search_setup import __main__ as job

    sys.exit(job.main(["--dry-run"] if dry_run else []))


@search.command("saved-objects")
def saved_objects() -> None:
    """Print the saved objects of Dashboards: monitoring/opensearch-dashboards.ndjson is this."""
    from indexer.search_setup.dashboards import ndjson

    click.echo(ndjson(), nl=False)
