# SPDX-License-Identifier: Apache-2.0
"""Containers without a runtime: cgroups named by 64 hex digits, which is what a container is told by."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.paired.processes import until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(os.environ.get("STRACELET_CGROUP_ROOT", "/sys/fs/cgroup"))
PARENT = "stracelet-bench"


def _hierarchies() -> list[Path]:
    """Of v1 the two that every runtime uses, and the unified one."""
    unified = [path for path in (ROOT, ROOT / "unified") if (path / "cgroup.controllers").exists()]
    return [ROOT / name for name in ("pids", "freezer") if (ROOT / name / "tasks").exists()] + unified


@contextmanager
def container(*pids: int) -> Iterator[str]:
    """A container that holds these processes, for as long as the block; its ID.

    The processes are whose they were: what is left of them at the end goes back to the parent.
    """
    container_id = secrets.token_hex(32)
    made = [hierarchy / f"{PARENT}-{os.getpid()}" / container_id for hierarchy in _hierarchies()]
    try:
        for directory in made:
            directory.mkdir(parents=True)
            for pid in pids:
                (directory / "cgroup.procs").write_text(str(pid))
        yield container_id
    finally:
        for directory in made:
            until(lambda directory=directory: _removed(directory), f"{directory} empty", 10)


def _removed(directory: Path) -> bool:
    try:
        for pid in (directory / "cgroup.procs").read_text().split():
            (directory.parent.parent / "cgroup.procs").write_text(pid)
        directory.rmdir()
        if not any(entry.is_dir() for entry in directory.parent.iterdir()):
            directory.parent.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # one is just exiting, or has just forked
        return False
    return True
