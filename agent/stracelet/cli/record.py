# SPDX-License-Identifier: Apache-2.0
"""`stracelet record`: keeps the records of what is traced in a file, and prints nothing of them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from stracelet.cli import arguments, trace
from stracelet.errors import UsageError
from stracelet.traces import flags

if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
examples:
  stracelet record docker/redis -w redis.rec -s 256 -y     until Ctrl-C; then: stracelet replay redis.rec -y
  stracelet record -l app=web -A -w web.rec --rotate-size 100MB --rotate-keep 5
  stracelet record -w - -- make | stracelet replay -       as it comes
"""


class Record:
    name = "record"
    summary = "keep what containers, or a command, call in a file, for `stracelet replay`"
    takes_command_line = True

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        parser.epilog = EXAMPLES
        parser.usage = (
            "stracelet record -w FILE [options] TARGET...\n       stracelet record -w FILE [options] -- COMMAND"
        )
        arguments.add_targets(parser)
        trace.add_run(parser)
        flags.add_filters(parser)
        flags.add_capture(parser)
        flags.add_recording(parser, "keep the records in FILE, for `stracelet replay`; `-`: standard output")
        parser.add_argument("--no-data", action="store_true", help="no data of files and sockets")
        flags.add_refused(parser)
        parser.set_defaults(**flags.display_defaults())  # said at the replay

    def run(self, args: argparse.Namespace) -> int:
        if args.write is None:
            raise UsageError("no file to keep the records in", help_text="Name it with -w FILE, or -w - for a pipe.")
        if args.limit or args.trace_path:
            raise UsageError("--limit and -P choose what is shown: give them to `stracelet replay`")
        trace.check_target(args)
        wanted = arguments.Wanted.of(args)
        wish = flags.wish_of(args, wanted.config, node=os.uname().nodename)
        return trace.trace(args, wanted, replace(wish, lines=False))
