# SPDX-License-Identifier: Apache-2.0
"""The agreement's own rules: what they take for equal, and what they do not."""

from __future__ import annotations

import pytest

from tests.agreement.comparing import Outcome, align
from tests.agreement.normalise import normalise, streams

FORKS = """\
100 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7ffff7d8fa10) = 101
100 wait4(-1,  <unfinished ...>
101 read(3,  <unfinished ...>
100 <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 101
101 <... read resumed>"a", 10)     = 1
101 +++ exited with 0 +++
100 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=101, si_uid=0, si_status=0, si_utime=3, si_stime=0} ---
"""


def test_a_call_that_was_interrupted_is_whole_again_and_pids_are_names() -> None:
    found = streams(FORKS)

    assert found["p0"].lines == [
        "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=ADDR) = p0.1",
        "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = p0.1",
        normalise(
            "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=p0.1, si_uid=0, si_status=0, "
            "si_utime=0, si_stime=0} ---"
        ),
    ]
    assert found["p0.1"].lines == ['read(3, "a", 10) = 1', "+++ exited with 0 +++"]


def test_other_pids_and_another_order_make_no_difference() -> None:
    ours = FORKS.replace("101", "977").replace("100 ", "55  ").splitlines(keepends=True)
    ours[1:3] = [ours[2], ours[1]]
    outcome = Outcome("test")

    assert list(align(FORKS, "".join(ours), outcome)) == []
    assert outcome.share == 1.0


@pytest.mark.parametrize(
    "line",
    ['read(3, "a", 10) = 2', 'read(3, "b", 10) = 1', 'read(4, "a", 10) = 1', 'pread64(3, "a", 10) = 1',
     'read(3, "a", 10) = -1 EIO (Input/output error)'],
)  # fmt: skip
def test_a_real_difference_is_one(line: str) -> None:
    outcome = Outcome("test")
    differences = list(align('1 read(3, "a", 10) = 1\n2 close(1) = 0\n', f"1 {line}\n2 close(1) = 0\n", outcome))

    assert 1 <= len(differences) <= 2
    assert outcome.equal == 1


def test_a_lost_line_is_one() -> None:
    outcome = Outcome("test")
    found = list(align("1 close(1) = 0\n1 close(2) = 0\n", "1 close(2) = 0\n", outcome))

    assert [(each.theirs, each.ours, each.kind) for each in found] == [("close(1) = 0", None, "close lost")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mmap(NULL, 8192) = 0x7f1234567000", "mmap(NULL, 8192) = 0x7f7654321000"),
        ("getppid() = 5", "getppid()    = 6"),
        ('getrandom("\\x01", 1, 0) = 1', 'getrandom("\\x02", 1, 0) = 1'),
        ("fstat(3</a>, {st_ino=5, ...}) = 0", "fstat(3</a>, {st_ino=6, ...}) = 0"),
        ("close(3<socket:[123]>) = 0", "close(3<socket:[4567]>) = 0"),
        ('close(3<UNIX-STREAM:[1->2,"a"]>) = 0', 'close(3<UNIX-STREAM:[3->4,"a"]>) = 0'),
        ("nanosleep({...}) = 0 <0.000123>", "nanosleep({...}) = 0 <1.000000>"),
        ("bind(3, {sin_port=htons(45000)}) = 0", "bind(3, {sin_port=htons(33000)}) = 0"),
    ],
)
def test_what_differs_from_run_to_run_is_equal(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nanosleep({tv_sec=1, tv_nsec=500000000}) = 0", "nanosleep({tv_sec=2, tv_nsec=500000000}) = 0"),
        ("nanosleep({tv_sec=1, tv_nsec=500000000}) = 0", "nanosleep({tv_sec=1, tv_nsec=0}) = 0"),
        ("mmap(NULL, 8192, PROT_READ) = -1", "mmap(NULL, 8192, PROT_WRITE) = -1"),
        ("bind(3, {sin_port=htons(80)}) = 0", "bind(3, {sin_port=htons(81)}) = 0"),
    ],
)
def test_what_does_not_differ_by_itself_is_compared(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)
