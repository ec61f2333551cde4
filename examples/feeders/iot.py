"""Feeds telemetry of this machine: processor, memory, disks, network, load, temperatures, as its sensors give it.

A reading is {device, metric, value, unit}; counters are sent as they stand, since the machine started. What this
machine does not have is said at the start and left out.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import feeding
import orjson
import psutil  # type: ignore[import-untyped]  # it publishes no types


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one sensor or counter; `metric` is a dotted name."""

    metric: str
    value: float
    unit: str


Sensor = Callable[[Any], Iterable[Reading]]


def processor(machine: Any) -> Iterator[Reading]:
    """How busy the processor is, as a whole and each core, in percent since the last call."""
    cores = machine.cpu_percent(interval=None, percpu=True)
    yield Reading("cpu.percent", round(sum(cores) / len(cores), 2), "percent")
    for number, percent in enumerate(cores):
        yield Reading(f"cpu.{number}.percent", percent, "percent")


def memory(machine: Any) -> Iterator[Reading]:
    """Memory in use and available."""
    state = machine.virtual_memory()
    yield Reading("memory.used", state.used, "bytes")
    yield Reading("memory.available", state.available, "bytes")
    yield Reading("memory.percent", state.percent, "percent")


def disk(machine: Any) -> Iterator[Reading]:
    """How full the root file system is, and what all disks read and wrote."""
    yield Reading("disk.percent", machine.disk_usage("/").percent, "percent")
    counters = machine.disk_io_counters()
    if counters is not None:
        yield Reading("disk.read", counters.read_bytes, "bytes")
        yield Reading("disk.written", counters.write_bytes, "bytes")


def network(machine: Any) -> Iterator[Reading]:
    """What all interfaces together received, sent and dropped."""
    counters = machine.net_io_counters()
    if counters is not None:
        yield Reading("net.received", counters.bytes_recv, "bytes")
        yield Reading("net.sent", counters.bytes_sent, "bytes")
        yield Reading("net.dropped", counters.dropin + counters.dropout, "packets")


def load(machine: Any) -> Iterator[Reading]:
    """Load averages."""
    for minutes, value in zip((1, 5, 15), machine.getloadavg(), strict=True):
        yield Reading(f"load.{minutes}m", round(value, 3), "processes")


def temperatures(machine: Any) -> Iterator[Reading]:
    """Every thermometer."""
    for chip, entries in machine.sensors_temperatures().items():
        for number, entry in enumerate(entries):
            name = (entry.label or str(number)).lower().replace(" ", "_").replace(".", "_")
            yield Reading(f"temperature.{chip}.{name}", entry.current, "celsius")


def fans(machine: Any) -> Iterator[Reading]:
    """Every fan."""
    for chip, entries in machine.sensors_fans().items():
        for number, entry in enumerate(entries):
            yield Reading(f"fan.{chip}.{number}", entry.current, "rpm")


def battery(machine: Any) -> Iterator[Reading]:
    """The battery's charge."""
    state = machine.sensors_battery()
    if state is not None:
        yield Reading("battery.percent", round(state.percent, 1), "percent")


SENSORS: dict[str, Sensor] = {
    "processor": processor,
    "memory": memory,
    "disk": disk,
    "network": network,
    "load": load,
    "temperatures": temperatures,
    "fans": fans,
    "battery": battery,
}


def sample(machine: Any) -> tuple[list[Reading], list[str]]:
    """The readings of all sensors, and the names of those that this machine lacks. `machine` is psutil or like it."""
    readings: list[Reading] = []
    missing: list[str] = []
    for name, sensor in SENSORS.items():
        try:
            found = list(sensor(machine))
        except (AttributeError, OSError, NotImplementedError, RuntimeError):
            found = []
        readings += found
        if not found:
            missing.append(name)
    return readings, missing


def make_event(reading: Reading, device: str, event_id: str, time_ms: int) -> bytes:
    """A reading as an event, ordered within its device and metric."""
    payload = {"device": device, "metric": reading.metric, "value": reading.value, "unit": reading.unit}
    return orjson.dumps(
        {
            "id": event_id,
            "source": f"iot:{device}",
            "type": "iot.reading",
            "key": f"{device}/{reading.metric}",
            "time": time_ms,
            "payload": payload,
        }
    )


async def feed(options: argparse.Namespace, stop: asyncio.Event) -> AsyncIterator[Sequence[bytes]]:
    """A batch for each sampling, or several where it has more readings than a batch takes."""
    run, count = feeding.new_run(), 0
    _, missing = await asyncio.to_thread(sample, psutil)  # a first call: percentages are since the one before
    if missing:
        feeding.say(f"iot: this machine has no {', '.join(missing)}; the rest is sent")
    while not await feeding.wait(stop, options.interval):
        readings, _ = await asyncio.to_thread(sample, psutil)
        now = time.time_ns() // 1_000_000
        events = []
        for reading in readings:
            count += 1
            events.append(make_event(reading, options.device, f"iot-{run}-{count:07}", now))
        for start in range(0, len(events), options.batch):
            yield events[start : start + options.batch]


def main() -> int:
    """Entry point."""
    parser = feeding.common_parser(__doc__ or "", rate=50.0)
    parser.add_argument("--device", default="demo-device", help="name of this machine in the events")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two samplings")
    return feeding.run("iot", parser.parse_args(), feed)


if __name__ == "__main__":
    sys.exit(main())
