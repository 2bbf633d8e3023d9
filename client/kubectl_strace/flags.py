# SPDX-License-Identifier: Apache-2.0
"""The flags: kubectl's global ones, which go to kubectl; strace's, which go to the agents; and our own."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any, NoReturn

from kubectl_strace import durations

if TYPE_CHECKING:
    from collections.abc import Sequence

# kubectl's (`kubectl options`), those with a value; -s and -v are strace's here.
GLOBAL = {
    "as": "USER", "as-group": "GROUP", "as-uid": "UID", "as-user-extra": "KEY=VALUE", "cache-dir": "DIR",
    "certificate-authority": "FILE", "client-certificate": "FILE", "client-key": "FILE", "cluster": "NAME",
    "context": "NAME", "kubeconfig": "FILE", "kuberc": "FILE", "log-flush-frequency": "D", "password": "TEXT",
    "profile": "NAME", "profile-output": "FILE", "request-timeout": "D", "server": "URL", "tls-server-name": "NAME",
    "token": "TEXT", "user": "NAME", "username": "TEXT", "vmodule": "RULES",
}  # fmt: skip
# Their value, if any, is joined by `=`: argparse has no such flags.
GLOBAL_SWITCH = re.compile(
    r"--(insecure-skip-tls-verify|disable-compression|match-server-version|warnings-as-errors)(=\w+)?"
)
TARGET_HELP = "pod/NAME[/CONTAINER], or a pod's name alone; deploy/NAME, sts/NAME, ds/NAME, job/NAME"
SHOWN = {"context", "kubeconfig", "as"}

REFUSED = {
    "-p": "name a pod as the target: processes are not named through the cluster",
    "-b": "a traced process is never let go at an exec",
    "-D": "the tracer is always a process of its own",
    "-I": "a target is never kept from a signal",
    "-k": "stacks are not read",
    "-E": "it is for a command of one's own, and there is none in a cluster",
    "-u": "it is for a command of one's own, and there is none in a cluster",
    "--lossless": "it would make a shared container wait for this terminal, so it is not done in a cluster",
    "--output-separately": "lines of all tasks come in one stream here: -o FILE takes them",
    "--rotate-size": "it is for binary records, which stay on the node: stracelet record",
    "--rotate-keep": "it is for binary records, which stay on the node: stracelet record",
}


class Global(argparse.Action):
    """One of kubectl's: kept as kubectl takes it."""

    def __call__(self, _: object, args: argparse.Namespace, value: Any, option_string: str | None = None) -> None:
        args.kubectl = [*args.kubectl, f"{option_string}={value}"]


class Passed(argparse.Action):
    """One that the agents are to honour: kept as it was written, in its order, since a later one may undo it.

    `also`: where its value is kept for us too; of a flag without a value, how often it came.
    """

    def __init__(self, option_strings: Sequence[str], dest: str, also: str = "", **options: Any) -> None:
        super().__init__(option_strings, dest, **options)
        self.also = also

    def __call__(self, _: object, args: argparse.Namespace, value: Any, option_string: str | None = None) -> None:
        flag = option_string or self.option_strings[-1]
        if self.nargs == 0:
            words = [flag]
            value = getattr(args, self.also, 0) + 1 if self.also else None
        elif value.startswith("-"):  # else it would be taken for a flag
            words = [f"{self.option_strings[-1]}={value}"]
        else:
            words = [flag, value]
        args.filter = [*args.filter, *words]
        if self.also:
            setattr(args, self.also, value)


class Refused(argparse.Action):
    """One line says why it is not done here."""

    def __init__(self, option_strings: Sequence[str], dest: str, const: str) -> None:
        super().__init__(option_strings, dest, nargs="?", const=const, help=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
        parser.error(f"{self.option_strings[0]}: {self.const}")


def add_global(parser: argparse.ArgumentParser) -> None:
    """kubectl's own."""
    group = parser.add_argument_group("the cluster (as kubectl; all its global flags are taken, but for -s and -v)")
    group.add_argument("-n", "--namespace", metavar="NAMESPACE", help="of the targets")
    for name, metavar in GLOBAL.items():
        help_ = "as kubectl's" if name in SHOWN else argparse.SUPPRESS
        group.add_argument(f"--{name}", action=Global, dest="kubectl", metavar=metavar, help=help_)
    group.add_argument("--agent-namespace", metavar="NAMESPACE", default="stracelet", help="of the agents (stracelet)")


def add_targets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=TARGET_HELP)
    parser.add_argument("-l", "--selector", metavar="SELECTOR", help="pods with these labels, as kubectl's -l")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="in all namespaces")
    parser.add_argument("--container", metavar="NAME", help="of a pod, this container only")


def add_run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--duration", action=Passed, dest="filter", also="duration", type=_duration, metavar="D",
        help="end after 500ms, 10s, 2m, ...; at most 1h")  # fmt: skip
    add("--wait", action="store_true", help="wait for what does not run yet, and trace it from its first exec")


def add_filters(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("which calls (as strace)").add_argument
    add("-e", "--expression", action=Passed, dest="filter", metavar="EXPR",
        help="trace=SET, status=SET, signal=SET, read=SET, write=SET, quiet=SET; a bare SET is trace=; "
             "!, %%class, ?name, name@64 (/regex: --sidecar)")  # fmt: skip
    add("-P", "--trace-path", action=Passed, dest="filter", metavar="PATH", help="only what is about this path")
    _switch(add, "-z", "--successful-only", help="what succeeds")
    _switch(add, "-Z", "--failed-only", help="what fails")
    add("--min-duration", action=Passed, dest="filter", type=_duration, metavar="D",
        help="what takes at least 500us, 20ms, 5s, ...")  # fmt: skip
    add("--limit", action=Passed, dest="filter", also="limit", type=_positive, metavar="N", help="end after N lines")


def add_capture(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is captured (as strace)").add_argument
    _switch(add, "-y", "--decode-fds", help="what descriptors are; -yy: addresses of sockets too")
    _switch(add, "-Y", "--decode-pids-comm", help="the name of each PID's process")
    add("--decode-pids", action=Passed, dest="filter", choices=["comm", "pidns"], help="pidns: PIDs of both namespaces")
    add("-s", "--string-limit", action=Passed, dest="filter", type=_natural, metavar="N",
        help="bytes of strings and data (32)")  # fmt: skip
    _switch(add, "-v", "--no-abbrev", help="whole structures, arrays and environments")
    _switch(add, "-q", "--quiet", also="quiet", help="say nothing of attaching; -qq: nor of exits; -qqq: nothing")
    _switch(add, "-f", "--follow-forks", also="follow", help="follow children (they always are)")


def add_display(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how it is shown (as strace)").add_argument
    _switch(add, "-x", "--strings-in-hex", help="non-ASCII strings in hex; -xx: all strings")
    add("-X", "--const-print-style", action=Passed, dest="filter", choices=["raw", "abbrev", "verbose"],
        metavar="STYLE", help="constants: raw, abbrev or verbose (both)")  # fmt: skip
    add("-a", "--columns", action=Passed, dest="filter", type=_natural, metavar="N", help="the column of results (40)")
    _switch(add, "-i", "--instruction-pointer", help="the instruction pointer")
    _switch(add, "-t", "--absolute-timestamps", help="time of day; -tt: to µs; -ttt: since 1970")
    _switch(add, "-r", "--relative-timestamps", help="time since the line before")
    _switch(add, "-T", "--syscall-times", help="time spent in each call")
    add("--format", action=Passed, dest="filter", also="format", choices=["strace", "json"],
        help="text as strace's, or JSON, one object a line")  # fmt: skip
    add("-o", "--output", metavar="FILE", help="write to a file here, or to a command: '|COMMAND' or '!COMMAND'")


def add_summaries(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("tables (as strace)").add_argument
    _switch(add, "-c", "--summary-only", also="summary_only", help="tables of calls, errors and time; no lines")
    _switch(add, "-C", "--summary", also="summary", help="lines, and then the tables")
    add("-w", "--summary-wall-clock", action="store_true", help="wall time (it always is)")
    add("-S", "--summary-sort-by", action=Passed, dest="filter", metavar="COLUMN", help="sort by this column (time)")
    add("-U", "--summary-columns", action=Passed, dest="filter", metavar="COLUMNS", help="columns, as strace's")


def add_redaction(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is left out").add_argument
    _switch(add, "--no-data", help="no data of files and sockets: their addresses alone")
    add("--mask", action=Passed, dest="filter", metavar="REGEX", help="what matches is [masked] (--sidecar)")
    _switch(add, "--mask-exec", help="arguments and environment of exec are [masked]")


def add_refused(parser: argparse.ArgumentParser) -> None:
    for flag, why in REFUSED.items():
        parser.add_argument(flag, action=Refused, const=why)


def _switch(add: Any, *names: str, help: str, also: str = "") -> None:  # noqa: A002 - as argparse has it
    add(*names, action=Passed, nargs=0, dest="filter", also=also, help=help)


def _duration(text: str) -> str:
    try:
        durations.seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _natural(text: str) -> str:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected a number of 0 or more, found {text!r}")
    return text


def _positive(text: str) -> str:
    if not int(_natural(text)):
        raise argparse.ArgumentTypeError("expected a number above 0")
    return text
