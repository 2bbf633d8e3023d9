# SPDX-License-Identifier: Apache-2.0
"""The page, read back by prometheus-client's parsers; and that its cost is linear."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from stracelet.metrics import families
from stracelet.metrics.collector import Collector
from stracelet.metrics.exposition import OPENMETRICS, TEXT, negotiate, render
from stracelet.metrics.self_metrics import SelfMetrics
from stracelet.metrics.series import Identity, Labels, Series
from stracelet.native import ABI_SIGNAL
from tests.unit.metrics.arena import EDGES, FakeArena, Names, identity

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

NAMES = {"a": identity("web", namespace="shop", pod="web-0"), "b": identity("redis")}


class Facts:
    def sources_up(self) -> dict[str, bool]:
        return {"docker": True, "cri": False}

    def tracer_restarts(self) -> dict[str, int]:
        return {"died": 2}

    def cgroups_cut(self) -> int:
        return 3

    def cgroups_unwatched(self) -> bool:
        return True

    def calls_uncounted(self) -> int:
        return 7

    def calls_folded(self) -> int:
        return 8

    def scrape_seconds(self) -> float:
        return 0.25

    def traces(self) -> int:
        return 2

    def refused_by_reason(self) -> dict[str, dict[str, int]]:
        return {"traces": {"traces": 5}, "trace_containers": {"ourselves": 3}, "annotations": {"namespace": 4}}

    def records_dropped(self) -> dict[str, int]:
        return {"slow": 6}


def booked() -> FakeArena:
    arena = FakeArena()
    web, redis = arena.open("a", first_ns=5 * 10**9, traced_ns=10**9), arena.open("b", held_ns=1, cpu_ns=3)
    for ns in (1, 1000, 1001, 4000, 17000):
        arena.book(web, 0, ns=ns)
    arena.book(web, 2, error=2, times=3)
    arena.book(web, 15, abi=ABI_SIGNAL, ns=0)
    arena.book(redis, 0, ns=10**12)
    web.failures[3] = 4
    return arena


def collector(arena: FakeArena, names: dict[str, Identity] = NAMES) -> Collector:
    series = Series(
        n_edges=len(EDGES), max_series=10**6, max_series_per_container=10**6, linger_ns=10**9, names=Names()
    )
    own = SelfMetrics(Facts(), version="1.2", commit="abc", clock=lambda: 100.0)
    return Collector(
        reader=arena,
        series=series,
        self_metrics=own,
        identities=lambda ids: {i: names[i] for i in ids if i in names},
        edges_ns=EDGES,
        clock=lambda: 7 * 10**9,
    )


async def samples(arena: FakeArena, accept: str, names: dict[str, Identity] = NAMES) -> list[Sample]:
    page, content_type = await collector(arena, names).scrape(accept)
    parse = parse_openmetrics if content_type == OPENMETRICS else parse_text
    return [sample for family in parse(page.decode()) for sample in family.samples]


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
async def test_the_parser_reads_what_was_counted(accept: str) -> None:
    found = {(s.name, frozenset(s.labels.items())): s.value for s in await samples(booked(), accept)}

    def value(name: str, **labels: str) -> float:
        return found[f"stracelet_{name}", frozenset(labels.items())]

    web = {"namespace": "shop", "pod": "web-0", "container": "web"}
    redis = {"namespace": "", "pod": "", "container": "redis"}
    bounds = [("1e-06", 2), ("4e-06", 4), ("1.6e-05", 4), ("+Inf", 5)]
    for bound, count in bounds:
        assert value("syscall_duration_seconds_bucket", **web, syscall="read", le=bound) == count
    assert value("syscall_duration_seconds_count", **web, syscall="read") == 5
    assert value("syscall_duration_seconds_sum", **web, syscall="read") == pytest.approx(23.002e-6)
    assert value("syscalls_total", **web, syscall="read") == 5
    assert value("syscall_errors_total", **web, syscall="openat", errno="ENOENT") == 3
    assert value("signals_total", **web, signal="SIGTERM") == 1
    assert value("tracees", **redis) == 1
    assert value("coverage_ratio", **web) == pytest.approx(1 / 6)
    assert value("overhead_ratio", **redis) == 0.25
    assert value("attach_failures_total", **web, reason="late_start") == 4
    assert value("source_up", source="cri") == 0
    assert value("tracer_restarts_total", reason="died") == 2
    assert value("tracer_restarts_total", reason="stalled") == 0
    assert value("calls_uncounted_total") == 7
    assert value("calls_folded_total") == 8
    assert value("traces") == 2
    assert value("traces_refused_total", limit="traces") == 5
    assert value("trace_containers_refused_total", reason="ourselves") == 3
    assert value("annotations_refused_total", reason="namespace") == 4
    assert value("records_dropped_total", sink="trace", reason="slow") == 6
    assert value("cgroups_cut") == 3
    assert value("cgroups_unwatched") == 1
    assert value("build_info", version="1.2", commit="abc") == 1
    info = {"container_id": "a", "image": "image:1", "runtime": "docker", "engine": "ptrace"}
    assert value("container_info", **web, **info, workload_kind="", workload="") == 1


async def test_openmetrics_carries_the_time_at_which_counting_began() -> None:
    created = {
        (s.name, s.labels.get("container"), s.labels.get("syscall")): s.value
        for s in await samples(booked(), "application/openmetrics-text")
        if s.name.endswith("_created")
    }
    assert created["stracelet_syscalls_created", "web", "read"] == 5
    assert created["stracelet_syscall_duration_seconds_created", "redis", "read"] == 1
    assert created["stracelet_tracer_restarts_created", None, None] == 100


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS])
async def test_each_series_is_there_once_with_the_three_labels(accept: str) -> None:
    found = await samples(booked(), accept)
    assert max(Counter((s.name, frozenset(s.labels.items())) for s in found).values()) == 1
    with_container = {
        f.full_name for f in vars(families).values() if isinstance(f, families.Family) and "pod" in f.labels
    }
    for sample in found:
        if sample.name.startswith(tuple(with_container)):
            assert {"namespace", "pod", "container"} <= set(sample.labels)


async def test_the_page_has_one_end_and_the_type_it_says() -> None:
    page, content_type = await collector(booked()).scrape(OPENMETRICS)
    assert content_type == OPENMETRICS
    assert page.endswith(b"# EOF\n")
    assert page.count(b"# EOF") == 1
    page, content_type = await collector(booked()).scrape("")
    assert content_type == TEXT
    assert b"# EOF" not in page
    assert b"_created" not in page


any_text = st.text(st.characters(exclude_characters="\r"), max_size=12)


@settings(deadline=None)  # the machine may be busy
@given(st.builds(Labels, any_text, any_text, any_text), any_text)
def test_any_label_is_read_back(labels: Labels, image: str) -> None:
    arena = FakeArena()
    arena.book(arena.open("a"), 0)
    series = Series(n_edges=3, max_series=999, max_series_per_container=999, linger_ns=1, names=Names())
    series.update(arena.containers(), arena.snapshot(), {"a": Identity(labels, image, "docker", 1)}.get, 2)
    for openmetrics, parse in ((False, parse_text), (True, parse_openmetrics)):
        text = "".join(render(series.groups(), EDGES, openmetrics=openmetrics)) + "# EOF\n" * openmetrics
        found = [s for family in parse(text) for s in family.samples]
        read = {Labels(s.labels["namespace"], s.labels["pod"], s.labels["container"]) for s in found}
        assert read == {Labels(*(part.encode(errors="replace").decode() for part in labels))}
        assert image.encode(errors="replace").decode() in {s.labels.get("image") for s in found}


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_buckets_are_cumulative_and_the_last_is_the_count(durations: list[int]) -> None:
    arena = FakeArena()
    slot = arena.open("a")
    for ns in durations:
        arena.book(slot, 0, ns=ns)
    series = Series(n_edges=3, max_series=999, max_series_per_container=999, linger_ns=1, names=Names())
    series.update(arena.containers(), arena.snapshot(), {"a": identity("web")}.get, 2)
    text = "".join(render(series.groups(), EDGES, openmetrics=False))
    found = [s for family in parse_text(text) for s in family.samples]
    buckets = {float(s.labels["le"]): s.value for s in found if s.name.endswith("_bucket")}
    for bound, count in buckets.items():
        assert count == sum(ns <= round(bound * 1e9) if math.isfinite(bound) else 1 for ns in durations)
    assert [s.value for s in found if s.name.endswith(("_count", "syscalls_total"))] == [len(durations)] * 2


class CountingGroups(list):  # type: ignore[type-arg]
    """Counts how often it is walked."""

    walks = 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        self.walks += 1
        return super().__iter__()


def test_the_cost_is_linear_in_series() -> None:
    """Pieces of text and walks over the containers, counted: time depends on the machine."""

    def cost(containers: int) -> tuple[int, int, int]:
        arena = FakeArena()
        for i in range(containers):
            slot = arena.open(f"{i:04}")
            for number in range(5):
                arena.book(slot, number)
        series = Series(n_edges=3, max_series=10**6, max_series_per_container=999, linger_ns=1, names=Names())
        names = {f"{i:04}": identity(f"c{i:04}") for i in range(containers)}
        series.update(arena.containers(), arena.snapshot(), names.get, 2)
        groups = CountingGroups(series.groups())
        pieces = list(render(groups, EDGES, openmetrics=False))
        return groups.walks, len(pieces) - 12, sum(map(len, pieces)) - sum(len(p) for p in pieces if p.startswith("#"))

    assert cost(20) == (1, 20 * 12, 20 * cost(1)[2])


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;q=0.3, text/plain;q=0.5", TEXT),
        ("application/openmetrics-text;version=9.0.0", TEXT),
        ("application/openmetrics-text;q=nonsense", TEXT),
        ("application/json", TEXT),
        (
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
                "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
            ),
            OPENMETRICS,
        ),
    ],
)
def test_the_accept_header_chooses(accept: str, expected: str) -> None:
    assert negotiate(accept) == expected
