# SPDX-License-Identifier: Apache-2.0
"""Durations as users write them: `500us`, `20ms`, `5s`, `2m`."""

from __future__ import annotations

import re

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)")
LONGEST = 2**63
"""ns; about 292 years."""
A_DURATION = "a duration such as 500us, 20ms, 5s or 2m"


def parse_duration(text: str) -> int:
    """`500us`, `20ms`, `5s`, `2m`, `1.5h` in nanoseconds; ValueError for anything else."""
    found = DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"expected {A_DURATION}, found {text!r}")
    nanoseconds = float(found[1]) * NANOSECONDS[found[2]]
    if nanoseconds > LONGEST:
        raise ValueError(f"expected a duration of at most {LONGEST / NANOSECONDS['h']:.0f}h, found {text!r}")
    return round(nanoseconds)


def format_duration(nanoseconds: int) -> str:
    """The shortest text that parse_duration reads back: 120000000000 is `2m`."""
    for unit in ("h", "m"):
        if nanoseconds >= NANOSECONDS[unit] and nanoseconds % NANOSECONDS[unit] == 0:
            return f"{nanoseconds // NANOSECONDS[unit]}{unit}"
    unit = next((u for u in ("s", "ms", "us") if nanoseconds >= NANOSECONDS[u]), "ns")
    return f"{nanoseconds / NANOSECONDS[unit]:.9f}".rstrip("0").rstrip(".") + unit
