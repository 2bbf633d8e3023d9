# SPDX-License-Identifier: Apache-2.0
"""The names, types and labels of all metrics, as a table. Dashboards rely on them."""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "stracelet_"
CONTAINER = ("namespace", "pod", "container")

# In the order of enum STL_FAIL_*.
FAILURE_REASONS = ("traced", "permission", "target_traces", "late_start", "limit", "other")
# By STL_END_*; a tracer that exits because we asked is no restart. -1: its container, with the supervisor.
RESTART_REASONS = {1: "died", 2: "stalled", -1: "lost"}


@dataclass(frozen=True)
class Family:
    """One metric. `name` is without the prefix and, for a counter, without `_total`, as OpenMetrics has it."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return PREFIX + self.name


SYSCALLS = Family("syscalls", "counter", "Syscalls that returned, or never will.", (*CONTAINER, "syscall"))
ERRORS = Family("syscall_errors", "counter", "Syscalls that failed, by errno.", (*CONTAINER, "syscall", "errno"))
DURATION = Family(
    "syscall_duration_seconds", "histogram", "Wall time of syscalls, entry to exit.", (*CONTAINER, "syscall")
)
SIGNALS = Family("signals", "counter", "Signals delivered.", (*CONTAINER, "signal"))
TRACEES = Family("tracees", "gauge", "Tasks under trace.", CONTAINER)
COVERAGE = Family(
    "coverage_ratio", "gauge", "Traced time over the container's lifetime since it was first seen.", CONTAINER
)
OVERHEAD = Family(
    "overhead_ratio", "gauge", "Time tasks were held in our stops over their time on a CPU or in our stops.", CONTAINER
)
INFO = Family(
    "container_info",
    "gauge",
    "Each container behind the series, by its ID.",
    (*CONTAINER, "container_id", "image", "runtime", "engine", "workload_kind", "workload"),
)
FAILURES = Family("attach_failures", "counter", "Tasks that could not be traced.", (*CONTAINER, "reason"))
DELAYED = Family(
    "attach_delayed", "counter", "Attaches that waited so as not to cut a transfer or a time-out short.", CONTAINER
)
EINTR = Family("eintr_passed", "counter", "EINTR results that tracing caused and could not undo.", CONTAINER)
LIMITED = Family(
    "series_limited",
    "counter",
    'Syscalls, errnos and signals that are counted as "other" for want of series.',
    CONTAINER,
)

TRACER_RESTARTS = Family(
    "tracer_restarts", "counter", "Tracers that ended by themselves, or with their container (lost).", ("reason",)
)
SOURCE_UP = Family("source_up", "gauge", "1 if the source of container names answers.", ("source",))
BUILD_INFO = Family("build_info", "gauge", "The version of this agent.", ("version", "commit"))
TRACES = Family("traces", "gauge", "Traces that run for clients of the trace API.")
TRACES_REFUSED = Family("traces_refused", "counter", "Traces that were refused, by the limit.", ("limit",))
TRACE_CONTAINERS_REFUSED = Family(
    "trace_containers_refused", "counter", "Containers that a trace asked for and did not get.", ("reason",)
)
ANNOTATIONS_REFUSED = Family(
    "annotations_refused", "counter", "Annotations of pods that asked for what they did not get.", ("reason",)
)
RECORDS_DROPPED = Family(
    "records_dropped", "counter", "Records that were not shown to those who asked for them.", ("sink", "reason")
)
CUT = Family("cgroups_cut", "gauge", "Cgroups that a bound kept out of the last look at the tree.")
UNWATCHED = Family("cgroups_unwatched", "gauge", "1 if not all of the cgroup tree can be watched for new containers.")
UNCOUNTED = Family("calls_uncounted", "counter", "Calls that found no free row in the arena.")
FOLDED = Family(
    "calls_folded", "counter", 'Calls whose syscall or errno is counted as "other" for want of rows in the arena.'
)
SCRAPE = Family("scrape_duration_seconds", "gauge", "How long the last scrape took to make.")
