"""Ends process groups whose supervisor died: `python -I reaper.py GRACE_SECONDS`, told of groups on standard input.

`+GROUP` adds a process group, `-GROUP` forgets it. When the input ends, which is also what the death of the writer
looks like, every group still known gets SIGTERM, and after GRACE_SECONDS SIGKILL. It runs outside its supervisor's
session, so that neither Ctrl-C nor the end of a terminal reaches it. Standard library only: it must start fast.
"""

import os
import signal
import sys
import time


def send(group: int, number: int) -> bool:
    """Signal a process group; False if none of it is left."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def reap(groups: set[int], grace: float) -> None:
    """End every group: SIGTERM, up to `grace` seconds, SIGKILL."""
    left = {group for group in groups if send(group, signal.SIGTERM)}
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {group for group in left if send(group, 0)}
    for group in left:
        send(group, signal.SIGKILL)


def main() -> None:
    """Follow standard input to its end, then reap."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    reap(groups, float(sys.argv[1]))


if __name__ == "__main__":
    main()
