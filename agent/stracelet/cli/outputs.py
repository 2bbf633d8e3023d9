# SPDX-License-Identifier: Apache-2.0
"""Where a trace's lines, tables and records go: opened while all rights are still here, closed at the end."""

from __future__ import annotations

import os
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.records.consumers import Counts, Lines, Recording, Sieve
from stracelet.records.openers import opener
from stracelet.records.printing import FORMATS
from stracelet.records.sinks import CommandSink, DescriptorSink, SeparateSink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from stracelet.native import Printer
    from stracelet.records.consumers import Consumer
    from stracelet.records.files import Writer
    from stracelet.records.openers import Opener
    from stracelet.records.sinks import Sink
    from stracelet.traces.flags import Wish

STDOUT, STDERR = 1, 2
STANDARD_OUTPUT = "-"


@dataclass
class Outputs:
    """`sink`: for lines and tables; `counted`: whose cells the table shows, if it is of records."""

    sink: Sink
    consumers: Sequence[Consumer]
    lines: Printer | None
    counted: Printer | None
    watched: int | None

    def table(self, text: str) -> None:
        """After the lines."""
        self.sink.write(text.encode("utf-8", "backslashreplace"))


def open_outputs(
    stack: ExitStack, wish: Wish, otherwise: int, *, keeps_rights: bool, named: bool, command: bool
) -> Outputs:
    """Opens all that `wish` names, to be closed by `stack`. OutputError.

    `otherwise`: where lines go without -o; `named`: all containers are known from the start.
    """
    sink = open_sink(stack, wish, otherwise, keeps_rights=keeps_rights)
    wish = coloured(wish, otherwise)
    consumers: list[Consumer] = []
    lines = counted = None
    if wish.write is not None:  # first: what is printed is kept, whatever becomes of the sink
        consumers.append(_recording(wish, keeps_rights=keeps_rights, named=named, command=command))
    if wish.lines:
        lines = wish.options.printer(wish.filter)
        consumers.append(Lines(lines, sink))
    if wish.counts_records:
        counted = wish.counts_printer()
        consumers.append(Counts(counted))
    return Outputs(sink, consumers, lines, counted, watched(wish, otherwise))


def coloured(wish: Wish, descriptor: int) -> Wish:
    """In colour on a terminal, if nobody has said that he wants none (no-color.org)."""
    text = wish.options.format == FORMATS["strace"] and wish.output is None
    return wish.with_flags(colour=text and os.isatty(descriptor) and not os.environ.get("NO_COLOR"))


def open_sink(stack: ExitStack, wish: Wish, otherwise: int, *, keeps_rights: bool) -> Sink:
    """For lines and tables. OutputError."""
    text = wish.output
    if text is None:
        sys.stdout.flush()
        return DescriptorSink(otherwise)
    sink: Sink
    if text[:1] in ("|", "!"):
        sink = CommandSink(text[1:])
    elif wish.separate:
        sink = SeparateSink(opener(Path(text), keeps_rights=keeps_rights), text)
    else:
        sink = DescriptorSink(opener(Path(text), keeps_rights=True).open(), text, owned=True)
    stack.callback(sink.close)
    return sink


def _recording(wish: Wish, *, keeps_rights: bool, named: bool, command: bool) -> Recording:
    from stracelet.records import files  # noqa: PLC0415 - zstandard takes a while to load

    path = str(wish.write)
    uname = os.uname()
    header = files.Header(
        node=uname.nodename,
        machine=uname.machine,
        started_ns=time.time_ns(),
        capture=wish.capture,
        several=wish.options.flags.container,
        command=command,
    )

    def writer(by: Opener | None) -> Writer:
        sink = DescriptorSink(STDOUT) if by is None else DescriptorSink(by.open(), f"-w {path}", owned=True)
        return files.Writer(sink.write, sink.close, header)

    opens = None
    if path != STANDARD_OUTPUT:
        opens = opener(Path(path), keeps_rights=keeps_rights or not wish.rotation.size)
    return Recording(
        open_=writer,
        opener=opens,
        rotate_size=wish.rotation.size,
        keep=wish.rotation.keep,
        sieve=None if named else Sieve(),
    )


def watched(wish: Wish, otherwise: int) -> int | None:
    """A pipe whose reader may go, and be no failure."""
    if wish.output is not None or not wish.lines:
        return None
    mode = os.fstat(otherwise).st_mode
    return otherwise if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None
