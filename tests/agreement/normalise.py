# SPDX-License-Identifier: Apache-2.0
"""What differs from one run to the next, whoever traces it, and what takes its place: the rules, all of them, here.

A line is taken apart first: its PID, and for each PID a stream of whole calls, for where a thread comes between another
one's entry and exit (`<unfinished ...>`) is chance. PIDs then become names in the order of their making: the child that
p0 made second is `p0.2`, in whatever order the two ran.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

PID = re.compile(r"(\d+) +(.*)")
# With time stamps they come between the PID and the call.
STAMP = re.compile(r"(\d\d:\d\d:\d\d(?:\.\d{6})?|\d{9,}\.\d{6}|\d+\.\d{6}) ")
UNFINISHED = re.compile(r"(.*?) ?<unfinished \.\.\.>$")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
MADE = re.compile(r"\b(?:clone|clone3|fork|vfork)\(.*\) += (\d+)(?:<[^>]*>)?(?: <[\d.]+>)?$")

# (what, pattern, what takes its place), applied in order to each whole call.
RULES: tuple[tuple[str, str, str], ...] = (
    ("the column of the result depends on how wide a PID is", r"\) +(= |\?)", r") \1"),
    ("how long a call took (-T)", r" <\d+\.\d{6}>$", " <TIME>"),
    ("addresses", r"\b0x[0-9a-f]{7,}\b", "ADDR"),
    ("dates of files", r"/\* \d{4}-\d\d-\d\dT[\d:.+-]+ \*/", "/* DATE */"),
    ("seconds since 1970", r"\b1[6-9]\d{8}\b", "SECONDS"),
    ("fractions of a second that a clock gives", r"(tv_nsec=|tv_usec=)\d*[1-9]\d*(?<!000000)", r"\1FRACTION"),
    ("time that a process used", r"((?:ru|tms)_[us]?\w*time=)(?:\{[^}]*\}|\d+)", r"\1USED"),
    ("time that a child used", r"(si_[us]time=)\d+", r"\1USED"),
    ("seconds of a monotonic clock", r"(CLOCK_(?:MONOTONIC|BOOTTIME)\w*, \{tv_sec=)\d+", r"\1SECONDS"),
    ("ticks since the boot", r"(times\(.*\) = )\d{6,}", r"\1TICKS"),
    ("a parent that is not traced", r"(getppid\(\) = )\d+", r"\1PARENT"),
    ("random bytes", r'getrandom\("[^"]*"(\.\.\.)?', r"getrandom(RANDOM"),
    ("the inode of a file that is made anew", r"(st_ino=|d_ino=|stx_ino=)\d+", r"\1INODE"),
    ("the inode of a pipe, socket or namespace", r"\b(\w+:)\[\d+\]", r"\1[INODE]"),
    ("an ephemeral port", r"htons\((?:3[2-9]|4\d|5\d|6[0-5])\d{3}\)", "htons(PORT)"),
    ("an ephemeral port under -yy", r"(\d+\.\d+\.\d+\.\d+|\]):(?:3[2-9]|4\d|5\d|6[0-5])\d{3}\b", r"\1:PORT"),
    ("the name of a temporary file", r"((?:/|\")(?:tmp|cc|sort|sh-thd\.?|tmp_obj_|etilqs_|temp-))\w{6,16}", r"\1TEMP"),
    ("load, memory and uptime of the machine", r"(sysinfo\(\{).*\}", r"\1...}"),
    ("free blocks and inodes", r"(f_(?:bfree|bavail|ffree)=)\d+", r"\1FREE"),
    ("whom a netlink socket is bound to", r"(nl_pid=|nlmsg_pid=)-?\d+", r"\1PORT"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), by) for _, pattern, by in RULES)


@dataclass
class Stream:
    """All whole calls of one task, in order; `raw` as they were written."""

    lines: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)


@dataclass
class _Task:
    name: str
    made: int = 0
    begun: str | None = None
    calls: list[str] = field(default_factory=list)


def streams(text: str) -> dict[str, Stream]:
    """By the names of their tasks. What is no line of a trace is a stream of its own, named `-`."""
    tasks: dict[str, _Task] = {}
    other = _Task("-")
    for line in text.splitlines():
        found = PID.fullmatch(line)
        if not found:
            other.calls.append(line)
            continue
        pid, rest = found.groups()
        task = tasks.get(pid)
        if task is None:
            task = tasks[pid] = _Task(f"p{sum('.' not in each.name for each in tasks.values())}")
        _add(task, STAMP.sub("", rest, count=1), tasks)
        if " +++" in rest and rest.endswith("+++"):
            tasks[f"{pid} {len(tasks)}"] = tasks.pop(pid)  # the PID may be used again
    names = {key.split(" ")[0]: task.name for key, task in tasks.items()}
    pids = (
        re.compile(r"(?<![\w.\"])(" + "|".join(sorted(names, key=len, reverse=True)) + r")(?![\w.])") if names else None
    )
    result = {}
    for task in (*tasks.values(), *([other] if other.calls else [])):
        lines = [normalise(pids.sub(lambda m: names[m[1]], each) if pids else each) for each in task.calls]
        result[task.name] = Stream(lines, task.calls)
    return result


def _add(task: _Task, text: str, tasks: dict[str, _Task]) -> None:
    unfinished = UNFINISHED.fullmatch(text)
    resumed = RESUMED.fullmatch(text)
    if unfinished and not resumed:
        task.begun = unfinished[1]
        return
    if resumed:
        text = (task.begun or f"<... {resumed[1]} resumed>") + (
            resumed[2] if task.begun is None else _joint(task, resumed[2])
        )
        task.begun = None
        if unfinished:  # once more
            task.begun = UNFINISHED.fullmatch(text)[1]  # type: ignore[index]
            return
    elif task.begun is not None and text.startswith("+++"):
        task.calls.append(f"{task.begun} <unfinished ...>")
        task.begun = None
    task.calls.append(text)
    made = MADE.search(text)
    if made and made[1] not in tasks:
        task.made += 1
        tasks[made[1]] = _Task(f"{task.name}.{task.made}")


def _joint(task: _Task, rest: str) -> str:
    """strace writes a blank before what follows, but where it begins with a bracket."""
    begun = task.begun or ""
    if begun.endswith(",") and not rest.startswith(" "):
        return " " + rest
    return rest


def normalise(call: str) -> str:
    """One whole call, by all the rules."""
    for pattern, by in _COMPILED:
        call = pattern.sub(by, call)
    return call
