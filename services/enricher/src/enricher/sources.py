"""Opens what the lookups read: the geographic database and the reference files, kept fresh while the service runs."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import maxminddb
import structlog

from enricher.device import DeviceLookup
from enricher.enrich import Lookups
from enricher.geo import GeoLookup
from enricher.masking import Masking, parse_rules
from enricher.metrics import EnricherMetrics
from enricher.paths import parse_paths
from enricher.quality import QualityRules, parse_required
from enricher.reference import ReferenceInvalid, ReferenceTable, parse_sources
from enricher.settings import Settings


class DatabaseMissing(Exception):
    """ENRICHER_GEOIP_REQUIRED is set and the database cannot be opened. Mend ENRICHER_GEOIP_DATABASE."""


def open_lookups(settings: Settings, metrics: EnricherMetrics) -> Lookups:
    """Every lookup of the settings, files read. Raises DatabaseMissing or ReferenceInvalid. Blocks on the disk."""
    tables = [ReferenceTable(source) for source in parse_sources(settings.reference)]
    for table in tables:
        table.refresh()
        metrics.reference_rows.labels(table.source.name).set(len(table))
    return Lookups(
        geo=open_geography(settings.geoip_database, required=settings.geoip_required),
        device=DeviceLookup(),
        references=tables,
        masking=Masking(parse_rules(settings.mask), settings.mask_secret.get_secret_value().encode()),
        quality=QualityRules(
            ahead_milliseconds=round(settings.ahead_seconds * 1000),
            behind_milliseconds=round(settings.behind_seconds * 1000),
            required=parse_required(settings.required),
        ),
        address_paths=parse_paths(settings.address_paths),
        user_agent_paths=parse_paths(settings.user_agent_paths),
    )


def open_geography(database: Path | None, *, required: bool) -> GeoLookup:
    """The lookup over a database; without one, a lookup that finds nothing, and one warning in the log.

    Raises DatabaseMissing where a database is required. The file is mapped into memory, not read.
    """
    log = structlog.get_logger("enricher")
    try:
        if database is None:
            raise FileNotFoundError("ENRICHER_GEOIP_DATABASE names no .mmdb file")
        reader = maxminddb.open_database(database)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        if required:
            raise DatabaseMissing(f"no geographic database: {error}") from error
        log.warning("events get no geography", cause=str(error), fix="set ENRICHER_GEOIP_DATABASE to an .mmdb file")
        return GeoLookup(None)
    metadata = reader.metadata()
    log.info("geographic database opened", type=metadata.database_type, built=metadata.build_epoch)
    return GeoLookup(reader)


async def keep_fresh(tables: Sequence[ReferenceTable], metrics: EnricherMetrics, seconds: float) -> None:
    """Look at the reference files every so often, until cancelled. A file gone bad leaves its old rows in force."""
    while tables:
        await asyncio.sleep(seconds)
        for table in tables:
            await refresh(table, metrics)


async def refresh(table: ReferenceTable, metrics: EnricherMetrics) -> None:
    """Read one file again where it changed; what is wrong with it is counted and logged."""
    log = structlog.get_logger("enricher")
    try:
        changed = await asyncio.to_thread(table.refresh)
    except ReferenceInvalid as error:
        metrics.reference_failures.labels(table.source.name).inc()
        log.error("reference data kept as it was", table=table.source.name, cause=str(error))
        return
    if changed:
        metrics.reference_rows.labels(table.source.name).set(len(table))
        log.info("reference data read again", table=table.source.name, rows=len(table))
