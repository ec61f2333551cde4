"""Reference data: a table in a CSV, JSON or NDJSON file, looked up by a field of the payload.

For example a merchant's category by `merchant`, or a device's site by `device`. A changed file is read again; a file
that became unreadable leaves the rows of before in force.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as File

import msgspec

from enricher.paths import Path, find, parse_path


class ReferenceInvalid(Exception):
    """A reference file is missing or not a table. The message names the file and what to mend."""


@dataclass(frozen=True, slots=True)
class ReferenceSource:
    """A file, and the path of the payload field whose value is looked up in it."""

    path: Path
    file: File

    @property
    def name(self) -> str:
        """The name of the key column, and of the table in the enrichment: the last segment of the path."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells one version of a file from the next."""

    modified_ns: int
    size: int
    inode: int


def parse_sources(text: str) -> tuple[ReferenceSource, ...]:
    """Sources written `field=file`, separated by commas. Raises ValueError that names the wrong entry."""
    sources: list[ReferenceSource] = []
    for entry in (part.strip() for part in text.split(",")):
        if not entry:
            continue
        field, equals, file = entry.partition("=")
        if not equals or not file or File(file).suffix not in _PARSERS:
            known = ", ".join(_PARSERS)
            raise ValueError(f"{entry!r} is not a reference: write field=file, where the file ends in one of {known}")
        source = ReferenceSource(parse_path(field), File(file))
        if any(source.name == other.name for other in sources):
            raise ValueError(f"two references are named {source.name!r}: the last segments of the fields must differ")
        sources.append(source)
    return tuple(sources)


def parse_table(data: bytes, suffix: str, key: str) -> dict[str, msgspec.Raw]:
    """Rows as JSON objects by key, the key column left out. Raises ReferenceInvalid that says which row is wrong.

    `.csv`: a header line, values stay strings; `.ndjson` and `.jsonl`: an object a line; `.json`: an array of objects
    or an object of objects by key.
    """
    try:
        rows = _PARSERS[suffix](data, key)
        table: dict[str, msgspec.Raw] = {}
        for number, row in enumerate(rows, start=1):
            value = row.get(key)
            if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
                raise ReferenceInvalid(f"row {number} has no key: the column {key!r} must be a string or an integer")
            if str(value) in table:
                raise ReferenceInvalid(f"row {number} repeats the key {str(value)!r}")
            rest = {name: cell for name, cell in row.items() if name != key}
            table[str(value)] = msgspec.Raw(msgspec.json.encode(rest))
    except (msgspec.MsgspecError, UnicodeError, csv.Error) as error:
        raise ReferenceInvalid(f"the file does not parse: {error}") from error
    return table


class ReferenceTable:
    """The rows of one source, as they stood when the file was last read."""

    def __init__(self, source: ReferenceSource) -> None:
        """Read nothing yet: call `refresh`."""
        self.source = source
        self._rows: Mapping[str, msgspec.Raw] = {}
        self._state: FileState | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, document: object) -> tuple[bool, msgspec.Raw | None]:
        """Whether the payload has the field, and the row of its value as JSON."""
        value = find(document, self.source.path)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            return False, None
        return True, self._rows.get(str(value))

    def refresh(self) -> bool:
        """Read the file where it changed since the last call; True where the rows are new. Blocks on the disk.

        Raises ReferenceInvalid; then the rows of before stay in force, and the same version is not read again.
        """
        state = self._look()
        if state == self._state:
            return False
        self._state = state
        try:
            self._rows = parse_table(self.source.file.read_bytes(), self.source.file.suffix, self.source.name)
        except OSError as error:
            raise ReferenceInvalid(f"{self.source.file}: {error.strerror or error}") from error
        except ReferenceInvalid as error:
            raise ReferenceInvalid(f"{self.source.file}: {error}") from error
        return True

    def _look(self) -> FileState | None:
        try:
            status = self.source.file.stat()
        except OSError as error:
            self._state = None  # when it comes back it is read, whatever its times
            raise ReferenceInvalid(f"{self.source.file}: {error.strerror or error}") from error
        return FileState(status.st_mtime_ns, status.st_size, status.st_ino)


def _csv(data: bytes, key: str) -> Iterable[Mapping[str, object]]:
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    if reader.fieldnames is None or key not in reader.fieldnames:
        raise ReferenceInvalid(f"the header has no column {key!r}: it has {', '.join(reader.fieldnames or ())!r}")
    for number, row in enumerate(reader, start=1):
        if None in row or None in row.values():
            raise ReferenceInvalid(f"row {number} has not as many cells as the header has columns")
        yield row


def _ndjson(data: bytes, key: str) -> Iterable[Mapping[str, object]]:
    for line in data.splitlines():
        if line.strip():
            yield msgspec.json.decode(line, type=dict[str, object])


def _json(data: bytes, key: str) -> Iterable[Mapping[str, object]]:
    if data.lstrip()[:1] == b"{":
        by_key = msgspec.json.decode(data, type=dict[str, dict[str, object]])
        return [{**row, key: value} for value, row in by_key.items()]
    return msgspec.json.decode(data, type=list[dict[str, object]])


_PARSERS = {".csv": _csv, ".ndjson": _ndjson, ".jsonl": _ndjson, ".json": _json}
