# SPDX-License-Identifier: Apache-2.0
"""Containers that a trace asks for and does not get: each is counted once, and named as long as it is so."""

from __future__ import annotations

from stracelet.config import Config
from stracelet.traces.hub import Hub
from stracelet.traces.running import Asked, RunningTrace
from stracelet.traces.served import served
from stracelet.traces.target import PodTarget
from tests.unit.traces.test_hub import LIMITS, FakeSession, container


async def start(hub: Hub) -> RunningTrace:
    wish = served((), Config(), node="n").wish
    return await hub.start(Asked("t", "alice", "shop/t", PodTarget("shop"), wish))


def made(*ourselves: str) -> Hub:
    return Hub(
        session=FakeSession(),  # type: ignore[arg-type]
        limits=LIMITS,
        rewant=lambda: None,
        ourselves=lambda: frozenset(ourselves),
    )


async def test_those_beyond_the_limit_and_ourselves_are_counted_once() -> None:
    hub = made("me")
    trace = await start(hub)
    for _ in range(3):
        assert [trace.wants(container(id_)) for id_ in ("a", "b", "c", "d", "me")] == [True, True, False, False, False]
    assert hub.containers_refused == {"containers": 2, "ourselves": 1}
    assert set(trace.refused) == {"c", "d", "me"}
    await hub.finish(trace)


async def test_one_that_is_not_meant_any_more_is_not_refused_either() -> None:
    hub = made("me")
    trace = await start(hub)
    assert not trace.wants(container("me"))
    assert not trace.wants(container("me", namespace="other"))
    assert trace.refused == {}
    await hub.finish(trace)
