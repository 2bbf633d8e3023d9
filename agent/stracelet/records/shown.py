# SPDX-License-Identifier: Apache-2.0
"""Which syscalls the metrics show, as `-e trace=` says it, but by name: the metrics add up what ABIs call the same."""

from __future__ import annotations

from dataclasses import dataclass

from stracelet import native
from stracelet.errors import UsageError
from stracelet.records.sets import parse_calls

LONGEST = 1024
"""Of what a pod's author may say, in characters."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Shown:
    """`names` None: all. `unknown` is the name of what has none."""

    names: frozenset[str] | None = None

    def __contains__(self, name: object) -> bool:
        return self.names is None or name in self.names

    def narrowed(self, other: Shown) -> Shown:
        """What both show."""
        if self.names is None or other.names is None:
            return other if self.names is None else self
        return Shown(self.names & other.names)


ALL = Shown()


def parse_shown(text: str) -> Shown:
    """What `text`, the set of a `-e trace=`, names; empty: all. UsageError."""
    qualifier, equals, calls = text.partition("=")
    if equals and qualifier not in ("trace", "t"):
        raise UsageError(f"'{text}': only syscalls can be chosen, as in '%network,close'")
    chosen = calls if equals else text
    if not chosen:
        return ALL
    if "@" in chosen:
        raise UsageError(f"'{text}': ABIs are added up by name, so none can be chosen by '@'")
    parsed = parse_calls(chosen, f"'{text}'")
    names = {name for name, numbers in native.call_numbers().items() if any(each in parsed for each in numbers)}
    return Shown(frozenset(names | ({UNKNOWN} if parsed.unnamed else set())))


def parse_stated(text: str) -> Shown:
    """The same, as a pod's author may say it: no regular expression, which could take for ever. UsageError."""
    if len(text) > LONGEST:
        raise UsageError(f"longer than {LONGEST} characters")
    if "/" in text:
        raise UsageError(f"'{text}': a regular expression is for the agent's configuration alone")
    return parse_shown(text)
