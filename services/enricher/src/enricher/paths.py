"""Dotted paths into a payload: `client.ip` is the member `ip` of the member `client`, or a member named `client.ip`."""

Path = tuple[str, ...]


def parse_path(text: str) -> Path:
    """The segments of a dotted path. Raises ValueError for an empty path or segment."""
    segments = tuple(segment.strip() for segment in text.strip().split("."))
    if not all(segments):
        raise ValueError(f"{text!r} is not a path: write member names joined by dots, like client.ip")
    return segments


def parse_paths(text: str) -> tuple[Path, ...]:
    """Paths separated by commas, in order of preference. Raises ValueError."""
    return tuple(parse_path(entry) for entry in text.split(",") if entry.strip())


def find(document: object, path: Path) -> object:
    """The value at a path of a decoded document, or None where there is none. Arrays are not entered."""
    if not path:
        return document
    if not isinstance(document, dict):
        return None
    for length in range(len(path), 0, -1):
        name = path[0] if length == 1 else ".".join(path[:length])
        if name in document and (found := find(document[name], path[length:])) is not None:
            return found
    return None


def find_text(document: object, paths: tuple[Path, ...]) -> str | None:
    """The first non-empty string at any of the paths, or None."""
    for path in paths:
        value = find(document, path)
        if isinstance(value, str) and value:
            return value
    return None
