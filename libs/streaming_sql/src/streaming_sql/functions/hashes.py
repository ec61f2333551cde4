"""Digests, encodings and URLs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from streaming_sql.functions.signature import Arguments, Function, Signature
from streaming_sql.types import BYTES, INT, STRING

_SHA2 = {224: "sha224", 256: "sha256", 384: "sha384", 512: "sha512"}
_CHARSETS = {
    "US-ASCII": "ascii",
    "ISO-8859-1": "latin-1",
    "UTF-8": "utf-8",
    "UTF-16BE": "utf-16-be",
    "UTF-16LE": "utf-16-le",
    "UTF-16": "utf-16",
}
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_PROTOCOLS = frozenset({"http", "https", "ftp", "file", "jar", "mailto"})
_HOST_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?", re.ASCII)
_BASE64_SPACE = re.compile(rb"[^A-Za-z0-9+/=]")


def _digest(name: str) -> Callable[[str], str]:
    def digest(text: str) -> str:
        return hashlib.new(name, text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()

    return digest


def _sha2(text: str, bits: int) -> str | None:
    name = _SHA2.get(bits)
    return None if name is None else _digest(name)(text)


def _encode(text: str, charset: str) -> bytes | None:
    codec = _CHARSETS.get(charset.upper())
    if codec is None:
        return None
    mark = b"\xfe\xff" if codec == "utf-16" else b""
    return mark + text.encode("utf-16-be" if mark else codec, "replace")


def _decode(data: bytes, charset: str) -> str | None:
    codec = _CHARSETS.get(charset.upper())
    if codec == "utf-16" and data[:2] not in {b"\xfe\xff", b"\xff\xfe"}:
        codec = "utf-16-be"
    return None if codec is None else data.decode(codec, "replace")


def to_base64(value: Any) -> str:
    """Base64 of a text's UTF-8 or of bytes."""
    return base64.b64encode(value if isinstance(value, bytes) else value.encode("utf-8", "replace")).decode()


def from_base64(text: str) -> str | None:
    """The text that base64 stands for; NULL for what is no base64."""
    data = text.encode("utf-8", "replace")
    if _BASE64_SPACE.search(data):
        return None
    if b"=" not in data:
        data += b"=" * (-len(data) % 4)
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return None


def java_hash(text: str) -> int:
    """The absolute value of Java's String.hashCode."""
    value = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for place in range(0, len(units), 2):
        value = (31 * value + (units[place] << 8 | units[place + 1])) & 0xFFFFFFFF
    signed = value - (1 << 32) if value >> 31 else value
    return signed if signed == -(1 << 31) else abs(signed)


class _Url(NamedTuple):
    protocol: str
    authority: str | None
    path: str
    query: str | None
    ref: str | None


def _read_url(text: str) -> _Url | None:
    match = _URL.fullmatch(text.strip("".join(map(chr, range(33)))))
    if match is None or match[1].lower() not in _PROTOCOLS:
        return None
    if match[2]:
        host = _HOST_PORT.fullmatch(match[2].rpartition("@")[2])
        if host is None or (host[2] and int(host[2][:9]) > 65_535_000):
            return None
    return _Url(match[1].lower(), match[2], match[3], match[4], match[5])


def parse_url(text: str, part: str) -> str | None:
    """A part of a URL as java.net.URL gives it; NULL for what is no URL or has no such part."""
    url = _read_url(text)
    if url is None:
        return None
    user, at, place = (url.authority or "").rpartition("@")
    host = _HOST_PORT.match(place)
    parts = {
        "HOST": host[1] if host else "",
        "PATH": url.path,
        "QUERY": url.query,
        "REF": url.ref,
        "PROTOCOL": url.protocol,
        "FILE": url.path if url.query is None else f"{url.path}?{url.query}",
        "AUTHORITY": url.authority,
        "USERINFO": user if at else None,
    }
    return parts.get(part)


def parse_url_key(text: str, part: str, key: str) -> str | None:
    """The value of a parameter of a URL's query."""
    query = parse_url(text, part) if part == "QUERY" else None
    match = None if query is None else re.search(rf"(?:&|^){re.escape(key)}=([^&]*)", query)
    return None if match is None else match[1]


def _charset(arguments: Arguments, convert: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    name = arguments[1]
    if name.is_constant and name.value is not None and str(name.value).upper() not in _CHARSETS:
        raise ValueError(f"no charset {name.value}, one of {', '.join(_CHARSETS)}")
    return convert


def _digests(name: str, bits: int) -> Function:
    summary = f"The {name} digest in {bits // 4} hexadecimal digits."
    return Function(
        (name,), "Hash", f"{name}(text)", summary, (Signature(("TEXT",), STRING, _digest(name.lower())),),
        ((f"{name}('abc')", _digest(name.lower())("abc")),),
    )  # fmt: skip


FUNCTIONS = (
    *(_digests(name, bits) for name, bits in (("MD5", 128), ("SHA1", 160), ("SHA224", 224), ("SHA256", 256))),
    *(_digests(name, bits) for name, bits in (("SHA384", 384), ("SHA512", 512))),
    Function(
        ("SHA2",), "Hash", "SHA2(text, bits)", "The SHA-2 digest of 224, 256, 384 or 512 bits; else NULL.",
        (Signature(("TEXT", "INTEGER"), STRING, _sha2, nullable=True),),
        (("SHA2('abc', 224)", _digest("sha224")("abc")),),
    ),
    Function(
        ("HASH_CODE",), "Hash", "HASH_CODE(text)", "The absolute value of Java's hash of a text.",
        (Signature(("TEXT",), INT, java_hash),),
        (("HASH_CODE('abc')", "96354"),),
    ),
    Function(
        ("TO_BASE64",), "String", "TO_BASE64(text)", "Base64 of the text's UTF-8.",
        (Signature(("TEXT",), STRING, to_base64),),
        (("TO_BASE64('hello world')", "aGVsbG8gd29ybGQ="),),
    ),
    Function(
        ("FROM_BASE64",), "String", "FROM_BASE64(text)", "The text that base64 stands for.",
        (Signature(("TEXT",), STRING, from_base64, nullable=True),),
        (("FROM_BASE64('aGVsbG8gd29ybGQ=')", "hello world"),),
    ),
    Function(
        ("ENCODE",), "String", "ENCODE(text, charset)", f"Bytes of a text in one of {', '.join(_CHARSETS)}.",
        (Signature(("TEXT", "TEXT"), BYTES, prepare=lambda given: _charset(given, _encode), nullable=True),),
        (("DECODE(ENCODE('hé', 'UTF-8'), 'UTF-8')", "hé"),),
    ),
    Function(
        ("DECODE",), "String", "DECODE(bytes, charset)", "The text of bytes in a charset.",
        (Signature(("BYTES", "TEXT"), STRING, prepare=lambda given: _charset(given, _decode), nullable=True),),
        (("DECODE(ENCODE('abc', 'UTF-16LE'), 'UTF-16LE')", "abc"),),
    ),
    Function(
        ("PARSE_URL",), "String", "PARSE_URL(url, part [, key])",
        "HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY or USERINFO of a URL, or a parameter of its QUERY.",
        (
            Signature(("TEXT", "TEXT"), STRING, parse_url, nullable=True),
            Signature(("TEXT", "TEXT", "TEXT"), STRING, parse_url_key, nullable=True),
        ),
        (
            ("PARSE_URL('http://facebook.com/path1/p.php?k1=v1&k2=v2#Ref1', 'HOST')", "facebook.com"),
            ("PARSE_URL('http://facebook.com/path1/p.php?k1=v1&k2=v2#Ref1', 'QUERY', 'k1')", "v1"),
        ),
    ),
)  # fmt: skip
