"""Where a local stack keeps its files and which ports it takes. Pure but for `project_root`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


def project_root() -> Path:
    """The checkout that this command was installed from: it holds `services/`, `examples/` and `requirements/`."""
    return Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Layout:
    """One stack's folder and ports. Two stacks with different names and port bases do not touch."""

    folder: Path
    port_base: int

    @property
    def logs(self) -> Path:
        """A log file a process."""
        return self.folder / "logs"

    @property
    def ledger(self) -> Path:
        """The feeders' ledgers of accepted events."""
        return self.folder / "ledger"

    @property
    def work(self) -> Path:
        """The feeders' own files, such as the database that the CDC feeder writes to."""
        return self.folder / "work"

    @property
    def api_keys(self) -> Path:
        """What the ingest API reads: names, tenants and hashes of keys."""
        return self.folder / "api-keys"

    @property
    def api_key(self) -> Path:
        """The demo's own key, readable by its owner alone."""
        return self.folder / "api-key"

    @property
    def mask_secret(self) -> Path:
        """The key of the enricher's hash mask, readable by its owner alone."""
        return self.folder / "mask-secret"

    @property
    def state(self) -> Path:
        """Addresses of the running stack, for `etl status` and `etl send`."""
        return self.folder / "stack.json"

    @property
    def ingest_port(self) -> int:
        """The ingest API."""
        return self.port_base

    @property
    def console_port(self) -> int:
        """The console's page."""
        return self.port_base + 1

    @property
    def local_aws_port(self) -> int:
        """The first of the local AWS's ports: the doubles, ministack, OpenSearch's HTTP and transport."""
        return self.port_base + 2

    def probe_port(self, service: str) -> int:
        """A service's /livez, /readyz and /metrics."""
        return self.port_base + 10 + SERVICES.index(service)

    @property
    def ingest_url(self) -> str:
        """The ingest API's address."""
        return f"http://127.0.0.1:{self.ingest_port}"

    @property
    def console_url(self) -> str:
        """The console's address."""
        return f"http://127.0.0.1:{self.console_port}"

    def ports(self) -> list[tuple[str, int]]:
        """What each port of the services is for."""
        probes = [(f"{service} probes", self.probe_port(service)) for service in SERVICES]
        return [("ingest-api", self.ingest_port), ("console", self.console_port), *probes]


SERVICES = ("ingest-api", "enricher", "aggregator", "indexer", "console")


def cache_folder(environment: Mapping[str, str]) -> Path:
    """What all stacks of this user share: OpenSearch's jars, ministack's environment. XDG's cache folder."""
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streaming-etl"
