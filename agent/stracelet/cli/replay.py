# SPDX-License-Identifier: Apache-2.0
"""`stracelet replay`: shows the records of a file as `trace` would have shown them. It needs no right, no target."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from stracelet.cli import arguments
from stracelet.cli.outputs import STDOUT, Outputs, open_outputs
from stracelet.native import NAMED_KEPT, Named, syscall_name
from stracelet.text import printable
from stracelet.traces import flags
from stracelet.traces.report import Part, report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from stracelet.records.files import Block, RecordReader
    from stracelet.traces.flags import Wish

EXAMPLES = """\
examples:
  stracelet replay redis.rec -e trace=network -T       the network calls that were recorded
  stracelet replay redis.rec -c                        a table of all of them
  ssh node sudo stracelet record docker/redis -w - | stracelet replay -
"""


class Replay:
    name = "replay"
    summary = "show the records of a file, as `trace` would have shown them"
    takes_command_line = False

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        parser.epilog = EXAMPLES
        parser.usage = "stracelet replay FILE [options]"
        parser.add_argument("file", metavar="FILE", help="what `stracelet record` wrote; `-`: standard input")
        arguments.add_config(parser, "what is left out (trace:), as in the agent's configuration")
        flags.add_filters(parser)
        flags.add_capture(parser)
        flags.add_display(parser)
        flags.add_summaries(parser)
        flags.add_redaction(parser)
        flags.add_refused(parser)

    def run(self, args: argparse.Namespace) -> int:
        from stracelet.records.files import RecordReader  # noqa: PLC0415 - zstandard takes a while to load

        settings = arguments.sources_and_paths(args.config)
        wish = flags.wish_of(args, settings, node=os.uname().nodename)
        reader = RecordReader.of(args.file)
        header = reader.header
        wish = replace(wish, options=replace(wish.options, node=header.node), table_of_records=True)
        wish = wish.with_flags(
            container=header.several,
            name_unknown=header.command,
            no_attach=wish.options.flags.no_attach or not header.command,
            no_data=wish.options.flags.no_data or header.capture.no_data,
        )
        if not args.quiet:
            for what in header.capture.lacks(wish.capture, strings=args.string_limit is not None):
                _say(f"{args.file}: nothing to show for {what}")
        with ExitStack() as stack:
            outputs = open_outputs(stack, wish, STDOUT, keeps_rights=True, named=True, command=header.command)
            playing = Playing(reader, outputs, args.file)
            try:
                playing.run()
            finally:
                if wish.counts:
                    outputs.table(report(_parts(outputs, playing.names, wish), wish.layout, syscall_name))
            playing.say()
        return 0


class Playing:
    """A file's blocks on their way to those that take them; what is known of it at its end."""

    def __init__(self, reader: RecordReader, outputs: Outputs, name: str) -> None:
        self._reader, self._outputs, self._name = reader, outputs, name
        self.names: dict[tuple[int, int], Named] = {}
        self._dropped = 0

    def run(self) -> None:
        """All blocks. RecordFileError, after what could be read is shown."""
        consumers = self._outputs.consumers
        try:
            for block in self._reader.blocks():
                self._play(block)
                if any(consumer.done for consumer in consumers):
                    break
        finally:
            for consumer in consumers:
                consumer.end(self._dropped)

    def _play(self, block: Block) -> None:
        if block.is_records:
            for consumer in self._outputs.consumers:
                consumer.take(memoryview(block.content))
        for named in block.names():
            self.names[named.slot, named.serial] = named
            for consumer in self._outputs.consumers:
                consumer.name(named)
        self._dropped += block.dropped()

    def say(self) -> None:
        """What is missing."""
        if self._reader.cut:
            _say(f"{self._name}: its last block is cut off: {self._reader.cut} bytes are not shown")
        if self._dropped:
            _say(f"{self._name}: {self._dropped} records were dropped when it was written")


def _parts(outputs: Outputs, names: dict[tuple[int, int], Named], wish: Wish) -> Sequence[Part]:
    cells = outputs.counted.cells() if outputs.counted else []
    kept = {key: named for key, named in names.items() if named.state == NAMED_KEPT}
    if len(kept) <= 1:
        return [wish.chosen(Part("", cells))]
    headings: dict[str, list[tuple[int, int]]] = {}
    for key, named in kept.items():
        headings.setdefault(_heading(named), []).append(key)
    return [
        wish.chosen(Part(heading, [cell for cell in cells if (cell.slot, cell.serial) in keys]))
        for heading, keys in sorted(headings.items())
    ]


def _heading(named: Named) -> str:
    name = f"pod/{named.pod}/{named.name}" if named.pod else named.name
    return name if ":" in named.id else f"{name} ({named.id[:12]})"


def _say(text: str) -> None:
    print(f"stracelet: {printable(text)}", file=sys.stderr, flush=True)
