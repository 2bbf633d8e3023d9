# SPDX-License-Identifier: Apache-2.0
"""Pairs measured side by side, and what follows from them: ratios, their median, and how sure it is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Measure = Callable[[], float]


@dataclass(frozen=True)
class Pair:
    """Seconds per unit: what `first` and `second` cost, and where they are *added* to something, that too (`bare`)."""

    first: float
    second: float
    bare: float | None = None

    @property
    def ratio(self) -> float:
        """The second's cost as a multiple of the first's."""
        return self.second / self.first


class TooNoisy(Exception):
    """Other work on the machine drowned what was to be measured."""


def added(pairs: int, *, bare: Measure, first: Measure, second: Measure) -> list[Pair]:
    """Measures in turn, and takes from each figure the one without a tracer just before it.

    Every other pair goes the other way round, so that a drift of the machine favours neither. A pair in which `first`
    adds nothing has no ratio, and is measured again; TooNoisy, if that is so in more than one pair of four.
    """
    found: list[Pair] = []
    failed = 0
    while len(found) < pairs:
        costs, bares = {}, []
        for measure in (first, second) if len(found) % 2 == 0 else (second, first):
            bares.append(bare())
            costs[measure] = measure() - bares[-1]
        if costs[first] > 0:
            found.append(Pair(costs[first], costs[second], statistics.mean(bares)))
            continue
        failed += 1
        if failed * 4 > max(pairs, 4):
            raise TooNoisy(f"what is compared with added {costs[first] * 1e6:.3f} us: the machine is too busy")
    return found


def plain(pairs: int, *, first: Measure, second: Measure) -> list[Pair]:
    """Measures in turn, every other pair the other way round; the ratio is that of the figures as they are."""
    found = []
    for number in range(pairs):
        if number % 2 == 0:
            cost, cost_of_second = first(), second()
        else:
            cost_of_second, cost = second(), first()
        found.append(Pair(cost, cost_of_second))
    return found


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """The interval of at least this confidence for the median, whatever the distribution.

    The median lies between the k-th smallest and the k-th largest value unless fewer than k of n tosses of a coin
    fell on one side (a sign test, turned round). Below 6 values no interval reaches 95 %: ValueError.
    """
    ordered, n = sorted(values), len(values)
    outside, k = 0.0, 0
    while outside + 2 * math.comb(n, k) / 2**n <= 1 - confidence:
        outside += 2 * math.comb(n, k) / 2**n
        k += 1
    if k == 0:
        raise ValueError(f"{n} values are too few for an interval of {confidence:.0%}")
    return ordered[k - 1], ordered[n - k]


def median(values: Sequence[float]) -> float:
    """Of at least one value."""
    return statistics.median(values)
