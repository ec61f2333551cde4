"""What a deployment costs in a month: every component, from the profile's variables and the load. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from etl_cli.cost.auditing import audit
from etl_cli.cost.lines import Line
from etl_cli.cost.prices import Prices
from etl_cli.cost.profile import Profile, Service, Stream
from etl_cli.cost.storage import archive, search, state, warehouse
from etl_cli.cost.watching import watching
from etl_cli.cost.workload import (
    BUSY_WRITES,
    COMMIT_SECONDS,
    EVENTS_A_REQUEST,
    HOURS,
    IDLE_WRITES,
    PUT_UNIT_BYTES,
    RESHARD_AT,
    SECONDS,
    Workload,
)

_READERS = {
    "raw": ("enricher",),
    "enriched": ("aggregator", "indexer"),
    "exchange": ("aggregator",),
    **dict.fromkeys(("aggregates", "alerts", "late", "dead-letters"), ("indexer",)),
}
"""Which services read a stream."""


@dataclass(frozen=True)
class Estimate:
    """A month's lines, and what the profile cannot carry of the load."""

    profile: Profile
    workload: Workload
    prices: Prices
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]

    @property
    def total(self) -> float:
        """US dollars a month."""
        return sum(line.monthly for line in self.lines)

    @property
    def a_billion_events(self) -> float:
        """US dollars."""
        return self.total / self.workload.events * 1e9

    def by_component(self) -> Mapping[str, float]:
        """US dollars a month, the greatest first."""
        sums: dict[str, float] = {}
        for line in self.lines:
            sums[line.component] = sums.get(line.component, 0.0) + line.monthly
        return dict(sorted(sums.items(), key=lambda each: -each[1]))


@dataclass(frozen=True)
class Sizing:
    """How many shards and tasks the load takes, within the profile's bounds."""

    shards: Mapping[str, int]
    tasks: Mapping[str, int]
    warnings: tuple[str, ...]


def estimate(profile: Profile, workload: Workload, prices: Prices, alarms: int) -> Estimate:
    """The month of a profile under a load. `alarms` is how many CloudWatch alarms the profile has.

    Raises PricesError where the table lacks a price.
    """
    sizing = size(profile, workload)
    commits = _commits(profile, sizing)
    lease_writes = _lease_writes(profile, workload, sizing)
    lines = [
        *_streams(profile, workload, sizing, prices),
        *_tasks(profile, sizing, prices),
        *_front(profile, workload, prices),
        *_network(profile, workload, sizing, prices),
        *archive(profile, workload, prices),
        *search(profile, prices),
        *state(lease_writes, commits, prices),
        *warehouse(profile, workload, prices),
        *watching(profile, sizing.tasks, alarms, prices),
        *audit(profile, workload, _readers(profile), sizing.shards, lease_writes + commits, prices),
    ]
    priced = tuple(line for line in lines if line.quantity)
    return Estimate(profile, workload, prices, priced, sizing.warnings)


def _readers(profile: Profile) -> Mapping[str, Mapping[str, bool]]:
    """Of each stream, the services that read it, and whether by enhanced fan-out."""
    return {
        name: {reader: reader in profile.fan_out for reader in _READERS[name] if reader in profile.services}
        for name in profile.streams
    }


def _commits(profile: Profile, sizing: Sizing) -> float:
    """Commits a second: one unit of state, or one a shard of what the tasks share."""
    aggregator = profile.services.get("aggregator")
    if aggregator is None:
        return 0.0
    units = sizing.shards["enriched"] + sizing.shards.get("exchange", 0) if profile.distribution == "shards" else 1
    return units / float(aggregator.environment.get("AGGREGATOR_COMMIT_SECONDS", COMMIT_SECONDS))


def size(profile: Profile, workload: Workload) -> Sizing:
    """Shards and tasks."""
    warnings: list[str] = []
    shards = {name: _shards(name, stream, workload, warnings) for name, stream in profile.streams.items()}
    tasks = {name: _count(name, service, workload, warnings) for name, service in profile.services.items()}
    return Sizing(shards, tasks, tuple(warnings))


def _shards(name: str, stream: Stream, workload: Workload, warnings: list[str]) -> int:
    needed = workload.flows[name].shards
    if stream.mode == "on-demand":
        return max(4, math.ceil(2 * needed))  # AWS keeps room for twice the peak
    if stream.mode == "provisioned":
        if needed > stream.shards:
            warnings.append(f"streams.{name} has {stream.shards} shards, the load fills {math.ceil(needed)}")
        return stream.shards
    wanted = math.ceil(needed / RESHARD_AT)
    if wanted > stream.max_shards:
        warnings.append(f"streams.{name} may have {stream.max_shards} shards, the load asks for {wanted}")
    return min(max(wanted, stream.min_shards), stream.max_shards)


def _count(name: str, service: Service, workload: Workload, warnings: list[str]) -> int:
    flows = workload.flows
    read = flows["raw"] if name == "enricher" else flows["enriched"]
    needed = 0.0
    if service.bytes_per_task_per_minute:
        needed = read.bytes_per_second * 60 / service.bytes_per_task_per_minute
    elif service.requests_per_task_per_minute:
        needed = workload.events_per_second / EVENTS_A_REQUEST * 60 / service.requests_per_task_per_minute
    if needed > service.max_tasks:
        warnings.append(f"services.{name} may have {service.max_tasks} tasks, the load asks for {math.ceil(needed)}")
    return min(max(math.ceil(needed), service.min_tasks), service.max_tasks)


def _streams(profile: Profile, workload: Workload, sizing: Sizing, prices: Prices) -> Iterator[Line]:
    price = prices.of
    for name, stream in profile.streams.items():
        flow, shards = workload.flows[name], sizing.shards[name]
        readers = [reader for reader in _READERS[name] if reader in profile.services]
        fanned = [reader for reader in readers if reader in profile.fan_out]
        component = f"stream {name}"
        if stream.mode == "on-demand":
            read = flow.gigabytes
            yield Line(component, "stream-hours, on demand", HOURS, price("kinesis", "on_demand_stream_hour"))
            yield Line(
                component,
                "GB in, records by 1 KB",
                flow.rounded_up(1024) * 1024 / 1e9,
                price("kinesis", "on_demand_in_gb"),
            )
            polled = read * (len(readers) - len(fanned))
            yield Line(component, "GB polled", polled, price("kinesis", "on_demand_out_gb"))
            yield Line(component, "GB by fan-out", read * len(fanned), price("kinesis", "on_demand_consumer_gb"))
            continue
        yield Line(component, f"shard-hours of {shards}", shards * HOURS, price("kinesis", "shard_hour"))
        units = flow.rounded_up(PUT_UNIT_BYTES) / 1e6
        yield Line(component, "million PUT payload units", units, price("kinesis", "million_put_units"))
        hours = shards * len(fanned) * HOURS
        yield Line(component, "consumer-shard-hours", hours, price("kinesis", "consumer_shard_hour"))
        yield Line(component, "GB by fan-out", flow.gigabytes * len(fanned), price("kinesis", "consumer_gb"))
        longer = shards * HOURS if stream.retention_hours > 24 else 0
        yield Line(component, "shard-hours of longer retention", longer, price("kinesis", "extended_shard_hour"))


def _lease_writes(profile: Profile, workload: Workload, sizing: Sizing) -> float:
    """Writes a second of all leases, one a shard and reader: a busy shard's are its checkpoints."""
    return sum(
        shards
        * sum(reader in profile.services for reader in _READERS[name])
        * (BUSY_WRITES if workload.flows[name].records_per_second >= shards else IDLE_WRITES)
        for name, shards in sizing.shards.items()
    )


def _tasks(profile: Profile, sizing: Sizing, prices: Prices) -> Iterator[Line]:
    vcpu, memory = prices.of("fargate", "arm_vcpu_hour"), prices.of("fargate", "arm_gb_hour")
    for name, service in profile.services.items():
        count = sizing.tasks[name]
        hour = service.cpu / 1024 * vcpu + service.memory / 1024 * memory
        demanded: float = min(count, service.on_demand_base)
        weights = service.on_demand_weight + service.spot_weight
        demanded += (count - demanded) * service.on_demand_weight / weights if weights else count - demanded
        shape = f"{service.cpu / 1024:g} vCPU, {service.memory / 1024:g} GB"
        yield Line(f"tasks {name}", f"task-hours on demand, {shape}", demanded * HOURS, hour)
        spot = hour * prices.of("fargate", "spot_share")
        yield Line(f"tasks {name}", f"task-hours on Spot, {shape}", (count - demanded) * HOURS, spot)


def _front(profile: Profile, workload: Workload, prices: Prices) -> Iterator[Line]:
    gigabytes_an_hour = workload.flows["raw"].bytes_per_second * 3600 / 1e9
    requests = workload.events_per_second / EVENTS_A_REQUEST
    units = max(gigabytes_an_hour, requests / 1000)  # a capacity unit's other sides: connections, rules
    yield Line("load balancer", "hours", HOURS, prices.of("load_balancer", "hour"))
    yield Line("load balancer", "capacity-unit-hours", units * HOURS, prices.of("load_balancer", "capacity_unit_hour"))
    if profile.waf:
        yield Line("firewall", "web ACL", 1, prices.of("waf", "acl_month"))
        yield Line("firewall", "rules", 5, prices.of("waf", "rule_month"))
        yield Line("firewall", "million requests", requests * SECONDS / 1e6, prices.of("waf", "million_requests"))


def _endpoints(profile: Profile) -> frozenset[str]:
    """Interface endpoints, with those that sessions in a container need, as the console does, where there is no NAT."""
    has_sessions = "console" in profile.services or any(service.exec for service in profile.services.values())
    by_endpoints = profile.network.private and profile.network.nat == "none"
    return frozenset(profile.network.interface_endpoints) | (
        {"kms", "ssmmessages"} if has_sessions and by_endpoints else frozenset()
    )


def _network(profile: Profile, workload: Workload, sizing: Sizing, prices: Prices) -> Iterator[Line]:
    network = profile.network
    flows = workload.flows
    addresses = network.zones + (0 if network.private else sum(sizing.tasks.values()))
    yield Line("network", "public addresses, hours", addresses * HOURS, prices.of("network", "public_address_hour"))
    written = flows["raw"].gigabytes + 2 * flows["enriched"].gigabytes  # to streams, and to Firehose
    read = flows["raw"].gigabytes + 2 * flows["enriched"].gigabytes
    if network.private:
        zones = network.zones * len(_endpoints(profile)) * HOURS
        yield Line("network", "interface endpoints, zone-hours", zones, prices.of("endpoints", "zone_hour"))
        yield Line("network", "GB through endpoints", written + read, prices.of("endpoints", "gb"))
    gateways = {"none": 0, "single": 1, "per_zone": network.zones}[network.nat]
    yield Line("network", "NAT gateway-hours", gateways * HOURS, prices.of("network", "nat_hour"))
