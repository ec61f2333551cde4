"""A dead letter: a record that could not be handled, with its cause, its place and its exact bytes."""

import base64
import gzip
import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

_MESSAGE_CHARACTERS = 2000
_NAME_CHARACTERS = 512
_GZIP = "gzip+base64"
_ELSEWHERE = "s3"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record set aside.

    `stage` is the service that set it aside; `stream` to `sub_sequence_number` say where the record was read (empty
    and 0 where it came from no stream). `code`, `message` and `field` are the cause. `original` is the record's data
    as it was read. Times are milliseconds since the epoch; `last_seen` is `first_seen` unless it was seen again. `part`
    counts from 0 the events of a record that holds several; the letter is then about that one, and so is `original`.
    """

    stage: str
    stream: str
    shard: str
    sequence_number: str
    sub_sequence_number: int
    code: str
    message: str
    field: str | None
    event_id: str | None
    original: bytes
    first_seen: int
    last_seen: int | None = None
    part: int | None = None

    @property
    def id(self) -> str:
        """The same for every letter about the same record, or part of one, at the same stage."""
        if self.sequence_number:
            place = (self.stage, self.stream, self.shard, self.sequence_number, str(self.sub_sequence_number))
            return "|".join(place if self.part is None else (*place, str(self.part)))
        return f"{self.stage}|{hashlib.sha256(self.original).hexdigest()}"


class OriginalElsewhere(Exception):
    """The letter's original is an object in S3. Read `bucket` and `key`, check `sha256`, and use those bytes."""

    def __init__(self, bucket: str, key: str, sha256: str) -> None:
        super().__init__(f"The original is at s3://{bucket}/{key} (sha256 {sha256}).")
        self.bucket = bucket
        self.key = key
        self.sha256 = sha256


def encode_letter(letter: DeadLetter, limit: int) -> bytes | None:
    """The letter as one line of JSON of at most `limit` bytes; None when even the compressed original is too large.

    The original is base64; it is compressed first where it would not fit otherwise ("encoding": "gzip+base64").
    """
    fields = _fields(letter)
    if len(letter.original) < limit:
        plain = orjson.dumps({**fields, "original": base64.b64encode(letter.original).decode()})
        if len(plain) <= limit:
            return plain
    packed = base64.b64encode(gzip.compress(letter.original, mtime=0)).decode()
    compressed = orjson.dumps({**fields, "original": packed, "encoding": _GZIP})
    return compressed if len(compressed) <= limit else None


def encode_reference(letter: DeadLetter, bucket: str, key: str) -> bytes:
    """The letter as one line of JSON whose original is the S3 object `key`."""
    sha256 = hashlib.sha256(letter.original).hexdigest()
    place = {"original": "", "encoding": _ELSEWHERE, "bucket": bucket, "object": key, "sha256": sha256}
    return orjson.dumps({**_fields(letter), **place})


def decode_letter(data: bytes) -> DeadLetter:
    """The letter in a record of the dead-letter stream or a line of its archive, with the original's exact bytes.

    Raises `OriginalElsewhere` when the original is in S3, and ValueError when `data` is not a dead letter.
    """
    try:
        fields = orjson.loads(data)
        encoding = fields.get("encoding")
        if encoding == _ELSEWHERE:
            raise OriginalElsewhere(fields["bucket"], fields["object"], fields["sha256"])
        original = base64.b64decode(fields["original"], validate=True)
        return DeadLetter(
            stage=fields["stage"],
            stream=fields["stream"],
            shard=fields["shard"],
            sequence_number=fields["sequence_number"],
            sub_sequence_number=fields["sub_sequence_number"],
            code=fields["code"],
            message=fields["message"],
            field=fields["field"],
            event_id=fields["event"],
            original=gzip.decompress(original) if encoding == _GZIP else original,
            first_seen=fields["first_seen"],
            last_seen=fields["last_seen"],
            part=fields.get("part"),
        )
    except (KeyError, TypeError, AttributeError, ValueError, EOFError, OSError) as error:
        raise ValueError(f"This is not a dead letter: {error!r}") from error


def _fields(letter: DeadLetter) -> dict[str, Any]:
    """All but the original, with texts that may come from the input cut, so that a letter always has room."""
    return {
        "id": letter.id,
        "stage": letter.stage,
        "stream": letter.stream,
        "shard": letter.shard,
        "sequence_number": letter.sequence_number,
        "sub_sequence_number": letter.sub_sequence_number,
        "code": letter.code,
        "message": _writable(letter.message, _MESSAGE_CHARACTERS),
        "field": None if letter.field is None else _writable(letter.field, _NAME_CHARACTERS),
        "event": None if letter.event_id is None else _writable(letter.event_id, _NAME_CHARACTERS),
        "first_seen": letter.first_seen,
        "last_seen": letter.first_seen if letter.last_seen is None else letter.last_seen,
        **({} if letter.part is None else {"part": letter.part}),
    }


def _writable(text: str, characters: int) -> str:
    return text[:characters].encode("utf-8", "replace").decode()
