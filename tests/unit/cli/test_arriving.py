# SPDX-License-Identifier: Apache-2.0
"""Lines on their way from an agent to the output: whole, bounded, and nothing steers a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from stracelet.cli.arriving import MOST_BYTES, Arriving

SCHEMA = json.loads((Path(__file__).resolve().parents[3] / "docs/record.schema.json").read_text())


def taken(arriving: Arriving, size: int = 7) -> str:
    """All that there is, in small pieces."""
    buffer, found = bytearray(size), b""
    while length := arriving.read(buffer, all_=True):
        found += buffer[:length]
    return found.decode()


def test_lines_are_whole_however_they_are_read() -> None:
    arriving = Arriving(data=False)
    lines = [f"line {n} \u20ac" for n in range(50)]
    for line in lines:
        arriving.put(1, line)
    assert taken(arriving).splitlines() == lines
    assert arriving.info().dropped == 0


def test_what_finds_no_room_is_counted_and_told_where_it_is_missing() -> None:
    arriving = Arriving(data=False)
    long = "x" * 999
    for _ in range(MOST_BYTES // 1000 + 11):
        arriving.put(1, long)
    first = taken(arriving, 1 << 20).splitlines()
    lost = MOST_BYTES // 1000 + 11 - first.count(long)
    assert lost > 0
    assert first[-1] == f"!!! {lost} records lost here !!!"
    arriving.lost(1, 2)
    arriving.put(3, "on")
    assert taken(arriving).splitlines() == ["!!! 1 record lost here !!!", "on"]
    assert arriving.dropped == lost + 1


def test_what_is_missing_from_json_is_a_record_too() -> None:
    arriving = Arriving(data=True, node="n")
    arriving.lost(3, 1_500_000_000_000_000_001)
    arriving.put(1_600_000_000_000_000_002, '{"a":"\x1b\x7f"}')
    note, line = map(json.loads, taken(arriving).splitlines())
    jsonschema.validate(note, SCHEMA)
    assert (note["count"], note["since"]) == (3, "2017-07-14T02:40:00.000000001Z")
    assert line == {"a": "\x1b\x7f"}


def test_colours_alone_reach_the_terminal() -> None:
    arriving = Arriving(data=False)
    arriving.put(1, "\x1b[36mredis\x1b[m | write(1, \x1b]0;title\x07, \x1b[2J")
    assert taken(arriving) == "\x1b[36mredis\x1b[m | write(1, \\x1b]0;title\\x07, \\x1b[2J\n"
