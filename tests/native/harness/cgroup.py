# SPDX-License-Identifier: Apache-2.0
"""Containers without a runtime: a cgroup whose name is 64 hex digits, which is all that the tracer goes by."""

import os
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

# Another root, such as a bind mount of one hierarchy, keeps out of the sight of other agents on the machine.
ROOT = Path(os.environ.get("STRACELET_TEST_CGROUP_ROOT", "/sys/fs/cgroup"))


def hierarchies(root: Path = ROOT) -> list[Path]:
    """Where this machine's containers would have their cgroups: v1 hierarchies, and the unified one."""
    unified = [path for path in (root, root / "unified") if (path / "cgroup.controllers").exists()]
    legacy = [root / name for name in ("pids", "freezer") if (root / name / "tasks").exists()]
    return legacy + unified


class Container:
    """One cgroup in each of the hierarchies. A context manager: at its end it kills what is inside, and goes."""

    def __init__(self, where: Iterable[Path] | None = None) -> None:
        self.id = secrets.token_hex(32)
        tops = list(hierarchies() if where is None else where)
        self._parents = [top / f"stracelet-test-{os.getpid()}" for top in tops]
        self.directories = [parent / self.id for parent in self._parents]

    def __enter__(self) -> Self:
        self.create()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def create(self) -> None:
        for directory in self.directories:
            directory.mkdir(parents=True)

    @property
    def procs(self) -> list[str]:
        """The files that a process writes itself to, in order to join."""
        return [str(directory / "cgroup.procs") for directory in self.directories]

    def add(self, pid: int) -> None:
        """Moves a process into the container."""
        for path in self.procs:
            Path(path).write_text(str(pid))

    def pids(self) -> list[int]:
        """The host PIDs inside, of all hierarchies."""
        found: set[int] = set()
        for path in self.procs:
            try:
                found.update(map(int, Path(path).read_text().split()))
            except OSError:
                continue
        return sorted(found)

    def freeze(self, version: int = 1, *, frozen: bool = True) -> None:
        """Pauses (or resumes) everything inside, by v1's freezer or v2's cgroup.freeze; returns when it is so."""
        for directory in self.directories:
            legacy, unified = directory / "freezer.state", directory / "cgroup.freeze"
            if version == 1 and legacy.exists():
                legacy.write_text("FROZEN" if frozen else "THAWED")
                _poll(lambda path=legacy: path.read_text().strip() == ("FROZEN" if frozen else "THAWED"))  # type: ignore[misc]
                return
            if version == 2 and unified.exists():
                unified.write_text("1" if frozen else "0")
                if frozen:
                    events = directory / "cgroup.events"
                    _poll(lambda path=events: "frozen 1" in path.read_text())  # type: ignore[misc]
                return
        raise LookupError(f"no freezer of version {version} on this machine")

    def thaw(self) -> None:
        """Resumes everything inside, whoever paused it."""
        for version in (1, 2):
            try:
                self.freeze(version, frozen=False)
            except (LookupError, FileNotFoundError):
                continue

    def remove(self) -> None:
        """Thaws, kills what is inside, removes the cgroups."""
        self.thaw()
        for pid in self.pids():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        for directory, parent in zip(self.directories, self._parents, strict=True):
            _poll(lambda path=directory: _gone(path))  # type: ignore[misc]
            try:
                parent.rmdir()
            except OSError:  # another container of this run is still in there
                continue


def _gone(directory: Path) -> bool:
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # a killed process is still on its way out
        return False
    return True


def _poll(condition: Callable[[], bool], deadline: float = 10.0) -> None:
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("a cgroup did not change in time")
        time.sleep(0.002)
