from types import SimpleNamespace as Namespace
from typing import Any

import orjson
import psutil  # type: ignore[import-untyped]  # it publishes no types
import pytest
from iot import Reading, make_event, sample

from event_contract import Event, recognise


def machine(**changes: Any) -> Namespace:
    """A machine like psutil shows it, without a battery."""

    def fails(*_: object) -> object:
        raise NotImplementedError

    parts: dict[str, Any] = {
        "cpu_percent": lambda interval, percpu: [10.0, 30.0],
        "virtual_memory": lambda: Namespace(used=1, available=2, percent=33.3),
        "disk_usage": lambda path: Namespace(percent=50.0),
        "disk_io_counters": lambda: None,
        "net_io_counters": lambda: Namespace(bytes_recv=1, bytes_sent=2, dropin=3, dropout=4),
        "getloadavg": lambda: (0.5, 0.25, 0.125),
        "sensors_temperatures": lambda: {"core": [Namespace(label="Package 0", current=41.5)]},
        "sensors_fans": fails,
        "sensors_battery": lambda: None,
    }
    return Namespace(**{**parts, **changes})


def test_a_sample_has_every_sensor_and_names_the_missing() -> None:
    """Absent sensors are said, whether they answer nothing or fail; the others go on."""
    readings, missing = sample(machine())
    assert missing == ["fans", "battery"]
    by_metric = {reading.metric: (reading.value, reading.unit) for reading in readings}
    assert by_metric["cpu.percent"] == (20.0, "percent")
    assert by_metric["cpu.1.percent"] == (30.0, "percent")
    assert by_metric["net.dropped"] == (7, "packets")
    assert by_metric["temperature.core.package_0"] == (41.5, "celsius")
    assert "disk.read" not in by_metric


@pytest.mark.parametrize("error", [OSError, AttributeError, RuntimeError])
def test_a_failing_sensor_is_a_missing_one(error: type[Exception]) -> None:
    """Psutil raises different things on different systems."""

    def fails() -> object:
        raise error

    assert "network" in sample(machine(net_io_counters=fails))[1]


def test_this_machine_has_readings() -> None:
    """Psutil itself fits: processor, memory and load are everywhere."""
    _, missing = sample(psutil)
    assert not {"processor", "memory"} & set(missing)


def test_a_reading_is_an_event_ordered_by_device_and_metric() -> None:
    """The event is what ingest expects of telemetry."""
    data = make_event(Reading("cpu.percent", 12.5, "percent"), "demo-device", "iot-1", 1_767_355_200_000)
    event = recognise(data, arrived_ms=1_767_355_200_000)
    assert isinstance(event, Event)
    assert (event.type, event.key) == ("iot.reading", "demo-device/cpu.percent")
    payload = {"device": "demo-device", "metric": "cpu.percent", "value": 12.5, "unit": "percent"}
    assert orjson.loads(data)["payload"] == payload
