# SPDX-License-Identifier: Apache-2.0
"""`stracelet trace`: what the command line asks for, and who does it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.cli import arguments, trace_command, trace_targets
from stracelet.cli.report import Layout
from stracelet.cli.summary import DEFAULT_COLUMNS, by_time, parse_columns, parse_order
from stracelet.errors import StraceletError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import TextIO

EXAMPLES = """\
examples:
  stracelet trace -c docker/redis --duration 10s    what it does for ten seconds
  stracelet trace -c --wait docker/job              a container that is not there yet, from its first exec on
  stracelet trace -c -l app=web -A -S calls         all containers of these pods, what is called most first
  stracelet trace -c -- ls /                        a command of your own, as strace does
"""


class Trace:
    name = "trace"
    summary = "trace containers by name, or a command, and print what they called"
    takes_command_line = True

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        parser.epilog = EXAMPLES
        parser.usage = "stracelet trace -c [options] TARGET...\n       stracelet trace -c [options] -- COMMAND [ARG...]"
        arguments.add_targets(parser)
        arguments.add_config(parser)
        parser.add_argument(
            "-c", "--summary-only", action="store_true", help="count calls, errors and time; print tables"
        )
        parser.add_argument("-w", "--summary-wall-clock", action="store_true", help="wall time (it always is)")
        parser.add_argument("-f", "--follow-forks", action="store_true", help="follow children (they always are)")
        parser.add_argument(
            "-S", "--summary-sort-by", metavar="COLUMN", help="sort by this column, as strace does (time)"
        )
        parser.add_argument("-U", "--summary-columns", metavar="COLUMNS", help="columns to show, as strace names them")
        parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the tables to this file")
        parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors on the way")
        parser.add_argument("--duration", metavar="D", type=arguments.duration, help="end after 500ms, 10s, 2m, ...")
        parser.add_argument("--wait", action="store_true", help="wait for what does not exist yet; end by Ctrl-C")

    def run(self, args: argparse.Namespace) -> int:
        layout = Layout(
            DEFAULT_COLUMNS if args.summary_columns is None else parse_columns(args.summary_columns),
            by_time if args.summary_sort_by is None else parse_order(args.summary_sort_by),
        )
        if not args.summary_only:
            raise UsageError(
                "single calls are not shown in this version, only summaries", help_text="Add -c: stracelet trace -c ..."
            )
        if args.command_line is not None:
            return self._command(args, layout)
        if not args.targets and args.selector is None:
            raise UsageError(
                "nothing to trace: no TARGET, no -l SELECTOR, no `-- COMMAND`",
                help_text="`stracelet ps` lists the containers on this node.",
            )
        # strace writes to stderr because stdout is its command's; here there is no other output.
        with destination(args.output, sys.stdout) as out:
            return trace_targets.run(arguments.Wanted.of(args), layout, out, quiet=args.quiet)

    def _command(self, args: argparse.Namespace, layout: Layout) -> int:
        if args.targets or args.selector is not None:
            raise UsageError("targets and `-- COMMAND` do not go together: trace one or the other")
        if not args.command_line:
            raise UsageError("nothing after `--`: expected a command")
        if args.wait:
            raise UsageError("--wait waits for containers: it does not go with `-- COMMAND`")
        with destination(args.output, sys.stderr) as out:
            return trace_command.run(args.command_line, layout, out, duration=args.duration)


@contextmanager
def destination(path: Path | None, otherwise: TextIO) -> Iterator[TextIO]:
    """The file to write to, opened while all rights are still here. Raises StraceletError."""
    if path is None:
        yield otherwise
        return
    try:
        file = path.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise StraceletError(f"-o: {path} cannot be written: {error.strerror}") from error
    with file:
        yield file
