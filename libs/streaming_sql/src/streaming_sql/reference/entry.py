"""What the reference says of one construct."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One construct.

    Attributes:
        form: how it is written; [ ] may be left out.
        says: what it means.
        emits: when rows come out and what is kept until then, "" for a construct that keeps nothing.
        example: a SELECT over the sample tables, whose rows the reference shows; "" for none.
        before: statements that the example needs.

    """

    title: str
    form: str
    says: str
    emits: str = ""
    example: str = ""
    before: str = ""
