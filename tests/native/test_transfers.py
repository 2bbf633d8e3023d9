# SPDX-License-Identifier: Apache-2.0
"""A blocking transfer of much data is not cut short by attach or detach."""

from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.recording import RECORDED
from tests.native.harness.rounds import rounds
from tests.native.harness.tracee import Start, Tracee
from tests.native.harness.tracing import Tracing

pytestmark = RECORDED


def _done_and_short(transfers: Tracee) -> dict[str, tuple[int, int]]:
    return {name: (int(done), int(short)) for name, done, short in (line.split() for line in transfers.ask())}


async def _assert_none_short(transfers: Tracee) -> None:
    before = _done_and_short(transfers)
    await until(
        lambda: all(done > before[name][0] + 1 for name, (done, _) in _done_and_short(transfers).items()),
        "each of the transfers goes on",
    )
    assert {name: short for name, (_, short) in _done_and_short(transfers).items()} == dict.fromkeys(before, 0)


async def test_transfers_with_pauses(tracing: Tracing, container: Container, tracee: Start) -> None:
    transfers = tracee("transfers", 5000)
    for _ in range(rounds(100)):
        await tracing.attach(container)
        await tracing.detach(container)
    await _assert_none_short(transfers)
    slot = tracing.slot(container.id)
    assert slot is not None
    assert slot.delayed > 0  # they were seen to be transfers, and waited for


async def test_transfers_without_a_pause_are_left_alone(tracing: Tracing, container: Container, tracee: Start) -> None:
    transfers = tracee("transfers", 0)
    for _ in range(rounds(100)):
        tracing.trace(container)
        await until(lambda: (slot := tracing.slot(container.id)) is not None and slot.tracees >= 4, "most are traced")
        await tracing.detach(container)
    await _assert_none_short(transfers)
