# SPDX-License-Identifier: Apache-2.0
"""Lines for a client that may be slow."""

from __future__ import annotations

from stracelet.traces.backlog import AT_ONCE_BYTES, MOST_BYTES, Backlog, Line

SECOND = 10**9


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def stamped(time_ns: int, text: str) -> bytes:
    return b"%020d %s\n" % (time_ns, text.encode())


def backlog(clock: Clock, rate: int = 10**6) -> Backlog:
    return Backlog(rate=rate, news=lambda: None, clock=clock)


def test_lines_come_in_whole_with_their_time() -> None:
    lines = backlog(Clock())
    whole = stamped(5, "open() = 3") + stamped(7, "close(3) = 0")
    lines.write(whole[:30])
    lines.write(whole[30:40])
    assert lines.take() == ([Line(5, "open() = 3")], {})
    lines.write(whole[40:])
    assert lines.take() == ([Line(7, "close(3) = 0")], {})


def test_a_dumps_rows_have_the_time_of_their_call() -> None:
    lines = backlog(Clock())
    lines.write(stamped(5, "read(3)") + b" | 00000  61 62\n")
    assert lines.take()[0] == [Line(5, "read(3)"), Line(5, " | 00000  61 62")]


def test_what_is_no_utf_8_is_escaped() -> None:
    lines = backlog(Clock())
    lines.write(b"%020d \xff\n" % 5)
    assert lines.take()[0] == [Line(5, "\\xff")]


def test_what_waits_for_more_than_two_seconds_is_dropped_and_counted() -> None:
    clock = Clock()
    lines = backlog(clock)
    lines.write(stamped(1, "old") + stamped(2, "old"))
    clock.now = 2 * SECOND + 1
    lines.write(stamped(3, "new"))
    assert lines.take() == ([Line(3, "new")], {"slow": 2})
    assert lines.take() == ([], {})


def test_beyond_the_rate_lines_are_dropped_and_counted() -> None:
    clock = Clock()
    lines = backlog(clock, rate=3)
    lines.write(b"".join(stamped(i, str(i)) for i in range(5)))
    assert lines.take() == ([Line(i, str(i)) for i in range(3)], {"rate": 2})
    clock.now = SECOND
    lines.write(stamped(9, "later"))
    assert lines.take() == ([Line(9, "later")], {})


def test_its_size_is_bounded_and_so_is_what_is_taken_at_once() -> None:
    lines = backlog(Clock(), rate=10**9)
    number, text = 10_000, "x" * 1000
    lines.write(b"".join(stamped(i, text) for i in range(number)))
    taken, dropped = lines.take()
    assert 0 < dropped["slow"] < number
    assert taken[0].time_ns == dropped["slow"]
    assert sum(len(line.text) for line in taken) <= AT_ONCE_BYTES + len(text)
    while more := lines.take()[0]:
        taken += more
    assert len(taken) + dropped["slow"] == number
    assert sum(len(line.text) for line in taken) <= MOST_BYTES


def test_what_is_left_of_a_line_at_the_end_is_one() -> None:
    lines = backlog(Clock())
    lines.write(stamped(5, "accept(3, <unfinished ...>")[:-1])
    assert lines.take() == ([], {})
    lines.close()
    assert lines.take()[0] == [Line(5, "accept(3, <unfinished ...>")]
