# SPDX-License-Identifier: Apache-2.0
"""Calls line by line: what `trace -o /dev/null` adds, against `strace -f -o /dev/null` with the same flags.

Of calls that a filter leaves out it is compared with our own `trace -c`, which has to cost as much.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.paired.against_strace import against_strace, attached
from benchmarks.paired.loads import Loop
from benchmarks.paired.ratios import added
from benchmarks.paired.results import Options, Row, options
from benchmarks.paired.tracers import LINES, OPTIONS, STRACELET, stracelet
from benchmarks.redis import Server, loaded_server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# No call of the mix, nor any signal.
NOTHING = [*LINES, "-e", "trace=swapoff", "-e", "signal=none"]


def mixed(name: str, wanted: Options) -> Row:
    with Loop(calls="mixed") as loop:
        pairs = against_strace(loop.seconds_per_call, [loop.pid], wanted, flags=LINES)
    return Row(name, "call", pairs, bound=0.85)


def redis(name: str, server: Server, flags: Sequence[str], wanted: Options, bound: float) -> Row:
    pairs = against_strace(server.seconds_per_request, [server.pid], wanted, flags=flags)
    return Row(name, "request", pairs, bound=bound)


def filtered(name: str, wanted: Options) -> Row:
    """Calls that nobody asked for cost no more than calls that are counted."""
    with Loop(calls="mixed") as loop:

        def under(flags: Sequence[str]) -> float:
            return attached(loop.seconds_per_call, partial(stracelet, flags=flags), [loop.pid], (), wanted)

        pairs = added(
            wanted.pairs,
            bare=lambda: loop.seconds_per_call(wanted.window),
            first=lambda: under(OPTIONS),
            second=lambda: under(NOTHING),
        )
    return Row(name, "call", pairs, first="trace -c", second="no call matches", bound=1.05)


def from_the_start(name: str, wanted: Options) -> Row:
    """A command waits for its lines, where a target that is attached to would drop them."""

    def started(under: Sequence[str | Path]) -> float:
        with Loop(calls="mixed", under=under) as loop:
            time.sleep(wanted.settle)
            return loop.seconds_per_call(wanted.window)

    pairs = added(
        wanted.pairs,
        bare=lambda: started([]),
        first=lambda: started(["strace", *LINES]),
        second=lambda: started([STRACELET, "trace", *LINES, "--"]),
    )
    return Row(name, "call", pairs)


def main() -> None:
    wanted = options(__doc__ or "")
    for name, measure in (
        ("lines, mixed calls in a tight loop", mixed),
        ("lines, mixed calls, a command", from_the_start),
        ("lines, mixed calls, none matches", filtered),
    ):
        wanted.add(name, lambda name=name, measure=measure: measure(name, wanted))
    with loaded_server() as server:
        for name, flags, bound in (
            ("lines, redis GET", LINES, 0.45),
            ("lines, redis GET, -y", [*LINES, "-y"], 0.35),
        ):
            wanted.add(name, lambda args=(name, server, flags, wanted, bound): redis(*args))
    wanted.publish("records")


if __name__ == "__main__":
    main()
