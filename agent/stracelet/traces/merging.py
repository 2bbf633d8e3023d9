# SPDX-License-Identifier: Apache-2.0
"""What several traces want of one tracer, as one."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from stracelet.records.filters import Filter
from stracelet.records.printing import Capture
from stracelet.records.sets import Calls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stracelet.traces.flags import Wish


def filter_of(wishes: Iterable[Wish]) -> Filter:
    """What passes any of their filters passes it, and perhaps more."""
    return reduce(_either, (wish.filter for wish in wishes))


def _either(one: Filter, other: Filter) -> Filter:
    return Filter(
        calls=Calls(
            tuple(a | b for a, b in zip(one.calls.bits, other.calls.bits, strict=True)),
            unnamed=one.calls.unnamed or other.calls.unnamed,
        ),
        signals=one.signals | other.signals,
        statuses=one.statuses | other.statuses,
        min_duration_ns=min(one.min_duration_ns, other.min_duration_ns),
        dump_reads=one.dump_reads | other.dump_reads,
        dump_writes=one.dump_writes | other.dump_writes,
    )


def capture_of(wishes: Iterable[Wish]) -> Capture:
    """All that any of them shows is captured."""
    captures = [wish.capture for wish in wishes]
    return Capture(
        verbose=any(each.verbose for each in captures),
        descriptors=any(each.descriptors for each in captures),
        addresses=any(each.addresses for each in captures),
        pids=any(each.pids for each in captures),
        no_data=all(each.no_data for each in captures),
        string_limit=max(each.string_limit for each in captures),
    )
