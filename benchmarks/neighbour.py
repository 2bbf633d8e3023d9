# SPDX-License-Identifier: Apache-2.0
"""A container that is not traced, while another one is: whether its calls take longer."""

from __future__ import annotations

from benchmarks.paired.containers import container
from benchmarks.paired.loads import Loop, sleepers
from benchmarks.paired.processes import children
from benchmarks.paired.ratios import plain
from benchmarks.paired.results import Row, options
from benchmarks.paired.tracers import OPTIONS, STRACELET, Tracer

NAME = "not traced, beside a traced container"


def main() -> None:
    wanted = options(__doc__ or "", pairs=25, window=1.0)
    with sleepers(1) as pid, container(pid, *children(pid)) as target, Loop() as loop, container(loop.pid):

        def beside_a_trace() -> float:
            with Tracer([STRACELET, "trace", *OPTIONS, target], [pid]):
                return loop.seconds_per_call(wanted.window)

        def undisturbed() -> float:
            return loop.seconds_per_call(wanted.window)

        def compare() -> Row:
            pairs = plain(wanted.pairs, first=undisturbed, second=beside_a_trace)
            return Row(NAME, "call", pairs, first="without", second="with", interval=True)

        wanted.add(NAME, compare)
    wanted.publish("neighbour")


if __name__ == "__main__":
    main()
