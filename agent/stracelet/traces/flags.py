# SPDX-License-Identifier: Apache-2.0
"""strace's flags, as `trace`, `record` and `replay` take them, and what they ask for."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from stracelet.durations import parse_duration
from stracelet.errors import UsageError
from stracelet.native import ABI_SIGNAL
from stracelet.records.expressions import Expressions, parse_expressions
from stracelet.records.filters import STATUSES, Filter
from stracelet.records.printing import (
    COLUMN,
    CONSTANTS,
    COUNTS,
    FORMATS,
    RELATIVE,
    STRING_LIMIT,
    TIMES,
    Capture,
    Flags,
    PrintOptions,
)
from stracelet.traces.report import Layout, Part
from stracelet.traces.summary import DEFAULT_COLUMNS, by_time, parse_columns, parse_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stracelet.config import Config
    from stracelet.native import Printer

SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
SMALLEST_FILE = 1 << 20
ATTACH, EXIT = 1, 4  # bits of -e quiet


@dataclass(frozen=True)
class Rotation:
    """When a file of records is moved aside, `size` bytes (0: never), and how many are kept."""

    size: int = 0
    keep: int = 0


@dataclass(frozen=True)
class Wish:
    """What is to be shown, counted and kept of the records that pass the filter.

    `output`: -o as it was given; `write`: where records are kept, `-` for standard output.
    """

    filter: Filter
    options: PrintOptions
    layout: Layout
    lines: bool
    counts: bool
    output: str | None
    separate: bool
    write: str | None
    rotation: Rotation
    lossless: bool
    quiet: int
    table_of_records: bool = False

    @property
    def capture(self) -> Capture:
        return Capture.of(self.options, lossless=self.lossless)

    @property
    def counts_records(self) -> bool:
        """Whether the table is of records; else the arena has counted all that there is to be in it: as with strace,
        a status changes no count."""
        return self.counts and bool(self.table_of_records or self.options.paths or self.filter.min_duration_ns)

    @property
    def records(self) -> bool:
        """Whether there is anything to be done with records."""
        return self.lines or self.write is not None or self.counts_records

    def chosen(self, part: Part) -> Part:
        """Of the calls that are wanted alone."""
        calls = self.filter.calls
        wanted = [cell for cell in part.cells if cell.abi != ABI_SIGNAL and (cell.abi, cell.number) in calls]
        return Part(part.heading, wanted)

    def counts_printer(self) -> Printer:
        """Of the records that the table is of."""
        return replace(self.options, format=COUNTS, limit=0).printer(self.filter)

    def with_flags(self, **flags: bool) -> Wish:
        return replace(self, options=replace(self.options, flags=replace(self.options.flags, **flags)))


class Refused(argparse.Action):
    """A flag of strace's that is not done here: one line says so."""

    def __init__(self, option_strings: Sequence[str], dest: str, const: str) -> None:
        super().__init__(option_strings, dest, nargs="?", const=const, help=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
        parser.error(f"{self.option_strings[0]}: {self.const}")


REFUSED = {
    "-p": "name a process as a target: pid/N",
    "-b": "a traced process is never let go at an exec",
    "-D": "the tracer is always a process of its own",
    "-I": "a target is never kept from a signal",
    "-k": "stacks are not read",
    "-E": "set the environment with env(1): -- env NAME=VALUE COMMAND",
    "-u": "run the command as somebody else with setpriv(1) or su(1)",
}


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Which records."""
    group = parser.add_argument_group("which calls (as strace)")
    add = group.add_argument
    add("-e", "--expression", action="append", default=[], metavar="EXPR",
        help="trace=SET, status=SET, signal=SET, read=SET, write=SET, quiet=SET; a bare SET is trace=; "
             "!, %%class, /regex, ?name, name@64")  # fmt: skip
    add("-P", "--trace-path", action="append", default=[], metavar="PATH", help="only what is about this path")
    add("-z", "--successful-only", dest="status", action="store_const", const="successful", help="what succeeds")
    add("-Z", "--failed-only", dest="status", action="store_const", const="failed", help="what fails")
    add("--min-duration", type=duration, metavar="D", help="what takes at least 500us, 20ms, 5s, ...")
    add("--limit", type=_positive, default=0, metavar="N", help="end after N lines")


def add_capture(parser: argparse.ArgumentParser) -> None:
    """What of them."""
    group = parser.add_argument_group("what is captured (as strace)")
    add = group.add_argument
    add("-y", "--decode-fds", action="count", default=0, help="what descriptors are; -yy: addresses of sockets too")
    add("-Y", "--decode-pids-comm", action="store_true", help="the name of each PID's process")
    add("--decode-pids", action="append", default=[], choices=["comm", "pidns"], help="pidns: PIDs of both namespaces")
    add("-s", "--string-limit", type=_natural, metavar="N", help=f"bytes of strings and data ({STRING_LIMIT})")
    add("-v", "--no-abbrev", action="store_true", help="whole structures, arrays and environments")
    add("-q", "--quiet", action="count", default=0, help="say nothing of attaching; -qq: nor of exits; -qqq: nothing")
    add("-f", "--follow-forks", action="count", default=0,
        help="follow children (they always are); -ff: with -o, a file for each task")  # fmt: skip


def add_display(parser: argparse.ArgumentParser) -> None:
    """How they are shown."""
    group = parser.add_argument_group("how it is shown (as strace)")
    add = group.add_argument
    add("-x", "--strings-in-hex", action="count", default=0, help="non-ASCII strings in hex; -xx: all strings")
    add("-X", "--const-print-style", choices=list(CONSTANTS), default="abbrev", metavar="STYLE",
        help="constants: raw, abbrev or verbose (both)")  # fmt: skip
    add("-a", "--columns", type=_natural, default=COLUMN, metavar="N", help=f"the column of results ({COLUMN})")
    add("-i", "--instruction-pointer", action="store_true", help="the instruction pointer")
    add("-t", "--absolute-timestamps", action="count", default=0, help="time of day; -tt: to µs; -ttt: since 1970")
    add("-r", "--relative-timestamps", action="store_true", help="time since the line before")
    add("-T", "--syscall-times", action="store_true", help="time spent in each call")
    add("--output-separately", action="store_true", help="with -o, a file for each task: FILE.TID")
    add("--format", choices=list(FORMATS), default="strace", help="text as strace's, or JSON, one object a line")
    add("-o", "--output", metavar="FILE", help="write to a file, or to a command: '|COMMAND' or '!COMMAND'")


def display_defaults() -> dict[str, object]:
    """Of all flags that are not about what is captured, for a command that has none of them."""
    parser = argparse.ArgumentParser(add_help=False)
    for add in (add_display, add_summaries, add_redaction):
        add(parser)
    return vars(parser.parse_args([]))


def add_redaction(parser: argparse.ArgumentParser) -> None:
    """What is not shown."""
    group = parser.add_argument_group("what is left out")
    group.add_argument("--no-data", action="store_true", help="no data of files and sockets: their addresses alone")
    group.add_argument("--mask", action="append", default=[], metavar="REGEX", help="what matches is [masked]")
    group.add_argument("--mask-exec", action="store_true", help="arguments and environment of exec are [masked]")


def add_summaries(parser: argparse.ArgumentParser) -> None:
    """Tables."""
    group = parser.add_argument_group("tables (as strace)")
    add = group.add_argument
    add("-c", "--summary-only", action="store_true", help="count calls, errors and time; print tables, no lines")
    add("-C", "--summary", action="store_true", help="lines, and then the tables")
    add("--summary-wall-clock", action="store_true", help="wall time (it always is); with -c or -C also -w")
    add("-S", "--summary-sort-by", metavar="COLUMN", help="sort by this column, as strace does (time)")
    add("-U", "--summary-columns", metavar="COLUMNS", help="columns to show, as strace names them")


KEPT_TOO = (
    "keep the records in FILE too, for `stracelet replay`; `-`: standard output. With -c or -C, -w is strace's flag, "
    "which takes no value"
)


def add_recording(parser: argparse.ArgumentParser, write: str = KEPT_TOO) -> None:
    """Where records are kept."""
    group = parser.add_argument_group("records")
    group.add_argument("-w", "--write", metavar="FILE", help=write)
    group.add_argument("--rotate-size", type=_size, default=0, metavar="SIZE", help="begin FILE anew at 100MB, 1G, ...")
    group.add_argument("--rotate-keep", type=_natural, default=9, metavar="N", help="files to keep then (9)")
    group.add_argument("--lossless", action="store_true",
                       help="wait for a slow reader, and drop no record (with `-- COMMAND` it is so)")  # fmt: skip


def add_refused(parser: argparse.ArgumentParser) -> None:
    for flag, why in REFUSED.items():
        parser.add_argument(flag, action=Refused, const=why)


def wish_of(args: argparse.Namespace, settings: Config, *, node: str) -> Wish:
    """What the flags ask for. UsageError."""
    said = parse_expressions(args.expression)
    filter_ = said.filter
    if args.status:
        filter_ = replace(filter_, statuses=STATUSES[args.status])
    if args.min_duration:
        filter_ = replace(filter_, min_duration_ns=round(args.min_duration * 1e9))
    redaction = settings.trace
    options = PrintOptions(
        format=FORMATS[args.format],
        string_limit=STRING_LIMIT if args.string_limit is None else args.string_limit,
        column=args.columns,
        hex=min(args.strings_in_hex, 2),
        constants=CONSTANTS[args.const_print_style],
        time=_time(args),
        limit=args.limit,
        node=node,
        flags=_print_flags(args, said, settings),
        paths=tuple(args.trace_path),
        masks=(*redaction.mask, *args.mask),
    )
    options.printer(filter_)  # a mask that is none is refused before anything is started
    counts = args.summary_only or args.summary
    wish = Wish(
        filter=filter_,
        options=options,
        layout=Layout(
            DEFAULT_COLUMNS if args.summary_columns is None else parse_columns(args.summary_columns),
            by_time if args.summary_sort_by is None else parse_order(args.summary_sort_by),
        ),
        lines=not args.summary_only,
        counts=counts,
        output=args.output,
        separate=args.output_separately or args.follow_forks > 1,
        write=getattr(args, "write", None),
        rotation=Rotation(getattr(args, "rotate_size", 0), getattr(args, "rotate_keep", 0)),
        lossless=getattr(args, "lossless", False),
        quiet=args.quiet,
    )
    _check(wish)
    return _as_written(wish)


def _check(wish: Wish) -> None:
    """UsageError: what does not go together."""
    if wish.counts and wish.separate and wish.output is not None:
        raise UsageError("-ff with -o and -c or -C do not go together: a table is of all tasks")
    if wish.separate and wish.output is not None and wish.output[:1] in ("|", "!"):
        raise UsageError("-ff takes a file's name with -o, not a command")
    if wish.write == "-" and wish.rotation.size:
        raise UsageError("--rotate-size needs a file to rotate, and -w - is standard output")
    if wish.rotation.size and wish.write is None:
        raise UsageError("--rotate-size is of the file of -w, and there is none")


def _as_written(wish: Wish) -> Wish:
    """Before each line its PID, as strace -f writes to a file; none where each task has its own."""
    if wish.output is None:
        return wish
    if wish.separate:
        return wish.with_flags(no_pid=True, no_attach=True)
    return wish.with_flags(always_pid=True, no_attach=True)


def _time(args: argparse.Namespace) -> int:
    if args.relative_timestamps:
        return RELATIVE
    return int(TIMES[min(args.absolute_timestamps, len(TIMES) - 1)])


def _print_flags(args: argparse.Namespace, said: Expressions, settings: Config) -> Flags:
    quiet = said.quiet or 0
    descriptors = said.descriptors or 0
    pids = said.pids or 0
    return Flags(
        duration=args.syscall_times,
        ip=args.instruction_pointer,
        verbose=args.no_abbrev if said.verbose is None else said.verbose,
        descriptors=args.decode_fds > 0 or descriptors != 0,
        addresses=args.decode_fds > 1 or descriptors > 1,
        comms=args.decode_pids_comm or "comm" in args.decode_pids or bool(pids & 1),
        pidns="pidns" in args.decode_pids or bool(pids & 2),
        no_data=args.no_data or not settings.trace.data,
        mask_exec=args.mask_exec or settings.trace.mask_exec,
        no_attach=args.quiet > 0 or bool(quiet & ATTACH),
        no_exit=args.quiet > 1 or bool(quiet & EXIT),
    )


def duration(text: str) -> float:
    """Seconds; for argparse, which wants its own error."""
    try:
        nanoseconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not nanoseconds:
        raise argparse.ArgumentTypeError("expected a duration above 0")
    return nanoseconds / 1e9


def _natural(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected a number of 0 or more, found {text!r}")
    return int(text)


def _positive(text: str) -> int:
    number = _natural(text)
    if not number:
        raise argparse.ArgumentTypeError("expected a number above 0")
    return number


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})(K|M|G|KB|MB|GB)?", text, re.ASCII)
    size = int(found[1]) * SIZES[found[2] or ""] if found else 0
    if size < SMALLEST_FILE:
        raise argparse.ArgumentTypeError(f"expected a size of 1M or more, such as 100MB or 1G, found {text!r}")
    return size
