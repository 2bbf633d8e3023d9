# SPDX-License-Identifier: Apache-2.0
"""What a target passes to its calls is what it likes: each call is one sane line, and nobody dies of it."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.command import Command
from tests.native.harness.tracee import Programs

TURNS = 3000
# How often some of the calls of tracees/hostile.c are made.
CASES = {
    "changing": {"access": TURNS, "writev": TURNS, "sendmsg": TURNS, "execve": TURNS + 1},
    "unmapped": {"writev": 4, "setxattr": 4, "bpf": 4, "epoll_ctl": 4, "io_submit": 4, "execve": 5},
    "endless": {"openat": 64, "writev": 64, "connect": 64, "execve": 65},
    "huge": {"readv": 33, "writev": 35, "sendmsg": 33, "sendmmsg": 33, "poll": 33, "getdents64": 33, "io_submit": 33},
    "bytes": {"access": 255, "write": 255, "prctl": 256},
    "arguments": {"execve": 11},
    "cyclic": {"execve": 11, "sendmsg": 10, "sendmmsg": 10, "bpf": 10, "seccomp": 10, "io_submit": 10},
    "unserved": {"write": 10, "writev": 10, "sendmsg": 10, "connect": 10, "epoll_ctl": 10},
}
# The most that a line may have, whatever was passed; -v, and 32 bytes a string.
LONGEST = 9 << 20
SYSCALL = re.compile(rb"\d+(?:<[^>]*>)? +(?:<\.\.\. )?(\w+)(?:\(.*\)| resumed>.*\)) += (?:\?|-?\d|0x).*")
OTHER = re.compile(rb"\d+(?:<[^>]*>)? +(?:\w+\(.* <unfinished \.\.\.>|\+\+\+ .* \+\+\+|--- .* ---)")
# The C library and the loader make these as well.
STARTS = {"access": 1, "openat": 2}


@pytest.fixture(params=CASES)
def hostile(programs: Programs, request: pytest.FixtureRequest) -> list[str]:
    """Its command line."""
    return [str(programs.path("hostile")), request.param]


@pytest.mark.parametrize("flags", [(), ("-yy", "-v", "-Y"), ("-X", "raw", "-xx", "-s", "65536")], ids=" ".join)
def test_each_call_is_a_line(hostile: list[str], tmp_path: Path, flags: tuple[str, ...]) -> None:
    lines = [line for line in _traced(hostile, tmp_path / "lines", *flags).split(b"\n") if line]
    found: Counter[str] = Counter()
    for line in lines:
        assert len(line) < LONGEST
        assert not re.search(rb"[^\x20-\x7e]", line), line[:500]
        if ended := SYSCALL.fullmatch(line):
            found[ended[1].decode()] += 1
        else:
            assert OTHER.fullmatch(line), line[:500]
    _are_all_there(hostile[1], found)
    assert lines[-1].endswith(b" +++ exited with 7 +++")


@pytest.mark.parametrize("flags", [(), ("-yy", "-v", "-Y")], ids=" ".join)
def test_each_call_is_an_object(hostile: list[str], tmp_path: Path, flags: tuple[str, ...]) -> None:
    lines = _traced(hostile, tmp_path / "objects", "--format", "json", *flags).splitlines()
    records = [json.loads(line.decode("utf-8")) for line in lines]
    _are_all_there(hostile[1], Counter(record["syscall"] for record in records if record["type"] == "syscall"))
    assert (records[-1]["type"], records[-1]["status"]) == ("exit", 7)


def _traced(command: list[str], output: Path, *flags: str) -> bytes:
    """What is printed of it. It ends as it would have, and nothing is said, as of a tracer that had to be replaced."""
    with Command("trace", *flags, "-o", str(output), "--", *command) as trace:
        assert trace.wait() == 7
        assert trace.err == ""
    return output.read_bytes()


def _are_all_there(case: str, found: Counter[str]) -> None:
    assert found["getpgid"] == 2
    for name, times in CASES[case].items():
        assert times <= found[name] <= times + STARTS.get(name, 0), name
