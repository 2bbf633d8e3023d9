# SPDX-License-Identifier: Apache-2.0
"""Records that several traces share: what ends together does not trip over one another."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from stracelet.traces import shared
from stracelet.traces.shared import SharedRecords


class Pump:
    """One that gets no record any more, so that what is removed waits for its end."""

    def __init__(self, *_: object) -> None:
        self.ended = asyncio.Event()

    def start(self) -> None:
        pass

    async def stop(self, _: float) -> bool:
        self.ended.set()
        return True

    def close(self) -> None:
        pass


class Session:
    async def stream(self) -> object:
        class Empty:
            def read(self, *_: object, **__: object) -> int:
                return 0

        return Empty()


async def test_one_may_be_removed_while_the_last_one_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "Pump", Pump)
    records = SharedRecords(cast("Any", Session()), lambda *_: None)
    await records.start()
    removing = asyncio.create_task(records.remove(cast("Any", object())))
    await asyncio.sleep(0)
    await records.stop()
    await asyncio.wait_for(removing, 5)


async def test_what_is_removed_meanwhile_waits_for_the_pumps_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose thread prints; a printer is of one thread at a time."""
    ending = asyncio.Event()

    class Slow(Pump):
        async def stop(self, patience: float) -> bool:
            await ending.wait()
            return await super().stop(patience)

    monkeypatch.setattr(shared, "Pump", Slow)
    records = SharedRecords(cast("Any", Session()), lambda *_: None)
    forgotten: list[bool] = []
    monkeypatch.setattr(records.fan, "forget", lambda: forgotten.append(ending.is_set()))
    await records.start()
    stopping = asyncio.create_task(records.stop())
    await asyncio.sleep(0)
    removing = asyncio.create_task(records.remove(cast("Any", object())))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not removing.done()
    ending.set()
    await asyncio.wait_for(asyncio.gather(stopping, removing), 5)
    assert forgotten
    assert all(forgotten)
