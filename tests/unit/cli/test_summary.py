# SPDX-License-Identifier: Apache-2.0
"""The summary against what strace 6.1 itself printed (tests/unit/cli/strace-6.1, recorded with `strace -c -w`)."""

import re
from pathlib import Path

import pytest

from stracelet.errors import UsageError
from stracelet.traces.summary import DEFAULT_COLUMNS, Row, parse_columns, parse_order, summary

RECORDED = Path(__file__).with_name("strace-6.1")
COLUMNS_USED = "name,max-time,calls,min-time,errors,total-time"


def mask(text: str) -> str:
    """The layout alone: strace prints rounded times, so what is computed from them may differ in the last digit."""
    return re.sub(r"\d", "0", text)


def row(name: str, number: int, **values: int) -> Row:
    return Row(name, number, **{"calls": 1, "errors": 0, "sum_ns": 1000, "min_ns": 1000, "max_ns": 1000, **values})


def parse_default(text: str) -> list[Row]:
    """The rows of a table with strace's default columns, in its order."""
    rows = []
    for number, line in enumerate(text.splitlines()[2:-2]):
        fields = re.fullmatch(r" *\S+ +(\d+)\.(\d{6}) +\d+ +(\d+) (.{9}) (\S+)", line)
        assert fields, line
        whole, fraction, calls, errors, name = fields.groups()
        nanoseconds = (int(whole) * 10**6 + int(fraction)) * 1000
        rows.append(row(name, number, calls=int(calls), errors=int(errors.strip() or 0), sum_ns=nanoseconds))
    return rows


@pytest.mark.parametrize("recording", ["default", "sorted-by-calls"])
def test_default_columns_are_laid_out_as_strace_lays_them_out(recording: str) -> None:
    text = (RECORDED / recording).read_text()
    rows = parse_default(text)
    ours = summary(rows, DEFAULT_COLUMNS, order=None)
    assert mask(ours) == mask(text)
    assert [re.split(r" +", line)[-1] for line in ours.splitlines()] == [
        re.split(r" +", line)[-1] for line in text.splitlines()
    ]


def test_sorting_by_time_puts_the_rows_as_strace_does() -> None:
    text = (RECORDED / "default").read_text()
    shuffled = sorted(parse_default(text), key=lambda each: each.number % 3)
    assert [line[-10:] for line in summary(shuffled).splitlines()] == [line[-10:] for line in text.splitlines()]


def test_chosen_columns_are_byte_for_byte_strace() -> None:
    text = (RECORDED / "columns").read_text()
    rows = []
    for number, line in enumerate(text.splitlines()[2:-2]):
        name, longest, calls, shortest, *errors, seconds = line.split()
        rows.append(
            row(
                name,
                number,
                calls=int(calls),
                errors=int(errors[0]) if errors else 0,
                **{
                    key: int(value.replace(".", "")) * 1000
                    for key, value in {"sum_ns": seconds, "min_ns": shortest, "max_ns": longest}.items()
                },
            )
        )
    ours = summary(rows, parse_columns(COLUMNS_USED), parse_order("none")).splitlines()
    theirs = text.splitlines()
    assert ours[:-1] == theirs[:-1]
    assert mask(ours[-1]) == mask(theirs[-1])
    assert ours[-1].split()[:5] == theirs[-1].split()[:5]


def test_the_name_is_added_last_where_it_was_not_asked_for() -> None:
    text = (RECORDED / "name-last").read_text()
    rows = []
    for number, line in enumerate(text.splitlines()[2:-2]):
        rows.append(row(line[20:], number, calls=int(line[:9]), errors=int(line[10:19].strip() or 0)))
    assert summary(reversed(rows), parse_columns("calls,errors"), parse_order("name")) == text


def test_times_of_zero_do_not_divide_by_zero() -> None:
    lines = summary([row("getppid", 110, sum_ns=0, min_ns=0, max_ns=0)]).splitlines()
    assert lines[2].split() == ["0.00", "0.000000", "0", "1", "getppid"]
    assert lines[-1].split() == ["100.00", "0.000000", "0", "1", "total"]


def test_wide_numbers_widen_their_column() -> None:
    lines = summary([row("read", 0, calls=12345678901, sum_ns=10**9 * 123456)]).splitlines()
    assert len({len(line.split(" read")[0].split(" total")[0]) for line in (lines[2], lines[-1])}) == 1
    assert lines[1].split()[3] == "-" * 11
    assert lines[1].split()[1] == "-" * len("123456.000000")


def test_nothing_counted_prints_nothing() -> None:
    assert summary([]) == ""
    assert summary([row("read", 0, calls=0)]) == ""


@pytest.mark.parametrize(
    ("order", "first"),
    [("calls", "a"), ("count", "a"), ("errors", "b"), ("error", "b"), ("time", "c"), ("total_time", "c"),
     ("max-time", "c"), ("longest", "c"), ("min-time", "b"), ("shortest", "b"), ("avg-time", "b"), ("name", "a"),
     ("syscall", "a"), ("nothing", "c"), ("none", "c")],
)  # fmt: skip
def test_orders(order: str, first: str) -> None:
    rows = [
        row("c", 1, calls=10, sum_ns=9000, min_ns=1, max_ns=5000),
        row("b", 2, calls=2, errors=2, sum_ns=8000, min_ns=900, max_ns=2000),
        row("a", 3, calls=20, errors=1, sum_ns=2000, min_ns=5, max_ns=500),
    ]
    assert summary(rows, order=parse_order(order)).splitlines()[2].endswith(f" {first}")


@pytest.mark.parametrize("text", ["min", "", ",calls", "calls,", "calls,count"])
def test_columns_that_do_not_exist_or_come_twice(text: str) -> None:
    with pytest.raises(UsageError, match=r"^-U: "):
        parse_columns(text)


def test_an_order_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match=r"^-S: invalid sortby: 'foo'"):
        parse_order("foo")
