"""Telling one cause where several tasks failed together."""

from __future__ import annotations


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the first exception of a group that is no group itself: the one that made the other tasks be cancelled."""
    failure: BaseException = group
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
