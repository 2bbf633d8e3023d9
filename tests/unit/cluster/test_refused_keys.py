# SPDX-License-Identifier: Apache-2.0
"""Whoever tries keys is seen in the agent's log, and does not fill it."""

from __future__ import annotations

import logging

import pytest

from stracelet.cluster import gate as gates
from stracelet.cluster.gate import TraceGate
from stracelet.traces.admission import Denied
from tests.unit.cluster.test_gate import NOW, Objects, admit


class Ticks:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def refused(gate: TraceGate, trace: str = "shop/t1", key: bytes = bytes(32)) -> None:
    with pytest.raises(Denied):
        await admit(gate, trace, key)


async def test_refused_keys_are_a_line_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    objects, ticks = Objects(), Ticks()
    objects.put("shop", "t1")
    gate = TraceGate(objects, clock=lambda: NOW, ticks=ticks)
    with caplog.at_level(logging.INFO, "stracelet.audit"):
        await admit(gate)
        assert caplog.records == []
        await refused(gate)
        for _ in range(1000):
            await refused(gate, "shop/t3")
        ticks.now += gates.REFUSALS_SECONDS
        await refused(gate, "shop/t2")
    assert [(vars(record)["trace"], vars(record)["times"]) for record in caplog.records] == [
        ("shop/t1", 1),
        ("shop/t2", 1001),
    ]
    assert vars(caplog.records[0])["why"] == "there is no such Trace, or this is not its key"
