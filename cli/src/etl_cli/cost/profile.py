"""What is deployed, as Terraform variables say: infra/profiles/*.tfvars over the defaults of infra/variables*.tf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import hcl2

_T = TypeVar("_T")


class ProfileError(Exception):
    """The file is no profile: the text says where and why."""


@dataclass(frozen=True)
class Network:
    """The VPC. `interface_endpoints` of a public one should be empty: nobody would use them."""

    zones: int = 2
    private: bool = True
    nat: str = "none"
    interface_endpoints: tuple[str, ...] = (
        *("ecr.api", "ecr.dkr", "kinesis-firehose", "kinesis-streams", "kms", "logs", "monitoring", "secretsmanager"),
        *("sns", "sts"),
    )


@dataclass(frozen=True)
class Stream:
    """A Kinesis stream: on-demand; provisioned with `shards`; or autoscaled from `min_shards` to `max_shards`."""

    mode: str = "on-demand"
    shards: int = 0
    min_shards: int = 0
    max_shards: int = 0
    retention_hours: int = 24


@dataclass(frozen=True)
class Service:
    """The tasks of a service. `cpu` in 1/1024 vCPU, `memory` in MiB; a task's minute before one is added."""

    cpu: int = 256
    memory: int = 512
    min_tasks: int = 1
    max_tasks: int = 1
    on_demand_base: int = 0
    on_demand_weight: int = 0
    spot_weight: int = 1
    bytes_per_task_per_minute: int | None = None
    requests_per_task_per_minute: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    exec: bool = False


@dataclass(frozen=True)
class Nodes:
    """OpenSearch's data nodes, or its masters (which have no volume)."""

    type: str = "t3.small.search"
    count: int = 1
    volume_gib: int = 20


@dataclass(frozen=True)
class Tiers:
    """Days until the archive moves to each storage class of S3; None where it does not."""

    infrequent_access: int | None = 30
    instant: int | None = 90
    flexible: int | None = None
    deep: int | None = 365


@dataclass(frozen=True)
class Profile:
    """A deployment."""

    name: str
    network: Network
    streams: Mapping[str, Stream]
    services: Mapping[str, Service]
    fan_out: frozenset[str] = frozenset({"enricher", "aggregator"})
    shared_key: bool = False
    distribution: str = "single"
    waf: bool = False
    search: Nodes | None = field(default_factory=Nodes)
    masters: Nodes | None = None
    warehouse_rpu: int = 0
    warehouse_daily_rpu_hours: int | None = None
    tiers: Tiers = field(default_factory=Tiers)
    service_metrics: bool = True
    backup_days: int = 0
    audit: bool = False
    audit_services: bool = False
    audit_streams: bool = True
    rotated_senders: int = 0


def read_profile(path: Path) -> Profile:
    """The profile in a .tfvars file. Raises ProfileError."""
    try:
        with path.open() as file:
            given = _plain(hcl2.load(file))
    except FileNotFoundError:
        raise ProfileError(
            f"{path} is not there: give --profile minimal, standard or scale, or a .tfvars file"
        ) from None
    except Exception as error:  # the parser's own errors are of many classes
        raise ProfileError(f"{path} is no file of Terraform variables: {error}") from error
    search, warehouse, archive = given.get("search", {}), given.get("warehouse", {}), given.get("archive", {})
    audit = given.get("audit", {})
    capacity, backup = warehouse.get("capacity", {}), given.get("backup", {})
    masters = search.get("masters")
    return Profile(
        name=path.stem,
        network=_made(Network, given.get("network", {})),
        streams={name: _made(Stream, stream) for name, stream in given.get("streams", _STREAMS).items()},
        services={name: _made(Service, service) for name, service in given.get("services", _SERVICES).items()},
        fan_out=frozenset(given.get("fan_out", ("enricher", "aggregator"))),
        shared_key=given.get("encryption", {}).get("shared_key", False),
        distribution=given.get("aggregator", {}).get("distribution", "single"),
        waf=given.get("ingest", {}).get("waf", {}).get("enabled", False),
        search=_made(Nodes, search.get("nodes", {})) if search.get("enabled", True) else None,
        masters=_made(Nodes, {"count": 3, **masters}) if masters else None,
        warehouse_rpu=capacity.get("base", 8) if warehouse.get("enabled", False) else 0,
        warehouse_daily_rpu_hours=capacity.get("daily_rpu_hours"),
        tiers=_made(Tiers, {"infrequent_access": None, "instant": None, "deep": None, **archive["tiers"]})
        if "tiers" in archive
        else Tiers(),
        service_metrics=given.get("monitoring", {}).get("service_metrics", True),
        backup_days=backup.get("retention_days", 35) if backup.get("enabled", False) else 0,
        audit=audit.get("enabled", False),
        audit_services=audit.get("services", False),
        audit_streams=audit.get("streams", True),
        rotated_senders=len(given.get("rotated_senders", {})),
    )


_STREAMS: dict[str, dict[str, Any]] = {
    name: {} for name in ("raw", "enriched", "aggregates", "alerts", "late", "dead-letters")
}
_SERVICES: dict[str, dict[str, Any]] = {name: {} for name in ("ingest-api", "enricher", "aggregator", "indexer")}


def _made(kind: type[_T], given: Mapping[str, Any]) -> _T:
    """What the dataclass has of it; the rest costs nothing."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in given.items() if name in known})


def _plain(value: Any) -> Any:
    """Without the quotes that the parser leaves around texts."""
    if isinstance(value, dict):
        return {_plain(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.strip('"') if isinstance(value, str) else value
