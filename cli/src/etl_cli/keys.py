"""API keys for a local stack: made at random, kept by their hash where the ingest API reads them."""

import hashlib
import secrets
from pathlib import Path


def make_key(api_key: Path, api_keys: Path, name: str = "local", tenant: str = "local") -> str:
    """A new key in `api_key` (mode 0600) and its `name:tenant:sha256` line in `api_keys`; an existing one is kept."""
    if api_key.exists() and api_keys.exists():
        return api_key.read_text().strip()
    key = secrets.token_urlsafe(32)
    api_keys.parent.mkdir(parents=True, exist_ok=True)
    for path, text in ((api_key, key), (api_keys, f"{name}:{tenant}:{hashlib.sha256(key.encode()).hexdigest()}")):
        path.touch(mode=0o600)
        path.write_text(text + "\n")
    return key
