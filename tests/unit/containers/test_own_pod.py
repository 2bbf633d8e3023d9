# SPDX-License-Identifier: Apache-2.0
"""A pod's processes, as a sidecar among them sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stracelet.containers.own_pod import FirstProcess, first_processes

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


def add(proc: Path, pid: int, *, parent: int, mounts: str, name: str = "") -> None:
    folder = proc / str(pid)
    (folder / "ns").mkdir(parents=True)
    (folder / "ns/mnt").symlink_to(mounts)
    (folder / "stat").write_text(f"{pid} (a) b) S {parent} " + " ".join(["0"] * 17) + " 42 0\n")
    (folder / "mountinfo").write_text(f"36 35 98:0 {LOG.format(name)}\n" if name else "36 35 98:0 / / rw\n")


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
