# SPDX-License-Identifier: Apache-2.0
"""Parsers take any text: what is in these files is partly chosen by the processes themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stracelet.containers.procfs import Procfs, parse_cgroup, parse_numbers, parse_stat, parse_status

STAT = "42 ({comm}) S 7 " + " ".join(["0"] * 17) + " 12345 0 0\n"


def make(root: Path, pid: int, **files: str) -> None:
    (root / str(pid)).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / str(pid) / name).write_text(text)


@given(st.text(alphabet=st.characters(exclude_characters="\0"), max_size=15))
def test_comm_cannot_shift_the_fields(comm: str) -> None:
    stat = parse_stat(STAT.format(comm=comm))
    assert stat is not None
    assert (stat.pid, stat.comm, stat.state, stat.parent, stat.start) == (42, comm, "S", 7, 12345)


@given(st.text())
def test_garbage_gives_a_value_or_nothing(text: str) -> None:
    stat = parse_stat(text)
    assert stat is None or stat.start >= 0
    assert "" not in parse_status(text)
    assert all(number >= 0 for number in parse_numbers(text))
    assert all(path.startswith("/") for path in parse_cgroup(text).values())


def test_a_name_with_colons_and_a_forged_field() -> None:
    fields = parse_status("Name:\ta\\nTracerPid:\t9\nTracerPid:\t0\nTracerPid:\t5\n")
    assert fields["Name"] == "a\\nTracerPid:\t9"
    assert fields["TracerPid"] == "0"


def test_cgroup_lines() -> None:
    text = "12:cpu,cpuacct:/docker/x\n1:name=systemd:/a:b\n0::/../y (deleted)\nnonsense\n3:pids\n"
    assert parse_cgroup(text) == {"cpu,cpuacct": "/docker/x", "name=systemd": "/a:b", "": "/../y"}


def test_of_this_process() -> None:
    me = Procfs(Path("/proc")).process(os.getpid())
    assert me is not None
    assert me.uid == os.getuid()
    assert me.inside == os.getpid()
    assert me.tracer == 0
    assert os.getpid() in Procfs(Path("/proc")).tasks(os.getpid())


def test_a_vanished_process_is_none() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    procfs = Procfs(Path("/proc"))
    assert procfs.process(child.pid) is None
    assert procfs.start(child.pid) is None
    assert procfs.tasks(child.pid) == []
    assert procfs.cgroup(child.pid) == {}


class Reused(Procfs):
    """A procfs in which the PID becomes another process's while `status` is read."""

    def read(self, pid: int | str, name: str) -> str | None:
        text = super().read(pid, name)
        if name == "status":
            make(self.root, int(pid), stat=STAT.format(comm="new").replace("12345", "12346"))
        return text


def test_a_pid_that_was_used_again_is_none(tmp_path: Path) -> None:
    make(tmp_path, 42, stat=STAT.format(comm="old"), status="Uid:\t0\t0\t0\t0\nNSpid:\t42\t3\n")
    process = Procfs(tmp_path).process(42)
    assert process is not None
    assert process.namespaced == (42, 3)
    assert Reused(tmp_path).process(42) is None


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    make(tmp_path, 42, stat="", status="")
    (tmp_path / "42/stat").write_bytes(b"\xff\x00(\xfe) \n")
    (tmp_path / "42/cgroup").write_bytes(b"0::/\xff\n")
    assert Procfs(tmp_path).process(42) is None
    assert Procfs(tmp_path).cgroup(42) == {"": "/\udcff"}
