# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001 -- a script, not a package
"""Writes charts/stracelet/dashboards/*.json, Grafana's dashboards: `python tools/dashboards.py [FOLDER]`.

A dashboard is a list of rows, a row a list of panels; what Grafana wants besides is the same for all.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = Path(__file__).parent.parent / "charts/stracelet/dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
RATE = "[$__rate_interval]"
BY_POD = '{namespace=~"$namespace"}'
ONE = '{namespace=~"$namespace", pod=~"$pod", container=~"$container"}'
OF_SYSCALL = ONE[:-1] + ', syscall=~"$syscall"}'
AGENT = '{job=~"(.*/)?stracelet.*"}'
SHORT_LIVED = (
    "A container that lives shorter than two scrapes shows no rate: its series appear with their last value. "
    "Prometheus counts them from their start when it scrapes OpenMetrics with `created-timestamp-zero-ingestion`. "
    "Durations are wall time as ptrace sees it, with a floor of some microseconds."
)


@dataclass(frozen=True)
class Panel:
    """One panel; `queries` are PromQL by legend, `width` is of 24 columns."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 12
    height: int = 8
    stacked: bool = False
    text: str = ""


def stat(title: str, query: str, unit: str = "short") -> Panel:
    return Panel(title, {"": query}, unit=unit, kind="stat", width=6, height=4)


def note(text: str) -> Panel:
    return Panel("", {}, kind="text", width=WIDTH, height=3, text=text)


def ratio(by: str, where: str = "") -> str:
    """Failed calls over calls."""
    errors, calls = (f"rate(stracelet_{each}_total{where}{RATE})" for each in ("syscall_errors", "syscalls"))
    return f"sum by ({by}) ({errors}) / sum by ({by}) ({calls})"


def quantile(share: float, by: str, where: str) -> str:
    buckets = f"rate(stracelet_syscall_duration_seconds_bucket{where}{RATE})"
    return f"histogram_quantile({share}, sum by ({by + ', ' if by else ''}le) ({buckets}))"


OVERVIEW = [
    [
        stat("Agents", "count(stracelet_build_info)"),
        stat("Containers traced", "count(stracelet_container_info)"),
        stat("Tasks traced", "sum(stracelet_tracees)"),
        stat("Calls", f"sum(rate(stracelet_syscalls_total{RATE}))", "ops"),
    ],
    [
        Panel(
            "Calls by namespace",
            {"{{namespace}}": f"sum by (namespace) (rate(stracelet_syscalls_total{RATE}))"},
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Error ratio by namespace",
            {"{{namespace}}": ratio("namespace")},
            unit="percentunit",
        ),
    ],
    [
        Panel(
            "Containers that call most",
            {
                "{{namespace}}/{{pod}}/{{container}}": "topk(10, sum by (namespace, pod, container) "
                f"(rate(stracelet_syscalls_total{RATE})))"
            },
            unit="ops",
        ),
        Panel(
            "Errors by errno",
            {"{{errno}}": f"topk(10, sum by (errno) (rate(stracelet_syscall_errors_total{RATE})))"},
            unit="ops",
        ),
    ],
    [
        Panel(
            "What takes most time",
            {"{{syscall}}": f"topk(10, sum by (syscall) (rate(stracelet_syscall_duration_seconds_sum{RATE})))"},
            unit="s",
        ),
        Panel(
            "What tracing costs most",
            {"{{namespace}}/{{pod}}/{{container}}": "topk(10, stracelet_overhead_ratio)"},
            unit="percentunit",
        ),
    ],
    [note(SHORT_LIVED)],
]

NAMESPACE = [
    [
        Panel(
            "Calls by pod",
            {"{{pod}}": f"sum by (pod) (rate(stracelet_syscalls_total{BY_POD}{RATE}))"},
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Error ratio by pod",
            {"{{pod}}": ratio("pod", BY_POD)},
            unit="percentunit",
        ),
    ],
    [
        Panel(
            "Calls by syscall",
            {"{{syscall}}": f"topk(15, sum by (syscall) (rate(stracelet_syscalls_total{BY_POD}{RATE})))"},
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Errors by syscall and errno",
            {
                "{{syscall}} {{errno}}": "topk(15, sum by (syscall, errno) "
                f"(rate(stracelet_syscall_errors_total{BY_POD}{RATE})))"
            },
            unit="ops",
        ),
    ],
    [
        Panel("99th percentile by pod", {"{{pod}}": quantile(0.99, "pod", BY_POD)}, unit="s"),
        Panel(
            "Calls by workload",
            {
                "{{workload_kind}} {{workload}}": "sum by (workload_kind, workload) "
                f"(sum by (namespace, pod, container) (rate(stracelet_syscalls_total{BY_POD}{RATE}))"
                " * on (namespace, pod, container) group_left (workload_kind, workload)"
                " max by (namespace, pod, container, workload_kind, workload) (stracelet_container_info))"
            },
            unit="ops",
        ),
    ],
    [
        Panel(
            "Tracing's share of the time",
            {"{{pod}}/{{container}}": f"stracelet_overhead_ratio{BY_POD}"},
            unit="percentunit",
        ),
        Panel(
            "Traced share of the lifetime",
            {"{{pod}}/{{container}}": f"stracelet_coverage_ratio{BY_POD}"},
            unit="percentunit",
        ),
    ],
]

POD = [
    [
        Panel(
            "Calls by syscall",
            {"{{syscall}}": f"sum by (syscall) (rate(stracelet_syscalls_total{OF_SYSCALL}{RATE}))"},
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Error ratio by syscall and errno",
            {
                "{{syscall}} {{errno}}": "sum by (syscall, errno) "
                f"(rate(stracelet_syscall_errors_total{OF_SYSCALL}{RATE}))"
                f" / on (syscall) group_left sum by (syscall) (rate(stracelet_syscalls_total{OF_SYSCALL}{RATE}))"
            },
            unit="percentunit",
        ),
    ],
    [
        Panel(
            "Latency",
            {"{{le}}": f"sum by (le) (increase(stracelet_syscall_duration_seconds_bucket{OF_SYSCALL}{RATE}))"},
            unit="s",
            kind="heatmap",
        ),
        Panel(
            "Latency, percentiles",
            {f"{share:.0%}": quantile(share, "", OF_SYSCALL) for share in (0.5, 0.9, 0.99)},
            unit="s",
        ),
    ],
    [
        Panel("99th percentile by syscall", {"{{syscall}}": quantile(0.99, "syscall", OF_SYSCALL)}, unit="s"),
        Panel(
            "Time in calls",
            {"{{syscall}}": f"sum by (syscall) (rate(stracelet_syscall_duration_seconds_sum{OF_SYSCALL}{RATE}))"},
            unit="s",
            stacked=True,
        ),
    ],
    [
        Panel("Signals", {"{{signal}}": f"sum by (signal) (rate(stracelet_signals_total{ONE}{RATE}))"}, unit="ops"),
        Panel("Tasks traced", {"{{container}}": f"stracelet_tracees{ONE}"}),
    ],
    [
        Panel(
            "Tracing's share of the time, and of the lifetime traced",
            {
                "overhead {{container}}": f"stracelet_overhead_ratio{ONE}",
                "coverage {{container}}": f"stracelet_coverage_ratio{ONE}",
            },
            unit="percentunit",
        ),
        Panel(
            "Not traced, or not counted by name",
            {
                "not attached: {{reason}}": f"sum by (reason) (increase(stracelet_attach_failures_total{ONE}{RATE}))",
                "folded into other": f"sum (increase(stracelet_series_limited_total{ONE}{RATE}))",
                "EINTR passed": f"sum (increase(stracelet_eintr_passed_total{ONE}{RATE}))",
                "attached late": f"sum (increase(stracelet_attach_delayed_total{ONE}{RATE}))",
            },
        ),
    ],
    [note(SHORT_LIVED)],
]

AGENTS = [
    [
        stat("Agents that answer", f"sum(up{AGENT})"),
        stat("Agents that do not", f"count(up{AGENT} == 0) or vector(0)"),
        stat("Tracers started again, in an hour", "sum(increase(stracelet_tracer_restarts_total[1h]))"),
        stat("Calls not counted, in an hour", "sum(increase(stracelet_calls_uncounted_total[1h]))"),
    ],
    [
        Panel("Sources that answer", {"{{instance}} {{source}}": "stracelet_source_up"}),
        Panel(
            "Versions", {"{{version}} {{commit}}": "count by (version, commit) (stracelet_build_info)"}, stacked=True
        ),
    ],
    [
        Panel("CPU of the agents", {"{{instance}}": f"rate(process_cpu_seconds_total{AGENT}{RATE})"}, unit="s"),
        Panel("Memory of the agents", {"{{instance}}": f"process_resident_memory_bytes{AGENT}"}, unit="bytes"),
    ],
    [
        Panel("Time of a scrape", {"{{instance}}": "stracelet_scrape_duration_seconds"}, unit="s"),
        Panel("Lines of a scrape", {"{{instance}}": f"scrape_samples_scraped{AGENT}"}),
    ],
    [
        Panel(
            "Tasks that could not be traced",
            {"{{reason}}": f"sum by (reason) (increase(stracelet_attach_failures_total{RATE}))"},
        ),
        Panel(
            "Bounds that were met",
            {
                "{{instance}}: calls uncounted": f"increase(stracelet_calls_uncounted_total{RATE})",
                "{{instance}}: calls folded": f"increase(stracelet_calls_folded_total{RATE})",
                "{{instance}}: cgroups cut": "stracelet_cgroups_cut",
                "{{instance}}: cgroups not watched": "stracelet_cgroups_unwatched",
                "series folded": f"sum(increase(stracelet_series_limited_total{RATE}))",
            },
        ),
    ],
]

NAMESPACES = {"namespace": "label_values(stracelet_container_info, namespace)"}
OF_ONE_POD = {
    **NAMESPACES,
    "pod": 'label_values(stracelet_container_info{namespace=~"$namespace"}, pod)',
    "container": 'label_values(stracelet_container_info{namespace=~"$namespace", pod=~"$pod"}, container)',
    "syscall": f"label_values(stracelet_syscalls_total{ONE}, syscall)",
}
DASHBOARDS: Mapping[str, tuple[str, Sequence[Sequence[Panel]], Mapping[str, str]]] = {
    "overview": ("stracelet: overview", OVERVIEW, {}),
    "namespace": ("stracelet: a namespace", NAMESPACE, NAMESPACES),
    "pod": ("stracelet: a pod", POD, OF_ONE_POD),
    "agents": ("stracelet: the agents", AGENTS, {}),
}


def made(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    """The panel as Grafana's JSON has it."""
    drawn: dict[str, Any] = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
    }
    if panel.kind == "text":
        return {**drawn, "options": {"mode": "markdown", "content": panel.text}, "transparent": True}
    heatmap = panel.kind == "heatmap"
    targets = [
        {
            "refId": chr(ord("A") + i),
            "datasource": SOURCE,
            "expr": query,
            "legendFormat": legend,
            **({"format": "heatmap"} if heatmap else {}),
        }
        for i, (legend, query) in enumerate(panel.queries.items())
    ]
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.stacked:
        defaults["custom"] = {"fillOpacity": 20, "stacking": {"mode": "normal"}}
    drawn |= {"datasource": SOURCE, "targets": targets, "fieldConfig": {"defaults": defaults, "overrides": []}}
    if heatmap:
        drawn["options"] = {
            "calculate": False,
            "yAxis": {"unit": panel.unit},
            "tooltip": {"mode": "single", "yHistogram": True},
        }
    return drawn


def variable(name: str, query: str) -> dict[str, Any]:
    """A choice among a label's values."""
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,
        "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }


def dashboard(name: str) -> dict[str, Any]:
    """The whole of one."""
    title, rows, variables = DASHBOARDS[name]
    panels: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        x = 0
        for panel in row:
            panels.append(made(panel, len(panels) + 1, x, y))
            x += panel.width
        y += max(panel.height for panel in row)
    chosen = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1}
    return {
        "uid": f"stracelet-{name}",
        "title": title,
        "tags": ["stracelet"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["stracelet"], "title": "stracelet", "includeVars": True}],
        "templating": {"list": [chosen, *(variable(*each) for each in variables.items())]},
        "panels": panels,
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for each in DASHBOARDS:
        (folder / f"{each}.json").write_text(json.dumps(dashboard(each), indent=1) + "\n")
