# SPDX-License-Identifier: Apache-2.0
"""A blocking transfer of much data is not cut short by attach or detach."""

from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.rounds import rounds
from tests.native.harness.tracee import Start, Tracee
from tests.native.harness.tracing import Tracing


def _done_and_short(transfers: Tracee) -> dict[str, tuple[int, int]]:
    return {name: (int(done), int(short)) for name, done, short in (line.split() for line in transfers.ask())}


async def test_transfers_keep_their_length(tracing: Tracing, container: Container, tracee: Start) -> None:
    transfers = tracee("transfers")
    for _ in range(rounds(100)):
        await tracing.attach(container)
        await tracing.detach(container)
    before = _done_and_short(transfers)
    await until(
        lambda: all(done > before[name][0] + 1 for name, (done, _) in _done_and_short(transfers).items()),
        "each of the transfers goes on",
    )
    assert {name: short for name, (_, short) in _done_and_short(transfers).items()} == dict.fromkeys(before, 0)
    slot = tracing.slot(container.id)
    assert slot is not None
    assert slot.delayed > 0  # they were seen to be transfers, and waited for
