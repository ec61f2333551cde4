"""Runs a command tied to its parent's life: `python -I -S tether.py PARENT_PID COMMAND ARGUMENT...`.

On Linux the kernel will send SIGTERM when the thread that started this process ends (prctl PR_SET_PDEATHSIG, which
survives execve); the command then takes this process' place. A `preexec_fn` would do the same inside the parent's
fork, which is unsafe with threads. Standard library only: it must start fast.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is what is wanted
    except OSError as failure:
        sys.exit(f"{command[0]}: {failure.strerror}")


if __name__ == "__main__":
    main()
