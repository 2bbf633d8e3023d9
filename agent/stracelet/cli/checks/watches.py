# SPDX-License-Identifier: Apache-2.0
"""Whether the cgroup tree can be watched: inotify's instances and watches are counted by user (inotify(7)).

Root in a container counts as root here, unless the container has a user namespace; so another one can have them all.
"""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import ExitStack, suppress
from itertools import islice
from typing import TYPE_CHECKING

from stracelet.cli.checks.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHECK = "inotify"
IN_CREATE, IN_ONLYDIR = 0x100, 0x01000000  # include/uapi/linux/inotify.h
SPARE_INSTANCES = 8
WATCHES_EACH = 250
WHO = "`find /proc/[0-9]*/fd -lname anon_inode:inotify` shows who has them."


def make_instance() -> int:
    """A new descriptor. OSError."""
    return _checked(ctypes.CDLL(None, use_errno=True).inotify_init1(os.O_CLOEXEC))


def make_watch(instance: int, path: str) -> int:
    """A new watch. OSError."""
    mask = IN_CREATE | IN_ONLYDIR
    return _checked(ctypes.CDLL(None, use_errno=True).inotify_add_watch(instance, os.fsencode(path), mask))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def check_watches(
    root: Path, proc: Path, instance: Callable[[], int] = make_instance, watch: Callable[[int, str], int] = make_watch
) -> Finding:
    """Does what the tracer does; then several times as much, for what is nearly used up will be."""
    with ExitStack() as made:
        for i in range(SPARE_INSTANCES):
            try:
                descriptor = instance()
                made.callback(os.close, descriptor)
                for path in islice(_directories(root), WATCHES_EACH):
                    with suppress(FileNotFoundError):
                        watch(descriptor, path)
            except OSError as error:
                return _lacking(error, proc, nearly=i > 0)
    return Finding(CHECK, "ok", "the cgroup tree can be watched")


def _directories(root: Path) -> Iterator[str]:
    return (directory for directory, _, _ in os.walk(root))


def _lacking(error: OSError, proc: Path, *, nearly: bool) -> Finding:
    limit = {errno.EMFILE: "max_user_instances", errno.ENOSPC: "max_user_watches"}.get(error.errno or 0)
    if limit is None:
        return Finding(CHECK, "failed", f"the cgroup tree cannot be watched: {error.strerror}")
    value = ""
    with suppress(OSError):
        value = (proc / "sys/fs/inotify" / limit).read_text().strip()
    mend = f"Raise it: `sysctl fs.inotify.{limit}={2 * int(value) if value.isdigit() else 'N'}`. {WHO}"
    if nearly:
        return Finding(CHECK, "note", f"this user's fs.inotify.{limit} ({value}) is nearly used up", mend)
    found = f"this user's fs.inotify.{limit} ({value}) is used up: what starts is traced late, or missed"
    return Finding(CHECK, "failed", found, mend)
