"""The services and feeders of a local stack as programs to supervise: what each is told, and where it logs."""

import sys
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from etl_cli.layout import SERVICES, Layout
from local_aws.probes import answers
from local_aws.programs import Program

# Each feeder's own arguments. Rates are events a second; two cores have the rest of the demo to run as well.
FEEDERS: Mapping[str, tuple[str, ...]] = {
    "web": ("--rate", "40", "--seed", "7"),
    "iot": ("--rate", "15"),
    "cdc": ("--rate", "10"),
    "logs": ("--rate", "30"),
    "poison": ("--rate", "4"),
}
_AWS = frozenset({"doubles", "ministack"})


def service_environment(service: str, layout: Layout, root: Path, geoip: Path | None) -> dict[str, str]:
    """What one service is told beyond the addresses that all of them share."""
    prefix = service.split("-", maxsplit=1)[0].upper()
    common = {f"{prefix}_PROBE_PORT": str(layout.probe_port(service)), f"{prefix}_LOG_FORMAT": "json"}
    return common | _OWN[service](layout, root, geoip)


def _ingest(layout: Layout, _root: Path, _geoip: Path | None) -> dict[str, str]:
    return {"INGEST_PORT": str(layout.ingest_port), "INGEST_API_KEYS_FILE": str(layout.api_keys)}


def _enricher(layout: Layout, root: Path, geoip: Path | None) -> dict[str, str]:
    demo = dotenv_values(root / "services" / "enricher" / "reference" / "demo.env")
    return {
        **{name: value for name, value in demo.items() if value is not None},
        "ENRICHER_GEOIP_DATABASE": str(geoip or ""),
        "ENRICHER_MASK_SECRET": layout.mask_secret.read_text().strip(),
    }


def _aggregator(_layout: Layout, root: Path, _geoip: Path | None) -> dict[str, str]:
    return {
        "AGGREGATOR_PIPELINES": str(root / "services" / "aggregator" / "pipelines"),
        # The demo's input ends, and its last windows should not wait for more.
        "AGGREGATOR_IDLE_SECONDS": "8",
        "AGGREGATOR_FLUSH_SECONDS": "12",
    }


def _indexer(_layout: Layout, _root: Path, _geoip: Path | None) -> dict[str, str]:
    return {}


def _console(layout: Layout, _root: Path, _geoip: Path | None) -> dict[str, str]:
    scraped = (f"{service}={probe_url(layout, service)}/metrics" for service in SERVICES if service != "console")
    return {"CONSOLE_PORT": str(layout.console_port), "CONSOLE_SERVICES": ",".join(scraped)}


_OWN = {
    "ingest-api": _ingest,
    "enricher": _enricher,
    "aggregator": _aggregator,
    "indexer": _indexer,
    "console": _console,
}


def probe_url(layout: Layout, service: str) -> str:
    """Where a service's /livez, /readyz and /metrics are."""
    return f"http://127.0.0.1:{layout.probe_port(service)}"


def service_programs(
    layout: Layout, root: Path, shared: Mapping[str, str], geoip: Path | None, overrides: Mapping[str, str]
) -> list[Program]:
    """Every service as a process of its own; `shared` is the environment that all of them get, `overrides` win."""
    return [
        Program(
            name=service,
            argv=(sys.executable, "-m", service.replace("-", "_")),
            log=layout.logs / f"{service}.log",
            environment={**shared, **service_environment(service, layout, root, geoip), **overrides},
            directory=root,
            ready=answers(f"{probe_url(layout, service)}/readyz"),
            after=_AWS,  # so that at the end each drains while it can still deliver
            ready_seconds=90,
            stop_seconds=40,
        )
        for service in SERVICES
    ]


def feeder_programs(layout: Layout, root: Path, shared: Mapping[str, str], key: str, geoip: Path) -> list[Program]:
    """Every feeder as a process; each keeps a ledger of what was accepted. The key goes by environment, not by argv."""
    environment = {**shared, "ETL_API_KEY": key}
    extra = {
        "web": ("--geoip", str(geoip)),
        "logs": ("--json-logs", str(layout.logs)),
        "cdc": ("--database", str(layout.work / "shop.sqlite")),
    }
    return [
        Program(
            name=f"feeder {name}",
            argv=(
                *(sys.executable, str(root / "examples" / "feeders" / f"{name}.py"), "--url", layout.ingest_url),
                *("--ledger", str(layout.ledger / f"{name}.jsonl")),
                *arguments,
                *extra.get(name, ()),
            ),
            log=layout.work / f"feeder-{name}.log",
            after=frozenset({"ingest-api"}),
            environment=environment,
            directory=root,
            stop_seconds=30,
        )
        for name, arguments in FEEDERS.items()
    ]
