# SPDX-License-Identifier: Apache-2.0
"""Counts and errnos of programs that know what they call: exact, not one off."""

import pytest

from tests.native.harness.cgroup import Container
from tests.native.harness.recording import RECORDED
from tests.native.harness.tracee import Claims, Start, Tracee
from tests.native.harness.tracing import Counted, Tracing

pytestmark = RECORDED


async def _traced(tracing: Tracing, container: Container, tracee: Tracee) -> tuple[Claims, Counted]:
    """Attaches, lets it go, and takes what it claims and what was counted after its end."""
    await tracing.attach(container)
    tracee.tell()
    claims = tracee.claims()
    assert tracee.wait() == 7
    return claims, await tracing.over(container)


def _assert_agree(claims: Claims, counted: Counted, prefix: str = "") -> None:
    for name, calls in claims.calls.items():
        assert counted.calls[prefix + name] == calls, name
    for (name, errno), calls in claims.errors.items():
        assert counted.errors[prefix + name, errno] == calls, f"{name} {errno}"
    for name, calls in claims.signals.items():
        assert counted.signals[name] == calls, name
    wrong = {key: n for key, n in counted.errors.items() if key[1].startswith("ERESTART") or not key[1].startswith("E")}
    assert not wrong
    for name, calls in counted.calls.items():
        assert sum(counted.buckets[name]) == calls, f"the histogram of {name}"
        assert sum(n for (call, _), n in counted.errors.items() if call == name) <= calls, f"the errors of {name}"


async def test_one_thread_to_the_last_call(tracing: Tracing, container: Container, tracee: Start) -> None:
    claims, counted = await _traced(tracing, container, tracee("exact", 0))
    _assert_agree(claims, counted)
    assert counted.calls == claims.calls  # nothing else: neither the call at the attach nor any that it did not make
    assert counted.errors == claims.errors


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("when", ["early", "late"])
async def test_eight_threads(tracing: Tracing, container: Container, tracee: Start, when: str, bits: int) -> None:
    claims, counted = await _traced(tracing, container, tracee("exact", 8, when, bits=bits))
    _assert_agree(claims, counted, "" if bits == 64 else "i386:")


@pytest.mark.parametrize("bits", [64, 32])
async def test_tree_of_fork_vfork_exec(tracing: Tracing, container: Container, tracee: Start, bits: int) -> None:
    claims, counted = await _traced(tracing, container, tracee("tree", bits=bits))
    _assert_agree(claims, counted, "" if bits == 64 else "i386:")


async def test_32_bit_program(tracing: Tracing, container: Container, tracee: Start) -> None:
    claims, counted = await _traced(tracing, container, tracee("exact", 0, bits=32))
    assert counted.calls == {f"i386:{name}": calls for name, calls in claims.calls.items()}


async def test_a_thread_execs_while_seven_run(tracing: Tracing, container: Container, tracee: Start) -> None:
    claims, counted = await _traced(tracing, container, tracee("threadexec"))
    _assert_agree(claims, counted)


@pytest.mark.parametrize("when", ["early", "late"])
async def test_calls_that_seccomp_denies(tracing: Tracing, container: Container, tracee: Start, when: str) -> None:
    claims, counted = await _traced(tracing, container, tracee("denied", when))
    _assert_agree(claims, counted)


async def test_more_errnos_and_numbers_than_there_is_room_for(
    tracing: Tracing, container: Container, tracee: Start
) -> None:
    claims, counted = await _traced(tracing, container, tracee("errnos"))
    for name, calls in claims.calls.items():
        assert counted.calls[name] == sum(counted.buckets[name]) == calls
        assert sum(n for (call, _), n in counted.errors.items() if call == name) == calls
    assert counted.errors["getpriority", "EPERM"] == 1
    assert counted.errors["getpriority", "other"] > 4000
    assert counted.errors["unknown", "EPERM"] == 100
    info = tracing.session.reader.info()
    assert info.calls_folded == sum(n for (_, errno), n in counted.errors.items() if errno == "other")
    assert info.rows_refused == 0
    assert info.rows_used < 50


async def test_hostile_numbers_handlers_and_cut_off_calls(
    tracing: Tracing, container: Container, tracee: Start
) -> None:
    claims, counted = await _traced(tracing, container, tracee("oddities"))
    _assert_agree(claims, counted)
    assert not [key for key in counted.errors if key[0] == "rt_sigreturn"]


@pytest.mark.parametrize("storm", [("exec", 300), ("fork", 2000, 0), ("workerfork", 500), ("threads", 2000)])
async def test_storms(tracing: Tracing, container: Container, tracee: Start, storm: tuple[object, ...]) -> None:
    claims, counted = await _traced(tracing, container, tracee("storm", *storm))
    if storm[0] == "exec":
        claims.calls["execve"] = 300
    assert claims.numbers.get("status_errors", 0) == 0
    _assert_agree(claims, counted)


async def test_counts_survive_detach_and_attach(tracing: Tracing, container: Container, tracee: Start) -> None:
    exact = tracee("exact", 0)
    for _ in range(20):
        await tracing.attach(container)
        await tracing.detach(container)
    claims, counted = await _traced(tracing, container, exact)
    assert counted.calls == claims.calls
