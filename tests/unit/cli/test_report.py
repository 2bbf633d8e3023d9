# SPDX-License-Identifier: Apache-2.0
"""Which tables are printed: for each container, each ABI, and of all."""

from dataclasses import dataclass
from pathlib import Path

from stracelet.traces.report import Layout, Part, report
from stracelet.traces.summary import DEFAULT_COLUMNS, by_time

LAYOUT = Layout(DEFAULT_COLUMNS, by_time)
RECORDED = Path(__file__).with_name("strace-6.1")


@dataclass(frozen=True)
class Cell:
    abi: int
    number: int
    calls: int
    errors: int = 0
    sum_ns: int = 1000
    min_ns: int = 1000
    max_ns: int = 1000


def name(abi: int, number: int) -> str | None:
    return {(0, 0): "read", (0, 1): "write", (1, 3): "read"}.get((abi, number))


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_one_container_is_shown_as_strace_would() -> None:
    text = report([Part("docker/web", [Cell(0, 0, 5, 1)])], LAYOUT, name)
    assert text.startswith("% time")
    assert table(text)[2][3:] == ["5", "1", "read"]


def test_threads_and_restarted_tracers_add_up() -> None:
    cells = [Cell(0, 0, 5, 1, sum_ns=5000, min_ns=500, max_ns=2000), Cell(0, 0, 3, 2, sum_ns=9000, min_ns=900)]
    assert table(report([Part("x", cells)], LAYOUT, name))[2] == ["100.00", "0.000014", "1", "8", "3", "read"]


def test_each_abi_has_a_table_under_straces_heading() -> None:
    text = report([Part("x", [Cell(1, 3, 7), Cell(0, 1, 2)])], LAYOUT, name)
    heading = "System call usage summary for 32 bit mode:"
    assert heading in (RECORDED / "both-abis").read_text().splitlines()
    native, compatible = text.split(f"{heading}\n")
    assert table(native)[2][-1] == "write"
    assert table(compatible)[2][3:] == ["7", "read"]


def test_several_containers_have_a_heading_each_and_a_total() -> None:
    parts = [Part("docker/a", [Cell(0, 0, 5)]), Part("docker/b", [Cell(0, 0, 2), Cell(0, 1, 1)]), Part("docker/c", [])]
    sections = report(parts, LAYOUT, name).split("\n\n")
    assert [section.splitlines()[0] for section in sections] == [
        "docker/a:",
        "docker/b:",
        "docker/c:",
        "total of 3 containers:",
    ]
    assert sections[2] == "docker/c:\nno system calls"
    assert [line[3:] for line in table(sections[3])[3:5]] == [["7", "read"], ["1", "write"]]


def test_numbers_without_a_name_are_unknown() -> None:
    assert table(report([Part("x", [Cell(0, -1, 4)])], LAYOUT, name))[2][-1] == "unknown"


def test_nothing_counted() -> None:
    assert report([Part("x", [])], LAYOUT, name) == ""
    assert report([], LAYOUT, name) == ""
