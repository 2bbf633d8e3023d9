# SPDX-License-Identifier: Apache-2.0
"""Durations as users write them: `500us`, `20ms`, `5s`, `2m`."""

from __future__ import annotations

import re

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", re.ASCII)


def seconds(text: str) -> float:
    """ValueError: it is no duration, or none above 0."""
    found = DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"expected a duration such as 500us, 20ms, 5s or 2m, found {text!r}")
    value = float(found[1]) * SECONDS[found[2]]
    if not value:
        raise ValueError("expected a duration above 0")
    return value
