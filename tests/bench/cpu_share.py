"""A share of a CPU for the processes of a command, by the quota of a cgroup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PERIOD_MICROSECONDS = 100_000

#: Takes its own place in the group, and becomes the command.
_JOIN = ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"']


@contextmanager
def limited(share: float) -> Iterator[list[str]]:
    """The words that stand before a command, so that it takes no more than the share.

    Raises OSError where this user can't set a quota on this machine.
    """
    group = _new_group()
    quota = str(round(share * _PERIOD_MICROSECONDS))
    try:
        if (group / "cpu.max").exists():
            (group / "cpu.max").write_text(f"{quota} {_PERIOD_MICROSECONDS}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD_MICROSECONDS))
            (group / "cpu.cfs_quota_us").write_text(quota)
        yield [*_JOIN, str(group / "cgroup.procs")]
    finally:
        group.rmdir()


def can_be_limited() -> bool:
    """Whether this user can set a quota here."""
    try:
        with limited(0.5):
            return True
    except OSError:
        return False


def _new_group() -> Path:
    """A group under the first hierarchy that lets one be made, and has quotas: version 1 or 2."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, root, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split(",")):
            group = Path(root, f"cold-start-bench-{os.getpid()}")
            try:
                group.mkdir()
            except OSError:
                continue
            if (group / "cpu.max").exists() or (group / "cpu.cfs_quota_us").exists():
                return group
            group.rmdir()
    raise OSError("no cgroup here has a quota that this user can set")
