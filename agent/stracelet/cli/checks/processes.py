# SPDX-License-Identifier: Apache-2.0
"""Whether the processes of a target can be traced from here: who traces them, whose they are, in which namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stracelet.cli.checks.finding import Finding
from stracelet.containers.procfs import Procfs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

SHOWN = 5
OURS = "stracelet-tracer"


def _comm(procfs: Procfs, pid: int) -> str:
    stat = procfs.stat(pid)
    return stat.comm if stat else "unknown"


def _namespace(proc: Path, pid: str) -> str:
    return str((proc / pid / "ns/user").readlink())


def _some(pids: Iterable[int]) -> str:
    listed = sorted(pids)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(map(str, listed[:SHOWN])) + more


def check_processes(target: str, pids: Sequence[int], *, proc: Path, privileged: bool, uid: int) -> Iterator[Finding]:
    """Findings for one target; `privileged`: with CAP_SYS_PTRACE. Processes that end meanwhile are left out."""
    procfs = Procfs(proc)
    processes = [process for process in map(procfs.process, pids) if process is not None]
    if not processes:
        yield Finding(target, "failed", "no process of it is left", "`stracelet ps` shows what runs.")
        return
    tracers: dict[int, list[int]] = {}
    for process in processes:
        if process.tracer:
            tracers.setdefault(process.tracer, []).append(process.pid)
    failed = list(_traced(target, tracers, procfs))
    others = [process.pid for process in processes if process.uid != uid]
    if others and not privileged:
        found = f"processes of other users: {_some(others)}"
        failed.append(Finding(target, "failed", found, "Run it with sudo: tracing them takes CAP_SYS_PTRACE."))
    failed += _user_namespaces(target, pids, proc, privileged=privileged)
    yield from failed
    if not any(finding.state == "failed" for finding in failed):
        count = len(processes)
        yield Finding(target, "ok", f"{count} process{'es' if count > 1 else ''}, nobody else traces them")


def _traced(target: str, tracers: Mapping[int, list[int]], procfs: Procfs) -> Iterator[Finding]:
    for tracer, pids in sorted(tracers.items()):
        name = _comm(procfs, tracer)
        found = f"{_some(pids)} traced by {tracer} ({name})"
        if name.startswith(OURS[:15]):
            mend = "Another stracelet traces it: read its metrics, or stop it. A process has one tracer."
            yield Finding(target, "failed", found, mend)
        else:
            yield Finding(target, "failed", found, f"A process has one tracer: stop {name} ({tracer}), then try again.")


def _user_namespaces(target: str, pids: Iterable[int], proc: Path, *, privileged: bool) -> Iterator[Finding]:
    """Root in the host's user namespace may trace into all others, others only in their own (user_namespaces(7))."""
    own = _namespace(proc, "self")
    foreign: list[int] = []
    for pid in pids:
        try:
            if _namespace(proc, str(pid)) != own:
                foreign.append(pid)
        except OSError:
            continue
    if not foreign:
        return
    found = f"in another user namespace: {_some(foreign)}"
    if privileged:
        yield Finding(target, "note", found, "That is fine while it is below our own, as a rootless container's is.")
    else:
        mend = "Run it with sudo: capabilities are counted in the target's user namespace."
        yield Finding(target, "failed", found, mend)
