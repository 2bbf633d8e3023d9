# SPDX-License-Identifier: Apache-2.0
"""What the agent says of itself, by prometheus-client: version, sources, the tracer's restarts, its own process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from stracelet.metrics import families

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from prometheus_client import Metric


class Facts(Protocol):
    """What changes: each is read at the scrape."""

    def sources_up(self) -> Mapping[str, bool]: ...
    def tracer_restarts(self) -> Mapping[str, int]: ...
    def cgroups_cut(self) -> int: ...
    def cgroups_unwatched(self) -> bool: ...
    def calls_uncounted(self) -> int: ...
    def calls_folded(self) -> int: ...
    def scrape_seconds(self) -> float: ...
    def traces(self) -> int: ...
    def refused_by_reason(self) -> Mapping[str, Mapping[str, int]]: ...
    def records_dropped(self) -> Mapping[str, int]: ...


class SelfMetrics:
    """The registry of the agent's own metrics, and their text."""

    def __init__(
        self, facts: Facts, *, version: str, commit: str, clock: Callable[[], float], procfs: str = "/proc"
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._own = _Own(facts, version, commit)
        self._started = clock()
        self._registry.register(self._own)
        ProcessCollector(proc=procfs, registry=self._registry)

    def render(self, *, openmetrics: bool) -> str:
        """The text; in OpenMetrics with the `# EOF` that has to end the page."""
        # In the older format a created time would be a family of its own.
        self._own.created = self._started if openmetrics else None
        made: bytes = (
            openmetrics_exposition.generate_latest(self._registry)  # type: ignore[no-untyped-call]
            if openmetrics
            else generate_latest(self._registry)
        )
        return made.decode()


class _Own(Collector):
    created: float | None = None

    def __init__(self, facts: Facts, version: str, commit: str) -> None:
        self._facts, self._version, self._commit = facts, version, commit

    def collect(self) -> Iterable[Metric]:
        build = _gauge(families.BUILD_INFO)
        build.add_metric([self._version, self._commit], 1)
        up = _gauge(families.SOURCE_UP)
        for source, is_up in sorted(self._facts.sources_up().items()):
            up.add_metric([source], float(is_up))
        restarts = _counter(families.TRACER_RESTARTS)
        counted = self._facts.tracer_restarts()
        for reason in families.RESTART_REASONS.values():
            restarts.add_metric([reason], counted.get(reason, 0), created=self.created)
        cut = _gauge(families.CUT)
        cut.add_metric([], self._facts.cgroups_cut())
        unwatched = _gauge(families.UNWATCHED)
        unwatched.add_metric([], float(self._facts.cgroups_unwatched()))
        uncounted = _counter(families.UNCOUNTED)
        uncounted.add_metric([], self._facts.calls_uncounted(), created=self.created)
        folded = _counter(families.FOLDED)
        folded.add_metric([], self._facts.calls_folded(), created=self.created)
        scrape = _gauge(families.SCRAPE)
        scrape.add_metric([], self._facts.scrape_seconds())
        return (build, up, restarts, cut, unwatched, uncounted, folded, scrape, *self._traces())

    def _traces(self) -> Iterable[Metric]:
        running = _gauge(families.TRACES)
        running.add_metric([], self._facts.traces())
        dropped = _counter(families.RECORDS_DROPPED)
        for reason, count in sorted(self._facts.records_dropped().items()):
            dropped.add_metric(["trace", reason], count, created=self.created)
        return running, *self._refused(), dropped

    def _refused(self) -> Iterable[Metric]:
        counts = self._facts.refused_by_reason()
        for family in (families.TRACES_REFUSED, families.TRACE_CONTAINERS_REFUSED, families.ANNOTATIONS_REFUSED):
            refused = _counter(family)
            for reason, count in sorted(counts[family.name.removesuffix("_refused")].items()):
                refused.add_metric([reason], count, created=self.created)
            yield refused


def _gauge(family: families.Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.full_name, family.help, labels=family.labels)


def _counter(family: families.Family) -> CounterMetricFamily:
    return CounterMetricFamily(family.full_name, family.help, labels=family.labels)
