# SPDX-License-Identifier: Apache-2.0
"""A trace of what was there is over when all of it is; one of what may come is not."""

from __future__ import annotations

import time

from stracelet.config import Config
from stracelet.containers.model import Container
from stracelet.containers.request import Meant, Request
from stracelet.traces.hub import Together
from stracelet.traces.running import Asked, RunningTrace, heading_on_host
from stracelet.traces.served import served
from stracelet.tracing.choice import Choice

ONE = Container("a" * 64, runtime="docker", name="one")
TWO = Container("b" * 64, runtime="docker", name="two")


def trace(*containers: Container, wait: bool = False, most: int = 9) -> RunningTrace:
    request = Request.of([f"docker/{each.name}" for each in containers], wait=wait)
    meant = Meant(request, frozenset(each.id for each in containers))
    wish = served(["-c"], Config(), node="n").wish
    made = RunningTrace(
        Asked("1", "root", "pid/1", meant, wish),
        containers=most,
        rate=9,
        ourselves=frozenset,
        count_refused=lambda _: None,
    )
    for each in containers:
        made.wants(each)
    return made


async def test_it_is_over_when_the_last_one_has_ended() -> None:
    made = trace(ONE, TWO)
    made.attached(ONE.id, 1)
    made.over(ONE.id, time.time_ns())
    assert not made.all_ended()
    made.over(TWO.id, time.time_ns())
    assert made.all_ended()


async def test_what_is_not_to_be_had_is_not_waited_for() -> None:
    made = trace(ONE, TWO, most=1)
    assert not made.all_ended()
    made.lost(ONE.id)
    assert made.all_ended()
    made.attached(ONE.id, 1)
    assert not made.all_ended()


async def test_others_are_none_of_its_business() -> None:
    made = trace(ONE)
    made.lost("c" * 64)
    assert not made.all_ended()
    assert not made.wants(TWO)
    assert not made.could_want("c" * 64, None)
    together = Together(Choice(), (made,))
    assert (together.wants_new(), together.records_new()) == (False, False)
    assert together.records(ONE)


async def test_where_others_may_come_there_is_no_end() -> None:
    made = trace(ONE, wait=True)
    made.over(ONE.id, time.time_ns())
    assert not made.all_ended()
    assert made.could_want("c" * 64, None)
    assert Together(Choice(), (made,)).wants_new()


def test_a_table_on_a_host_is_headed_as_by_its_own_tracer() -> None:
    assert heading_on_host(ONE) == f"docker/one ({'a' * 12})"


async def test_what_could_not_be_traced_has_not_ended() -> None:
    made = trace(ONE, TWO)
    made.failed(ONE.id, "another one traces it", traced=False)
    made.failed(TWO.id, "it is traced from late on", traced=True)
    for each in (ONE, TWO):
        made.over(each.id, time.time_ns())
    told = [(news.event, news.container) for news in made.container_news()]
    assert told == [("failed", ONE), ("failed", TWO), ("attached", TWO), ("ended", TWO)]
    assert made.all_ended()


async def test_what_ended_before_it_was_looked_for_is_not_waited_for() -> None:
    made = trace(ONE, TWO)
    made.taken.clear()
    made.wants(TWO)
    made.miss()
    assert not made.all_ended()
    made.over(TWO.id, time.time_ns())
    assert made.all_ended()


def test_a_process_is_named_as_its_target_is() -> None:
    assert heading_on_host(Container("pid:7")) == "pid/7"
    assert heading_on_host(Container("pid:7", name="app")) == "container/app (pid:7)"
