# SPDX-License-Identifier: Apache-2.0
"""The list of containers that `ps` and the demonstration show: rows, then columns or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stracelet.containers.targets import SHORT_ID, target_of
from stracelet.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stracelet.containers.inventory import Inventory
    from stracelet.containers.model import Container, SourceState
    from stracelet.containers.procfs import Process, Procfs
    from stracelet.containers.request import Request

SHOWN_PIDS = 4


@dataclass(frozen=True)
class Listed:
    """A container and what runs in it. `agent`: what this host's agent says of it, its refusals too; None: nothing, or
    there is none. `refused`: what its pod's annotations ask for in vain, and why."""

    container: Container
    processes: tuple[Process, ...]
    agent: Mapping[str, Any] | None = None
    refused: str = ""


def listed(
    inventory: Inventory,
    procfs: Procfs,
    request: Request,
    *,
    agent: Mapping[str, Mapping[str, Any]] | None = None,
    refused: Callable[[Container], str] = lambda _: "",
) -> list[Listed]:
    """The containers that the request means, all of them without one, by their names. Raises TargetNotFound.

    `agent`: what this host's agent says of them, by ID.
    """
    containers = list(inventory.containers().values())
    if request.names_containers:
        containers = request.resolve(containers)
    found = []
    for container in sorted(containers, key=lambda each: (target_of(each), each.id)):
        processes = (procfs.process(pid) for pid in inventory.pids(container.id))
        there = tuple(process for process in processes if process is not None)
        found.append(Listed(container, there, (agent or {}).get(container.id), refused(container)))
    return found


def missing(states: Mapping[str, SourceState]) -> list[str]:
    """A line for each source that is there and failed: what is not seen, and why."""
    down = {name: state for name, state in states.items() if state.present and not state.up}
    return [
        printable(
            f"{'PIDs are' if name == 'cgroup' else f'names from {name} are'} missing: {state.error}{_mend(state.error)}"
        )
        for name, state in down.items()
    ]


def _mend(error: str) -> str:
    return " (run it with sudo)" if "ermission denied" in error else ""


def _pods(each: Listed) -> str:
    pod = each.container.pod
    return f"{pod.namespace}/{pod.name}" if pod else ""


def _pids(pids: Sequence[int], *, cut: bool) -> str:
    shown = ",".join(map(str, pids[:SHOWN_PIDS] if cut else pids))
    return shown + f",+{len(pids) - SHOWN_PIDS}" if cut and len(pids) > SHOWN_PIDS else shown


def _compose(each: Listed) -> str:
    return "/".join(filter(None, (each.container.compose_project, each.container.compose_service)))


def _of_agent(each: Listed) -> str:
    said = each.agent or {}
    return "monitored" if said.get("monitored") else "traced" if said.get("traced") else ""


def _refused(each: Listed) -> str:
    said = (each.refused, (each.agent or {}).get("refused") or "")
    return "; ".join(dict.fromkeys(filter(None, said)))


Cell = tuple[str, "Callable[[Listed, bool], str]"]
COLUMNS: tuple[Cell, ...] = (
    ("NAME", lambda each, _: each.container.name),
    ("POD", lambda each, _: _pods(each)),
    ("RUNTIME", lambda each, _: each.container.runtime),
    ("ID", lambda each, cut: each.container.id[:SHORT_ID] if cut else each.container.id),
    ("STATUS", lambda each, _: each.container.status),
    ("PIDS", lambda each, cut: _pids([process.pid for process in each.processes], cut=cut)),
    ("INSIDE", lambda each, cut: _pids([process.inside for process in each.processes], cut=cut)),
    ("IMAGE", lambda each, _: each.container.image),
    ("AGENT", lambda each, _: _of_agent(each)),
)
WIDE: tuple[Cell, ...] = (
    *COLUMNS,
    ("COMPOSE", lambda each, _: _compose(each)),
    ("SOURCES", lambda each, _: ",".join(each.container.sources)),
    ("CGROUP", lambda each, _: each.container.cgroups[0] if each.container.cgroups else ""),
)
REFUSED: Cell = ("REFUSED", lambda each, _: _refused(each))
OPTIONAL = ("POD", "COMPOSE", "AGENT", "REFUSED")


def table(listed: Iterable[Listed], *, wide: bool, cut: bool) -> list[tuple[str, ...]]:
    """The heading and a row for each container; of OPTIONAL those that are not empty."""
    columns = (*(WIDE if wide else COLUMNS), REFUSED)
    rows = [tuple(printable(cell(each, cut)) for _, cell in columns) for each in listed]
    kept = [i for i, (name, _) in enumerate(columns) if name not in OPTIONAL or any(row[i] for row in rows)]
    return [tuple(row[i] for i in kept) for row in (tuple(name for name, _ in columns), *rows)]


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Aligned by blanks, for pipes and files; an empty cell is `-`, so that every row has as many words."""
    filled = [[cell or "-" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in filled) for i in range(len(filled[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in filled)
    return "".join(f"{line}\n" for line in lines)


def as_json(each: Listed) -> Mapping[str, Any]:
    """What `ps -o json` shows of a container."""
    container = each.container
    return {
        "name": container.name,
        "namespace": container.pod.namespace if container.pod else "",
        "pod": container.pod.name if container.pod else "",
        "pod_uid": container.pod.uid if container.pod else "",
        "runtime": container.runtime,
        "id": container.id,
        "status": container.status,
        "image": container.image,
        "labels": dict(container.labels),
        "compose_project": container.compose_project,
        "compose_service": container.compose_service,
        "processes": [
            {"pid": process.pid, "inside": process.inside, "nspid": list(process.namespaced)}
            for process in each.processes
        ],
        "cgroups": list(container.cgroups),
        "sources": list(container.sources),
        "target": target_of(container),
        "agent": {key: each.agent.get(key) for key in ("monitored", "traced", "refused")} if each.agent else None,
        "refused": each.refused,
    }
