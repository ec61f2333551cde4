"""Faults on demand of the Firehose double."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Faults:
    """What shall go wrong: the next so many calls or records are refused with "Slow down.", or S3 is out."""

    throttle_calls: int = 0
    """PutRecord and PutRecordBatch calls still to refuse as a whole."""
    throttle_records: int = 0
    """Records of PutRecordBatch calls still to refuse one by one."""
    s3_outage: bool = False
    """While it holds, no object can be written."""

    def throttles_call(self) -> bool:
        """Tell whether to refuse this call; counts it."""
        refused = self.throttle_calls > 0
        self.throttle_calls -= refused
        return refused

    def throttles_record(self) -> bool:
        """Tell whether to refuse this record; counts it."""
        refused = self.throttle_records > 0
        self.throttle_records -= refused
        return refused

    def change(self, wanted: dict[str, object]) -> None:
        """Set faults by name; raises `ValueError` for an unknown name or a value of the wrong kind."""
        known = self.describe()
        for name, value in wanted.items():
            if name not in known or type(value) is not type(known[name]):
                raise ValueError(f"no such fault: {name}={value!r}; known are {known}")
        for name, value in wanted.items():
            setattr(self, name, value)

    def describe(self) -> dict[str, object]:
        """Give what is in force."""
        return asdict(self)
