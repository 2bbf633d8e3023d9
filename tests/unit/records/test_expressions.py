# SPDX-License-Identifier: Apache-2.0
"""strace's -e, as strace 6.1 takes it, and what it says to what it does not know."""

from __future__ import annotations

import pytest

from stracelet import native
from stracelet.errors import UsageError
from stracelet.native import ABI_I386, ABI_X86_64
from stracelet.records.expressions import Expressions, parse_expressions
from stracelet.records.filters import ALL_SIGNALS, Filter
from stracelet.records.sets import ALL_CALLS, Calls, parse_calls, parse_descriptors, parse_signals


def names(calls: Calls, abi: int = ABI_X86_64) -> set[str]:
    found = (native.syscall_name(abi, number) for number in range(native.MAX_NUMBER) if calls.bits[abi] >> number & 1)
    return {name for name in found if name}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("openat", {"openat"}),
        ("openat,read", {"openat", "read"}),
        ("?nothing,openat", {"openat"}),
        ("?/nothing", set()),
        ("/^fstat", {"fstat", "fstatfs"}),
        ("0", {"read"}),
        ("openat@64", {"openat"}),
        ("openat@32", set()),
        ("openat@x32", set()),
        ("none", set()),
        ("!all", set()),
        ("%clock", {"clock_adjtime", "clock_getres", "clock_gettime", "clock_settime", "adjtimex", "gettimeofday",
                    "settimeofday", "time"}),
    ],
)  # fmt: skip
def test_sets(text: str, expected: set[str]) -> None:
    assert names(parse_calls(text)) == expected
    assert not parse_calls(text).unnamed


@pytest.mark.parametrize("text", ["all", "!none", "all,openat", "openat,all"])
def test_all(text: str) -> None:
    assert parse_calls(text) == ALL_CALLS


def test_all_but_some_includes_numbers_without_a_name() -> None:
    calls = parse_calls("!openat,%memory")

    assert calls.unnamed
    assert not names(calls) & {"openat", "mmap", "brk"}
    assert {"read", "close"} <= names(calls)


def test_a_name_is_of_every_abi_that_has_it() -> None:
    calls = parse_calls("stat64,read")

    assert names(calls) == {"read"}
    assert names(calls, ABI_I386) == {"read", "stat64"}


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("%file", {"openat", "execve", "stat"}, {"read", "socket"}),
        ("file", {"openat"}, {"read"}),
        ("%desc", {"read", "close", "mmap"}, {"stat"}),
        ("network", {"socket", "sendmsg"}, {"write"}),
        ("%net", {"socket"}, {"write"}),
        ("process", {"execve", "clone", "wait4", "exit_group"}, {"getpid"}),
        ("signal", {"rt_sigaction", "kill"}, {"read"}),
        ("ipc", {"shmget", "msgsnd"}, {"pipe"}),
        ("memory", {"mmap", "brk"}, {"read"}),
        ("%creds", {"getuid", "setgid", "capset"}, {"getpid"}),
        ("%stat", {"stat"}, {"lstat", "fstat"}),
        ("%lstat", {"lstat"}, {"stat"}),
        ("%fstat", {"fstat", "newfstatat"}, {"stat"}),
        ("%%stat", {"stat", "lstat", "fstat", "newfstatat", "statx"}, {"statfs"}),
        ("%statfs", {"statfs"}, {"fstatfs"}),
        ("%fstatfs", {"fstatfs"}, {"statfs"}),
        ("%%statfs", {"statfs", "fstatfs", "ustat"}, {"stat"}),
        ("%pure", {"getpid", "getuid"}, {"read"}),
    ],
)
def test_classes(text: str, inside: set[str], outside: set[str]) -> None:
    found = names(parse_calls(text))

    assert inside <= found
    assert not outside & found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("opennat", "-e trace: unknown syscall 'opennat' (near: openat, openat2, open)"),
        ("openat,", "-e trace: unknown syscall ''"),
        ("zzzzzzzz", "-e trace: unknown syscall 'zzzzzzzz'"),
        ("%fille", "-e trace: unknown class '%fille' (near: %file)"),
        ("/zzzz", "-e trace: no syscall matches '/zzzz'"),
        ("/(", "-e trace: not a regular expression: '('"),
        ("9999", "-e trace: unknown syscall '9999'"),
        ("read@16", "-e trace: unknown ABI '16' in 'read@16'"),
        ("!read,!write", "-e trace: unknown syscall '!write'"),
    ],
)
def test_what_is_unknown_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_calls(text)

    assert str(raised.value).startswith(message)
    assert raised.value.exit_code == 2


def test_signals() -> None:
    assert parse_signals("SIGHUP,int,3") == 0b1110
    assert parse_signals("!all") == 0
    assert parse_signals("!SIGCHLD") == ALL_SIGNALS & ~(1 << 17)
    with pytest.raises(UsageError, match=r"unknown signal 'SIGCHDL' \(near: SIGCHLD"):
        parse_signals("SIGCHDL")


def test_descriptors() -> None:
    assert parse_descriptors("0,3", "-e read") == 0b1001
    assert parse_descriptors("all", "-e read") == 2**256 - 1
    for wrong in ("-1", "foo", "300", ""):
        with pytest.raises(UsageError, match="-e read: "):
            parse_descriptors(wrong, "-e read")


def test_the_last_of_a_kind_counts() -> None:
    said = parse_expressions(["trace=read", "openat", "status=failed", "status=!successful"])

    assert names(said.filter.calls) == {"openat"}
    assert said.filter.statuses == 0b11110


def test_qualifiers() -> None:
    said = parse_expressions(["s=none", "r=1", "w=all", "quiet=attach,exit", "decode-fds=socket", "abbrev=none"])

    assert said == Expressions(
        filter=Filter(signals=0, dump_reads=2, dump_writes=2**256 - 1),
        verbose=True,
        quiet=0b101,
        descriptors=0b100,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo=bar", "-e: unknown qualifier 'foo'"),
        ("status=broken", "-e status: unknown 'broken' (known: successful, failed,"),
        ("inject=read:error=EIO", "-e inject=read:error=EIO: stracelet never changes what a call does"),
        ("fault=read", "-e fault=read: "),
        ("raw=read", "-e raw=read: "),
        ("kvm=vcpu", "-e kvm=vcpu: "),
    ],
)
def test_what_is_not_done_is_said(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_expressions([text])

    assert str(raised.value).startswith(message)


def test_a_filter_is_laid_out_as_the_tracer_reads_it() -> None:
    encoded = Filter(calls=parse_calls("read@64,exit@32"), signals=1 << 64, min_duration_ns=7, dump_reads=8).encode()
    struct = native.ffi.from_buffer("struct stl_filter *", encoded)

    assert len(encoded) == native.ffi.sizeof("struct stl_filter")
    assert (struct.calls[0], struct.calls[16], struct.calls[32]) == (1, 2, 1 << 63)
    assert (struct.signals[0], struct.signals[1]) == (0, 1)
    assert (struct.min_duration_ns, struct.status, struct.unknown) == (7, 31, 0)
    assert struct.dump_reads[0] == 8
