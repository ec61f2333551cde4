import pytest
from redaction import Redactor

REDACTOR = Redactor(users=["martha", "al"], hosts=["build-7", "build-7.lan"], directories=["/srv/checkout", "/srv"])


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("mail from jo.doe+x@mail.example.org bounced", "mail from <email> bounced"),
        ("open /home/jo/notes.txt: denied", "open <home>/notes.txt: denied"),
        ("open /Users/jo/a and C:\\Users\\jo\\b", "open <home>/a and <home>\\b"),
        ("cd /root && ls", "cd <home> && ls"),
        ("the /rooted tree and /a/root", "the /rooted tree and /a/root"),
        ("peer 203.0.113.9:443 closed", "peer <address>:443 closed"),
        ("peer [2001:db8::7]:443 closed", "peer [<address>]:443 closed"),
        ("link fe80::1 up, ether 52:54:00:ab:cd:ef", "link <address> up, ether <address>"),
        ("at 12:34:56 on 2026-01-02", "at 12:34:56 on 2026-01-02"),
        ("status 300.400.500.600", "status 300.400.500.600"),
        ("Get:1 http://deb.example.org/debian x", "Get:1 http://<host>/debian x"),
        ("https://me:pw@host.example:8443/p?q", "https://<host>/p?q"),
        ("Requested-By: martin (1000)", "Requested-By: <user> (1000)"),
        ("session opened for user root by (uid=0)", "session opened for user <user> by (uid=0)"),
        ("Failed password for invalid user bob", "Failed password for invalid user <user>"),
        ("Martha logged in on build-7", "<user> logged in on <host>"),
        ("marthas al total build-77", "marthas <user> total build-77"),
        ("in /srv/checkout/a and /srv/b, not /srvx", "in <directory>/a and <directory>/b, not /srvx"),
        ("password=hunter2 token: abc", "password=<secret> token: <secret>"),
        ('{"api_key":"k-123","n":1}', '{"api_key":"<secret>","n":1}'),
        ("key AKIAABCDEFGHIJKLMNOP used", "key <secret> used"),
    ],
)
def test_redaction(text: str, redacted: str) -> None:
    """What tells whose machine it is goes; the rest of the line stays as it was."""
    assert REDACTOR.redact(text) == redacted


def test_redacting_twice_changes_nothing() -> None:
    """The marks themselves are not taken for names or addresses."""
    text = "martha@build-7.lan 203.0.113.9 /home/martha/x session opened for user martha"
    once = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == once
    assert "martha" not in once
    assert "build-7" not in once
