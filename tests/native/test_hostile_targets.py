# SPDX-License-Identifier: Apache-2.0
"""Targets that make it hard to be traced harm themselves alone, and nobody is taken for one of them."""

import pytest

from stracelet import native
from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.recording import RECORDED
from tests.native.harness.tracee import Start
from tests.native.harness.tracing import Tracing

pytestmark = RECORDED


@pytest.mark.parametrize("what", [("execs", 40), ("writes", 4000)])
async def test_a_neighbour_of_tasks_that_cannot_be_attached(
    tracing: Tracing, container: Container, tracee: Start, what: tuple[str, int]
) -> None:
    """Each of its calls would wait for the tracer thread, were that held up by the others: 81 and 30 ms a call."""
    with Container() as other:
        neighbour = tracee("echo", inside=other)
        await tracing.attach(other)
        stuck = tracee("stuck", *what)
        stuck.tell()
        stuck.expect("stuck")
        tracing.trace(container)

        def all_wait() -> bool:
            slot = tracing.slot(container.id)
            return slot is not None and slot.pending >= what[1]

        await until(all_wait, "all of them are known")
        before = tracing.counted(other).calls["epoll_wait"]
        for _ in range(1000):
            neighbour.tell()
            neighbour.line(deadline=2)
        slot = tracing.slot(other.id)
        assert slot is not None
        assert slot.state == native.SLOT_TRACED
        assert tracing.counted(other).calls["epoll_wait"] >= before + 999


async def test_who_has_left_is_not_traced(tracing: Tracing, container: Container, tracee: Start) -> None:
    """Between being found and being seized its ID may become another's; that it moves away is the same, and easier."""
    stuck = tracee("stuck", "write")
    stuck.tell()
    child = int(stuck.line())
    await until(lambda: proc.sleeps_in(child, "write"), "the child hangs in its write")
    tracing.trace(container)

    def waits() -> bool:
        slot = tracing.slot(container.id)
        return slot is not None and slot.tracees == 2 and slot.pending == 1

    await until(waits, "the parent is traced, the child waited for")
    with Container() as elsewhere:
        elsewhere.add(child)
        stuck.tell()
        stuck.expect("done")
        await until(lambda: not proc.all_traced([child]), "it is let go")
        assert tracing.counted(container).calls["getppid"] == 0
        assert stuck.wait() == 7


@pytest.mark.parametrize("name", ["runc:[2:INIT]", "a-child"])
async def test_a_child_that_hides_is_found_and_counted(
    tracing: Tracing, container: Container, tracee: Start, name: str
) -> None:
    """It has not exec'ed and was not attached with its parent, as a runtime's process that has just joined."""
    hiding = tracee("untraced", name)
    await tracing.attach(container)
    hiding.tell()
    child = int(hiding.line())
    await until(lambda: proc.all_traced([child]), "it is found")
    hiding.tell()
    hiding.expect("done")
    assert hiding.wait() == 7
    assert (await tracing.over(container)).calls["getppid"] == 1000
