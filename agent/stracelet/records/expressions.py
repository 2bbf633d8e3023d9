# SPDX-License-Identifier: Apache-2.0
"""strace's -e: a qualifier and a set, collected into what they mean. Of a kind the last one counts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stracelet.errors import UsageError
from stracelet.records.filters import STATUS_BITS, Filter
from stracelet.records.sets import parse_calls, parse_descriptors, parse_signals, parse_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

QUIET = {"attach": 0, "personality": 1, "exit": 2, "path-resolution": 3, "thread-execve": 4, "superseded": 4}
DECODED = {"path": 0, "dev": 1, "socket": 2, "pidfd": 3}
PIDS = {"comm": 0, "pidns": 1}


@dataclass(frozen=True)
class Expressions:
    """What all -e say. None: it was not said. Bits are those of QUIET, DECODED and PIDS."""

    filter: Filter = field(default_factory=Filter)
    verbose: bool | None = None
    quiet: int | None = None
    descriptors: int | None = None
    pids: int | None = None


def parse_expressions(texts: Iterable[str]) -> Expressions:
    """UsageError: what one of them says is unknown, or is not done here."""
    said = Expressions()
    for text in texts:
        qualifier, equals, set_ = text.partition("=")
        if not equals:
            qualifier, set_ = "trace", text
        apply = _QUALIFIERS.get(qualifier)
        if apply is None:
            raise UsageError(
                f"-e: unknown qualifier '{qualifier}' in '{text}' "
                "(known: trace, status, signal, read, write, quiet, abbrev, decode-fds, decode-pids)"
            )
        said = apply(said, set_)
    return said


def _filtered(said: Expressions, **changes: object) -> Expressions:
    return replace(said, filter=replace(said.filter, **changes))  # type: ignore[arg-type]


def _trace(said: Expressions, text: str) -> Expressions:
    return _filtered(said, calls=parse_calls(text))


def _status(said: Expressions, text: str) -> Expressions:
    return _filtered(said, statuses=parse_words(text, STATUS_BITS, "-e status"))


def _signal(said: Expressions, text: str) -> Expressions:
    return _filtered(said, signals=parse_signals(text))


def _read(said: Expressions, text: str) -> Expressions:
    return _filtered(said, dump_reads=parse_descriptors(text, "-e read"))


def _write(said: Expressions, text: str) -> Expressions:
    return _filtered(said, dump_writes=parse_descriptors(text, "-e write"))


def _abbrev(said: Expressions, text: str) -> Expressions:
    """Of all calls or of none: which of them are abbreviated is not chosen one by one here."""
    if text not in ("all", "none"):
        raise UsageError(f"-e abbrev={text}: only all and none are done here (none is -v)")
    return replace(said, verbose=text == "none")


def _quiet(said: Expressions, text: str) -> Expressions:
    return replace(said, quiet=parse_words(text, QUIET, "-e quiet"))


def _descriptors(said: Expressions, text: str) -> Expressions:
    return replace(said, descriptors=parse_words(text, DECODED, "-e decode-fds"))


def _pids(said: Expressions, text: str) -> Expressions:
    return replace(said, pids=parse_words(text, PIDS, "-e decode-pids"))


def _refuse(what: str, why: str) -> Callable[[Expressions, str], Expressions]:
    def refuse(_: Expressions, text: str) -> Expressions:
        raise UsageError(f"-e {what}={text}: {why}")

    return refuse


_MEDDLES = "stracelet never changes what a call does; strace can inject faults"
_QUALIFIERS: dict[str, Callable[[Expressions, str], Expressions]] = {
    **dict.fromkeys(("trace", "t"), _trace),
    "status": _status,
    **dict.fromkeys(("signal", "signals", "s"), _signal),
    **dict.fromkeys(("read", "reads", "r"), _read),
    **dict.fromkeys(("write", "writes", "w"), _write),
    **dict.fromkeys(("abbrev", "a"), _abbrev),
    **dict.fromkeys(("quiet", "silent", "silence", "q"), _quiet),
    **dict.fromkeys(("decode-fds", "decode-fd"), _descriptors),
    **dict.fromkeys(("decode-pids", "decode-pid"), _pids),
    "inject": _refuse("inject", _MEDDLES),
    "fault": _refuse("fault", _MEDDLES),
    **dict.fromkeys(("verbose", "v"), _refuse("verbose", "what is pointed to is always shown here")),
    **dict.fromkeys(
        ("raw", "x"), _refuse("raw", "arguments are always decoded here; -X raw shows constants as numbers")
    ),
    "kvm": _refuse("kvm", "virtual CPUs are not looked at"),
}
