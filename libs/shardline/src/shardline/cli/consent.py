"""What stands between a command and a change: a live fleet, and the person's word."""

from __future__ import annotations

import sys

from shardline.cli.rows import Contents, owners, signs_of_life

_SHOWN = 5


def why_live(before: Contents | None, after: Contents, name: str) -> str | None:
    """Why the table must not be changed now, or None when nobody seems to work on it. Pure."""
    if before is None:
        held = owners(after.rows)
        if not held:
            return None
        return f"{name}: leases are held by {', '.join(held)} and nobody looked whether they are renewed"
    signs = signs_of_life(before, after)
    if not signs:
        return None
    more = [f"… and {len(signs) - _SHOWN} more"] if len(signs) > _SHOWN else []
    return "\n  ".join([f"{name}: workers are running:", *signs[:_SHOWN], *more])


def refuse_while_live(before: Contents | None, after: Contents, name: str) -> bool:
    """Whether to go on; if not, standard error says why and what to do."""
    reason = why_live(before, after, name)
    if reason is None:
        return True
    print(f"{reason}\nStop every worker of the group first (or force it with --force).", file=sys.stderr)
    return False


def confirmed(what: str, *, yes: bool) -> bool:
    """Ask the person; without a terminal only `--yes` agrees."""
    if yes:
        return True
    if not sys.stdin.isatty():
        print(f"shardline: not done: add --yes to {what}", file=sys.stderr)
        return False
    print(f"{what}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
