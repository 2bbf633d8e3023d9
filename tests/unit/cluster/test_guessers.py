# SPDX-License-Identifier: Apache-2.0
"""What it costs the API server that somebody guesses the names of Traces."""

from __future__ import annotations

import asyncio
import time

import pytest

from stracelet.cluster import gate as gates
from stracelet.traces.admission import Denied
from tests.unit.cluster.test_gate import Objects, admit, made


async def test_who_guesses_names_waits_and_those_who_have_a_key_are_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "READS_PER_SECOND", 50.0)
    monkeypatch.setattr(gates, "READS_BURST", 10.0)
    objects = Objects()
    objects.put("shop", "t1")
    gate = made(objects)
    began = time.monotonic()
    guesses = [asyncio.create_task(admit(gate, f"shop/guess-{i}")) for i in range(30)]
    await asyncio.sleep(0)
    admission = await admit(gate)
    assert admission.user == "alice"
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert all(isinstance(each, Denied) and each.status == 401 for each in results)
    assert time.monotonic() - began >= 20 / 50, "after the first ten, fifty a second"
    assert objects.asked == 31


async def test_who_hangs_up_while_it_waits_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "READS_PER_SECOND", 100.0)
    monkeypatch.setattr(gates, "READS_BURST", 1.0)
    objects = Objects()
    objects.put("shop", "t1")
    gate = made(objects)
    guesses = [asyncio.create_task(admit(gate, f"shop/guess-{i}")) for i in range(200)]
    await asyncio.sleep(0)
    for guess in guesses:
        guess.cancel()
    await asyncio.gather(*guesses, return_exceptions=True)
    async with asyncio.timeout(1):
        await admit(gate)
