# SPDX-License-Identifier: Apache-2.0
"""Lines of several nodes: in the order of time as far as it is known, and never late for more than a second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubectl_strace import merging
from kubectl_strace.merging import Entry, Merger


def lines(stream: str, *times: int) -> list[Entry[str]]:
    return [Entry(time, stream, f"{stream}{time}", at) for at, time in enumerate(times, 1)]


def texts(entries: list[Entry[str]]) -> list[str]:
    return [entry.text for entry in entries]


def merger(*streams: str) -> Merger[str]:
    made: Merger[str] = Merger()
    for stream in streams:
        made.open(stream)
    return made


def test_one_stream_waits_for_nobody() -> None:
    merged = merger("a")
    merged.add(lines("a", 1, 2), now=0.0)
    assert texts(merged.take(now=0.0)) == ["a1", "a2"]


def test_a_line_waits_until_no_older_one_can_come() -> None:
    merged = merger("a", "b")
    merged.add(lines("a", 10, 20), now=0.0)
    assert merged.take(now=0.1) == []
    merged.passed("b", 15)
    assert texts(merged.take(now=0.2)) == ["a10"]
    merged.add(lines("b", 18, 30), now=0.3)
    assert texts(merged.take(now=0.3)) == ["b18", "a20"]
    assert merged.holds
    merged.passed("a", 30)
    assert texts(merged.take(now=0.4)) == ["b30"]


def test_a_silent_stream_holds_a_line_for_a_second_alone() -> None:
    merged = merger("a", "b")
    merged.add(lines("a", 10), now=5.0)
    assert merged.take(now=5.9) == []
    merged.add(lines("b", 5), now=5.95)
    assert texts(merged.take(now=5.95)) == ["b5"], "a's is newer, and b may bring one between"
    assert texts(merged.take(now=6.0)) == ["a10"]


def test_what_is_older_goes_before_what_has_waited_long_enough() -> None:
    merged = merger("a", "b", "c")
    merged.add(lines("a", 10), now=0.0)
    merged.add(lines("b", 5), now=0.9)
    assert texts(merged.take(now=1.0)) == ["b5", "a10"]


def test_a_stream_that_has_ended_holds_nothing() -> None:
    merged = merger("a", "b")
    merged.add(lines("a", 10), now=0.0)
    merged.add(lines("b", 11), now=0.0)
    merged.close("b")
    merged.close("a")
    assert texts(merged.take(now=0.0)) == ["a10", "b11"]


def test_what_is_held_is_bounded() -> None:
    merged = merger("a", "b")
    merged.add(lines("a", *range(merging.HELD_LINES + 5)), now=0.0)
    assert texts(merged.take(now=0.0)) == [f"a{time}" for time in range(5)]


TIMES = st.lists(st.integers(0, 100), max_size=20).map(sorted)


@given(st.lists(TIMES, min_size=1, max_size=4), st.data())
def test_whatever_comes_when_all_is_in_order(streams: list[list[int]], data: st.DataObject) -> None:
    """As long as nobody waits for too long: each stream's lines come in pieces, in any order of the streams."""
    merged = merger(*map(str, range(len(streams))))
    left = {str(at): lines(str(at), *times) for at, times in enumerate(streams)}
    got: list[Entry[str]] = []
    while any(left.values()):
        stream = data.draw(st.sampled_from(sorted(name for name in left if left[name])))
        count = data.draw(st.integers(1, len(left[stream])))
        merged.add(left[stream][:count], now=0.0)
        left[stream] = left[stream][count:]
        if not left[stream]:
            merged.close(stream)
        got += merged.take(now=0.0)
    got += merged.flush()
    assert [entry.time for entry in got] == sorted(time for times in streams for time in times)
    for stream in left:
        assert [entry.position for entry in got if entry.stream == stream] == list(
            range(1, len(streams[int(stream)]) + 1)
        )
