# SPDX-License-Identifier: Apache-2.0
"""The flags of a trace that an agent makes for somebody else, and what they ask for."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from stracelet.errors import UsageError
from stracelet.traces import flags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stracelet.config import Config
    from stracelet.traces.flags import Wish

MOST_FLAGS = 64
MOST_CHARACTERS = 8192
LONGEST_STRING = 64 << 10
WIDEST = 1000
# What these ask for happens where the client is, or holds up what others share.
NOT_HERE = {
    "output": "-o writes where the client runs",
    "output_separately": "--output-separately writes where the client runs",
}
NOT_OF_OTHERS = {"mask": "--mask is the agent's own (trace.mask of its configuration)"}
EACH_LINE = {"container": True}
# Of a table that is made of two snapshots, these cannot be told.
OF_RECORDS = {"shortest", "longest"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


@dataclass(frozen=True)
class Served:
    """`duration`: seconds; None: it is not asked to end by itself."""

    wish: Wish
    duration: float | None


def served(
    given: Sequence[str], settings: Config, *, node: str, lines: Mapping[str, bool] = EACH_LINE, host: bool = False
) -> Served:
    """What the flags ask for. UsageError: they make no sense, or are not for an agent to honour.

    `lines`: print flags besides; `host`: who asks may do anything on this host.
    """
    if len(given) > MOST_FLAGS or sum(map(len, given)) > MOST_CHARACTERS:
        raise UsageError(f"more than {MOST_FLAGS} flags, or more than {MOST_CHARACTERS} characters of them")
    parser = _parser()
    try:
        args = parser.parse_args(list(given))
    except argparse.ArgumentError as error:
        raise UsageError(str(error)) from error
    refused = NOT_HERE if host else NOT_HERE | NOT_OF_OTHERS
    for name, why in refused.items():
        if getattr(args, name):
            raise UsageError(why)
    if (args.string_limit or 0) > LONGEST_STRING:
        raise UsageError(f"-s {args.string_limit}: an agent takes at most {LONGEST_STRING}")
    if args.columns > WIDEST:
        raise UsageError(f"-a {args.columns}: an agent takes at most {WIDEST}")
    if not host and any("/" in expression for expression in args.expression):
        # Python's regular expressions take as long as their author likes, and all others would wait.
        raise UsageError("-e trace=/REGEX: an agent takes names and classes (%file, ...)")
    wish = flags.wish_of(args, settings, node=node)
    shown = {column.heading for column in wish.layout.columns}
    wish = replace(wish, table_of_records=wish.counts and bool(shown & OF_RECORDS))
    return Served(wish.with_flags(no_attach=True, stamps=True, **lines), args.duration)


def _parser() -> _Parser:
    parser = _Parser(prog="the trace's flags", add_help=False, allow_abbrev=False, exit_on_error=False)
    flags.add_filters(parser)
    flags.add_capture(parser)
    flags.add_display(parser)
    flags.add_summaries(parser)
    flags.add_redaction(parser)
    flags.add_refused(parser)
    parser.add_argument("--duration", type=flags.duration)
    return parser
