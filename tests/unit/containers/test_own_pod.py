# SPDX-License-Identifier: Apache-2.0
"""A pod's processes, as a sidecar among them sees them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from stracelet.containers.own_pod import MOST, SETUP_SECONDS, FirstProcess, OtherContainers, first_processes

PAUSE, APP, OURS = "mnt:[1]", "mnt:[2]", "mnt:[3]"
LOG = "/var/lib/kubelet/pods/9a6e4c2b-0b1f-4d2c-8e55-6f1d0a9a1b2c/containers/{}/0f1e2d3c /dev/termination-log rw"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    add(tmp_path, 1, parent=0, mounts=PAUSE)
    add(tmp_path, 7, parent=0, mounts=APP, name="app")
    add(tmp_path, 8, parent=7, mounts=APP, name="app")
    add(tmp_path, 20, parent=0, mounts=OURS, name="stracelet")
    (tmp_path / "self").symlink_to("20")
    (tmp_path / "uptime").touch()
    return tmp_path


def add(proc: Path, pid: int, *, parent: int, mounts: str, name: str = "", execed: bool = True) -> None:
    folder = proc / str(pid)
    (folder / "ns").mkdir(parents=True)
    (folder / "ns/mnt").symlink_to(mounts)
    set_execed(proc, pid, parent=parent, execed=execed)
    (folder / "mountinfo").write_text(f"36 35 98:0 {LOG.format(name)}\n" if name else "36 35 98:0 / / rw\n")


def set_execed(proc: Path, pid: int, *, parent: int, execed: bool, age: float = 0) -> None:
    flags = 0x400100 | (0 if execed else 0x40)
    start = int((time.clock_gettime(time.CLOCK_BOOTTIME) - age) * os.sysconf("SC_CLK_TCK"))
    rest = " ".join(["0"] * 12)
    (proc / str(pid) / "stat").write_text(f"{pid} (a) b) S {parent} 1 1 0 -1 {flags} {rest} {start} 0\n")


def test_the_first_process_of_each_other_container(proc: Path) -> None:
    add(proc, 30, parent=0, mounts="mnt:[4]")
    assert first_processes(proc) == [FirstProcess(7, "app"), FirstProcess(30, "")]


def test_what_has_entered_one_of_them_is_there_too(proc: Path) -> None:
    add(proc, 31, parent=0, mounts=APP, name="app")
    add(proc, 32, parent=0, mounts=OURS, name="stracelet")
    assert first_processes(proc) == [FirstProcess(7, "app"), FirstProcess(31, "app")]


def test_without_shared_pids_there_is_none(tmp_path: Path) -> None:
    add(tmp_path, 1, parent=0, mounts=OURS)
    add(tmp_path, 9, parent=0, mounts=APP)
    (tmp_path / "self").symlink_to("1")
    assert first_processes(tmp_path) == []


def test_a_hosts_pids_are_no_pods(tmp_path: Path) -> None:
    add(tmp_path, 1, parent=0, mounts="mnt:[host]")
    add(tmp_path, 2, parent=0, mounts="mnt:[host]")
    add(tmp_path, 50, parent=1, mounts=APP, name="app")
    add(tmp_path, 60, parent=50, mounts=OURS)
    (tmp_path / "self").symlink_to("60")
    assert first_processes(tmp_path) == []


def test_a_process_that_may_not_be_looked_at_is_left_out(proc: Path) -> None:
    (proc / "7/ns/mnt").unlink()
    assert first_processes(proc) == []


def test_one_that_has_not_execed_is_still_the_runtimes(proc: Path) -> None:
    containers = OtherContainers(proc)
    add(proc, 31, parent=0, mounts=APP, name="app", execed=False)
    assert containers.look() == [FirstProcess(7, "app")]
    set_execed(proc, 31, parent=0, execed=True)
    assert containers.look() == [FirstProcess(7, "app"), FirstProcess(31, "app")]


def test_one_that_never_execs_is_a_containers_after_a_while(proc: Path) -> None:
    """Restored from a checkpoint, for example."""
    add(proc, 31, parent=0, mounts=APP, name="app", execed=False)
    set_execed(proc, 31, parent=0, execed=False, age=SETUP_SECONDS + 0.1)
    assert first_processes(proc) == [FirstProcess(7, "app"), FirstProcess(31, "app")]


def test_one_that_may_be_looked_at_only_later_is_found_then(proc: Path) -> None:
    containers = OtherContainers(proc)
    (proc / "7/ns/mnt").unlink()
    assert containers.look() == []
    (proc / "7/ns/mnt").symlink_to(APP)
    assert containers.look() == [FirstProcess(7, "app")]


def test_who_is_traced_at_first_sight_is_another_ones_child_where_all_are_traced(proc: Path) -> None:
    """CLONE_PARENT, clone(2)."""
    containers = OtherContainers(proc, traced=False)
    assert containers.look() == [FirstProcess(7, "app")]
    add(proc, 31, parent=0, mounts=APP, name="app")
    for pid in (7, 31):
        (proc / str(pid) / "status").write_text("Name:\ta\nTracerPid:\t20\n")
    assert containers.look() == [FirstProcess(7, "app")]
    assert first_processes(proc) == [FirstProcess(7, "app"), FirstProcess(31, "app")]


def test_there_are_no_more_than_can_be_traced(proc: Path) -> None:
    for pid in range(100, 100 + MOST):
        add(proc, pid, parent=0, mounts=APP, name="app")
    assert len(first_processes(proc)) == MOST


def test_each_look_finds_who_has_come_and_gone(proc: Path) -> None:
    containers = OtherContainers(proc)
    assert containers.look() == [FirstProcess(7, "app")]
    shutil.rmtree(proc / "7")
    add(proc, 40, parent=0, mounts="mnt:[5]", name="app")
    assert containers.look() == [FirstProcess(40, "app")]
    shutil.rmtree(proc / "8")
    assert containers.look() == [FirstProcess(40, "app")]
    add(proc, 8, parent=0, mounts="mnt:[5]", name="app")
    assert containers.look() == [FirstProcess(8, "app"), FirstProcess(40, "app")]
