# SPDX-License-Identifier: Apache-2.0
"""The latency histogram, against calls whose time is known."""

import pytest

from tests.native.harness.cgroup import Container
from tests.native.harness.tracee import Start
from tests.native.harness.tracing import Tracing

OCTAVES_NS = [250 * 2**octave for octave in range(24)]


async def test_nanosleep_of_5_ms(tracing: Tracing, container: Container, tracee: Start) -> None:
    sleeps = tracee("sleeps", 1000, 5)
    await tracing.attach(container)
    sleeps.tell()
    claims = sleeps.claims()
    counted = tracing.counted(container, OCTAVES_NS)
    buckets = dict(zip(OCTAVES_NS, counted.buckets["nanosleep"], strict=False))
    assert sum(counted.buckets["nanosleep"]) == counted.calls["nanosleep"] == 1000
    # (4.096 ms, 16.384 ms]; on an idle machine all of them are on time by the program's own clock too.
    assert buckets[8_192_000] + buckets[16_384_000] >= claims.numbers["on_time"] - 10
    assert counted.seconds["nanosleep"] == pytest.approx(claims.numbers["total_us"] / 1e6, rel=0.05)
