"""Takes out of a log line what tells where and whose machine it is: pure text in, text out."""

import ipaddress
import re
from collections.abc import Iterable

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_URL_HOST = re.compile(r"(?<=://)(?:[^\s/@]+@)?[^\s/:?#\"'<>]+(?::\d+)?")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_IPV6 = re.compile(
    r"(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?(?![0-9A-Za-z:])"
)
_MAC = re.compile(r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])")
_HOME = re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\Users\\)[^\s/\\:;,'\"()<>]+|(?<![\w./-])/root(?![\w.-])")
_NAMED_USER = re.compile(
    r"(?P<lead>\b(?:user(?:name)?|login|logname|owner|requested-by|acct|uid)\s*[=:]\s*\"?|"
    r"\b(?:for|by|from) (?:invalid )?user |\bsession (?:opened|closed) for user |\bpassword for (?:invalid user )?)"
    r"(?P<name>[A-Za-z_][\w.-]*)",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"(?P<lead>\b(?:password|passwd|secret|token|api[_-]?key|authorization)\b\"?\s*[=:]\s*\"?(?:bearer )?)[^\s\",;]+",
    re.IGNORECASE,
)
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")


class Redactor:
    """Redacts e-mail and network addresses, home directories, user and host names, and what looks like a secret.

    `users` and `hosts` are the names known on this machine; `directories` are paths to be hidden as a whole.
    """

    def __init__(self, users: Iterable[str] = (), hosts: Iterable[str] = (), directories: Iterable[str] = ()) -> None:
        self._users = _words(users)
        self._hosts = _words(hosts)
        longest_first = sorted({path.rstrip("/") for path in directories} - {""}, key=len, reverse=True)
        self._directories = (
            re.compile("(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w.-])") if longest_first else None
        )

    def redact(self, text: str) -> str:
        """The text with each of these replaced by its kind in angle brackets."""
        text = _SECRET.sub(r"\g<lead><secret>", text)
        text = _ACCESS_KEY.sub("<secret>", text)
        if self._directories is not None:
            text = self._directories.sub("<directory>", text)
        text = _HOME.sub("<home>", text)
        text = _URL_HOST.sub("<host>", text)
        text = _EMAIL.sub("<email>", text)
        text = _MAC.sub("<address>", text)
        text = _IPV6.sub(_address, text)
        text = _IPV4.sub(_address, text)
        text = _NAMED_USER.sub(r"\g<lead><user>", text)
        if self._hosts is not None:
            text = self._hosts.sub("<host>", text)
        if self._users is not None:
            text = self._users.sub("<user>", text)
        return text


def _words(names: Iterable[str]) -> re.Pattern[str] | None:
    """Any of the names as a whole word; a name of one letter would match too much that is none."""
    long = sorted({name for name in names if len(name) > 1}, key=len, reverse=True)
    if not long:
        return None
    return re.compile(r"(?<![\w<])(?:" + "|".join(map(re.escape, long)) + r")(?![\w>])", re.IGNORECASE)


def _address(match: re.Match[str]) -> str:
    try:
        ipaddress.ip_address(match[0])
    except ValueError:
        return match[0]
    return "<address>"
