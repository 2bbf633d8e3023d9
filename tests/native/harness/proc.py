# SPDX-License-Identifier: Apache-2.0
"""What /proc says of a process, and waiting for it to say so."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from stracelet import native

# Where nothing is said of how long a thing takes. Linux from 6.13 to 6.18.44 may leave a task that wants a CPU without
# one for many seconds where a group of tasks beside it wakes and sleeps as often as traced ones do: the group's lag is
# reckoned anew, and wrongly, at each change of its weight (kernel commit 101f3498b4bd).
PATIENCE = 60.0


def status(task: int) -> dict[str, str]:
    """The fields of /proc/TASK/status; empty when the task is gone."""
    try:
        text = Path(f"/proc/{task}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def tasks(pid: int) -> list[int]:
    """The thread IDs of a process; empty when it is gone."""
    try:
        return [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def children(pid: int) -> list[int]:
    """PIDs of the children of all threads of a process."""
    found: list[int] = []
    for task in tasks(pid):
        try:
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def descendants(pid: int) -> list[int]:
    """PIDs of its children, their children, and so on."""
    below = children(pid)
    return below + [deeper for child in below for deeper in descendants(child)]


def command_name(pid: int) -> str:
    """What /proc/PID/comm says; empty when it is gone."""
    return status(pid).get("Name", "")


def waits_where(pids: Iterable[int]) -> list[str]:
    """For a failure's message: each task, its state, its pending signals and where in the kernel it waits."""
    said = []
    for pid in pids:
        for task in tasks(pid):
            try:
                stack = Path(f"/proc/{task}/stack").read_text().split("\n")[:8]
            except OSError:
                continue
            shown, where = status(task), " < ".join(line.removeprefix("[<0>] ").split("+")[0] for line in stack)
            pending = f"{shown.get('SigPnd')}/{shown.get('ShdPnd')}"
            said.append(f"{pid}/{task} {command_name(task)} {shown.get('State', '')} pending {pending}: {where}")
    return said


def sleeps_in(task: int, call: str) -> bool:
    """Whether the 64-bit task has gone to sleep in this syscall, or has been stopped in it."""
    try:
        number = Path(f"/proc/{task}/syscall").read_text().split()[0]
    except OSError:
        return False
    return number == str(native.syscall_number(native.ABI_X86_64, call))


def running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    return status(pid).get("State", "Z")[0] not in "ZX"


def tracers(pids: Iterable[int]) -> set[int]:
    """The tracers of all tasks of these processes; empty: nobody traces any."""
    found = {int(status(task).get("TracerPid", "0")) for pid in pids for task in tasks(pid)}
    return found - {0}


def all_traced(pids: Iterable[int]) -> bool:
    """Whether every task of these processes that has not ended has a tracer."""
    every = [status(task) for pid in pids for task in tasks(pid)]
    return all(seen["TracerPid"] != "0" for seen in every if seen and seen["State"][0] not in "ZX")


def tracers_of(pids: Iterable[int]) -> list[str]:
    """One text for each tracer of any task of these processes."""
    seen = {tracer: status(tracer) for tracer in tracers(pids)}
    return [f"{key} of {of.get('Tgid')} ({of.get('Name')}, state {of.get('State')})" for key, of in seen.items()]


def traced_and_awake(pids: Iterable[int]) -> list[int]:
    """The tasks of these processes that have a tracer and do not sleep."""
    every = {task: status(task) for pid in pids for task in tasks(pid)}
    return [task for task, seen in every.items() if seen.get("TracerPid", "0") != "0" and seen["State"][0] not in "SZX"]


def stopped(pids: Iterable[int]) -> list[str]:
    """One text for each task that is in state T or t."""
    bad = []
    for pid in pids:
        for task in tasks(pid):
            seen = status(task)
            if seen.get("State", "?")[0] in "Tt":
                bad.append(f"{seen['Name']} {task}: {seen['State']}, tracer {seen['TracerPid']}")
    return bad


async def until(condition: Callable[[], object], what: str, deadline: float = PATIENCE) -> float:
    """Polls until the condition is true; returns the seconds that it took; AssertionError after the deadline."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > deadline:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        await asyncio.sleep(0.002)
    return time.monotonic() - start
