"""Keys of a local stack, made at random; the ingest API reads only the hashes of its own."""

import hashlib
import secrets
from pathlib import Path


def make_key(api_key: Path, api_keys: Path, name: str = "local", tenant: str = "local") -> str:
    """A new key in `api_key` (mode 0600) and its `name:tenant:sha256` line in `api_keys`; an existing one is kept."""
    if api_key.exists() and api_keys.exists():
        return api_key.read_text().strip()
    key = secrets.token_urlsafe(32)
    _write_private(api_keys, f"{name}:{tenant}:{hashlib.sha256(key.encode()).hexdigest()}")
    _write_private(api_key, key)
    return key


def make_secret(path: Path) -> None:
    """A random secret in a file of mode 0600; an existing one is kept."""
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(32))


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text + "\n")
