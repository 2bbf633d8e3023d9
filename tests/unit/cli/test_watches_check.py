# SPDX-License-Identifier: Apache-2.0
"""The doctor's look at what is left of inotify's instances and watches."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stracelet.cli.checks.watches import SPARE_INSTANCES, check_watches, make_instance, make_watch


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    limits = tmp_path / "proc/sys/fs/inotify"
    limits.mkdir(parents=True)
    (limits / "max_user_instances").write_text("128\n")
    (limits / "max_user_watches").write_text("8192\n")
    (tmp_path / "cgroup/docker").mkdir(parents=True)
    return tmp_path / "proc"


def instances(left: int) -> Callable[[], int]:
    """The real ones, as long as there are any: to use up this user's would be felt by all that he runs."""
    made: list[int] = []

    def make() -> int:
        if len(made) >= left:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        made.append(make_instance())
        return made[-1]

    return make


def no_watch(instance: int, path: str) -> int:
    assert Path(path).is_dir()
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_enough_is_left(proc: Path) -> None:
    before = os.listdir("/proc/self/fd")
    assert check_watches(proc.parent / "cgroup", proc).state == "ok"
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize(
    ("left", "state", "found"),
    [(0, "failed", "(128) is used up"), (1, "note", "(128) is nearly used up"), (SPARE_INSTANCES, "ok", "")],
)
def test_instances(proc: Path, left: int, state: str, found: str) -> None:
    finding = check_watches(proc.parent / "cgroup", proc, instances(left))
    assert finding.state == state
    assert found in finding.found
    assert bool(finding.mend) == (state != "ok")


def test_watches(proc: Path) -> None:
    finding = check_watches(proc.parent / "cgroup", proc, watch=no_watch)
    assert finding.state == "failed"
    assert "fs.inotify.max_user_watches (8192) is used up" in finding.found
    assert "sysctl fs.inotify.max_user_watches=16384" in finding.mend


def test_what_is_gone_meanwhile_is_no_finding(proc: Path) -> None:
    def watch(instance: int, path: str) -> int:
        return make_watch(instance, f"{path}/gone" if path.endswith("docker") else path)

    assert check_watches(proc.parent / "cgroup", proc, watch=watch).state == "ok"
