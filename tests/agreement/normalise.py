# SPDX-License-Identifier: Apache-2.0
"""What differs from one run to the next, whoever traces it, and what takes its place: the rules, all of them, here.

A line is taken apart first: its PID, and for each PID a stream of whole calls, for where a thread comes between another
one's entry and exit (`<unfinished ...>`) is chance. PIDs then become names in the order of their making: the child that
p0 made second is `p0.2`, in whatever order the two ran.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PID = re.compile(r"(\d+) +(.*)")
# With time stamps they come between the PID and the call.
STAMP = re.compile(r"(\d\d:\d\d:\d\d(?:\.\d{6})?|\d{9,}\.\d{6}|\d+\.\d{6}) ")
UNFINISHED = re.compile(r"(.*?) ?<unfinished \.\.\.>$")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
MADE = re.compile(r"\b(?:clone|clone3|fork|vfork)\(.*\) += (\d+)(?:<[^>]*>)?(?: <[\d.]+>)?$")

ABOUT_PIDS = re.compile(
    r"(?:clone3?|v?fork|wait\w*|kill|tkill|tgkill|get\w*[pst]id|set\w*|prlimit64|sched_\w+|pidfd_\w+|rt_\w*sig\w+"
    r"|ioctl|fcntl\w*|futex"
    r"|process_\w+|ptrace|kcmp|get_robust_list|\w+priority|shmctl|msgctl|getsockopt|sendm?msg|recvm?msg)\(|---|\+\+\+"
)
ANY_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
PID_FIELD = re.compile(
    r"(?:(?<=pid=)|(?<=tid=)|(?<=thread_id=)|(?<=tid=\[)|(?<=/proc/)|(?<=/task/)|(?<=\"))\d+(?![\w.])"
)

# (what, pattern, what takes its place), applied in order to each whole call.
RULES: tuple[tuple[str, str, str], ...] = (
    ("the column of the result depends on how wide a PID is", r"\) +(= |\?)", r") \1"),
    ("how long a call took (-T)", r" <\d+\.\d{6}>$", " <TIME>"),
    ("addresses", r"\b0x[0-9a-f]{7,}\b", "ADDR"),
    ("dates", r"\b\d{4}-\d\d-\d\dT[\d:.]+[+-]\d{4}", "DATE"),
    ("seconds since 1970", r"\b1[6-9]\d{8}\b", "SECONDS"),
    ("fractions of a second of a clock", r"(tv_nsec=|tv_usec=|time_nsec=)\d*[1-9]\d*(?<!000000)", r"\1FRACTION"),
    ("time that a process used", r"((?:ru|tms)_[us]?\w*time=)(?:\{[^}]*\}|\d+)", r"\1USED"),
    ("time that a child used", r"(si_[us]time=)\d+(?: /\* [\d.]+ s \*/)?", r"\1USED"),
    ("seconds of a monotonic clock", r"(CLOCK_(?:MONOTONIC|BOOTTIME)\w*, \{tv_sec=)\d+", r"\1SECONDS"),
    ("ticks since the boot", r"(times\(.*\) = )\d{6,}", r"\1TICKS"),
    ("a parent that is not traced", r"(getppid\(\) = )\d+", r"\1PARENT"),
    ("the serial number of a key", r"(keyctl\([^,]*, )\d{6,10}\b", r"\1SERIAL"),
    ("that of a key found", r"((?:keyctl|\w+_key)\(.*\) = )\d{6,10}\b", r"\1SERIAL"),
    ("random bytes", r'getrandom\("[^"]*"(\.\.\.)?', r"getrandom(RANDOM"),
    ("the inode of a file that is made anew", r"(st_ino=|d_ino=|stx_ino=)\d+", r"\1INODE"),
    ("the inode of a file that has no name", r"(/#)\d+(>\(deleted\))", r"\1INODE\2"),
    ("the inode of a pipe, socket or namespace", r"\b([\w-]+:\[)\d+(?:->\d+)?(?=[\],])", r"\1INODE"),
    ("the port of a netlink socket", r"(NETLINK:\[\w+:)-?\d+", r"\1PORT"),
    ("the first bytes of a PID", r'(SO_PEERCRED, \{pid=)"[^"]*"', r"\1BYTES"),
    ("an ephemeral port", r"htons\((?:3[2-9]|4\d|5\d|6[0-5])\d{3}\)", "htons(PORT)"),
    ("its bytes under -X verbose", r"(sin6?_port=)\"[^\"]*\" /\* htons\(PORT\) \*/", r"\1PORT"),
    ("an ephemeral port under -yy", r"(\d+\.\d+\.\d+\.\d+|\]):(?:3[2-9]|4\d|5\d|6[0-5])\d{3}\b", r"\1:PORT"),
    ("temporary files", r"((?:/|\")(?:tmp\.?|cc|sort|sed|sh-thd\.?|tmp_obj_|etilqs_|temp-))\w{6,16}", r"\1TEMP"),
    ("the name of a temporary file of git's", r"(\.git/t)\w{6}\"", r'\1TEMP"'),
    ("load, memory and uptime of the machine", r"(sysinfo\(\{).*\}", r"\1...}"),
    ("the inode of a Unix socket", r"(\bUNIX(?:-[A-Z]+)?:\[)\d+", r"\1INODE"),
    ("the inode of a Unix socket's peer", r"(\bUNIX(?:-[A-Z]+)?:\[INODE->)\d+", r"\1INODE"),
    ("which pseudo-terminal was free", r"/dev/pts/\d+", "/dev/pts/N"),
    ("its number under -yy", r"<char 136:\d+>", "<char 136:N>"),
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
    pid: str
    name: str = ""
    begun: str | None = None
    ended: bool = False
    calls: list[str] = field(default_factory=list)


def streams(text: str) -> dict[str, Stream]:
    """By the names of their tasks. What is no line of a trace is a stream of its own, named `-`."""
    tasks: list[_Task] = []
    now: dict[str, _Task] = {}
    other = _Task("", name="-")
    for line in text.splitlines():
        found = PID.fullmatch(line)
        if not found:
            other.calls.append(line)
            continue
        pid, rest = found.groups()
        if pid not in now or now[pid].ended:  # it may be used again
            now[pid] = _Task(pid)
            tasks.append(now[pid])
        _add(now[pid], STAMP.sub("", rest, count=1))
    _name(tasks)
    names = {task.pid: task.name for task in reversed(tasks)}
    return {
        task.name: Stream([normalise(_named(each, names)) for each in task.calls], task.calls)
        for task in (*tasks, other)
        if task.calls
    }


def _named(call: str, names: Mapping[str, str]) -> str:
    """With names in the place of PIDs: of any number where a call is about PIDs, else where it can be nothing else."""
    where = ANY_NUMBER if ABOUT_PIDS.match(call) else PID_FIELD
    return where.sub(lambda found: names.get(found[0], found[0]), call)


def _name(tasks: list[_Task]) -> None:
    """By whose child they are; those of nobody in the order in which they come."""
    roots = 0
    for task in tasks:
        if not task.name and not any(_makes(other, task.pid) for other in tasks if other is not task):
            task.name = f"p{roots}"
            roots += 1
            _name_children(task, tasks)
    for task in tasks:
        if not task.name:
            task.name = f"p{roots}"
            roots += 1


def _makes(task: _Task, pid: str) -> bool:
    return any((made := MADE.search(call)) is not None and made[1] == pid for call in task.calls)


def _name_children(root: _Task, tasks: list[_Task]) -> None:
    waiting = [root]
    while waiting:
        parent, count = waiting.pop(), 0
        for call in parent.calls:
            made = MADE.search(call)
            child = next((each for each in tasks if made and each.pid == made[1] and not each.name), None)
            if child is not None:
                count += 1
                child.name = f"{parent.name}.{count}"
                waiting.append(child)


def _add(task: _Task, text: str) -> None:
    unfinished = UNFINISHED.fullmatch(text)
    resumed = RESUMED.fullmatch(text)
    if resumed:
        text = (f"<... {resumed[1]} resumed>" if task.begun is None else task.begun) + resumed[2]
        task.begun = None
    if unfinished:
        task.begun = text[: unfinished.end(1)] if not resumed else UNFINISHED.sub(r"\1", text)
        return
    if text.startswith("+++"):
        task.ended = True
        if task.begun is not None:
            task.calls.append(f"{task.begun} <unfinished ...>")
            task.begun = None
    task.calls.append(text)


def normalise(call: str) -> str:
    """One whole call, by all the rules."""
    for pattern, by in _COMPILED:
        call = pattern.sub(by, call)
    return call
