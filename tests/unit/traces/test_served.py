# SPDX-License-Identifier: Apache-2.0
"""The flags that an agent honours for others, and those that it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from stracelet.config import Config
from stracelet.errors import UsageError
from stracelet.native import syscall_number
from stracelet.traces.merging import capture_of, filter_of
from stracelet.traces.served import served

SETTINGS = Config()


def wish(*flags: str) -> Any:
    return served(flags, SETTINGS, node="node-1").wish


def test_straces_flags_have_their_meaning() -> None:
    wanted = served(["-e", "trace=openat,%network", "-yy", "-T", "-s", "99", "--duration", "3s"], SETTINGS, node="n")
    assert wanted.duration == 3.0
    assert wanted.wish.options.flags.addresses
    assert wanted.wish.options.flags.duration
    assert wanted.wish.options.string_limit == 99
    assert (0, syscall_number(0, "openat")) in wanted.wish.filter.calls
    assert (0, syscall_number(0, "getpid")) not in wanted.wish.filter.calls


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["-o", "/etc/passwd"], "-o writes where the client runs"),
        (["-w", "/tmp/x"], "-w"),
        (["--lossless"], "--lossless"),
        (["--mask", "(a*)*"], "--mask"),
        (["-e", "trace=/(a+)+$"], "REGEX"),
        (["-e", "/(a+)+$"], "REGEX"),
        (["-s", "9999999"], "at most"),
        (["-e", "trace=opennat"], "opennat"),
        (["pod/x"], "pod/x"),
        (["-p", "1"], "-p"),
        (["--help"], "--help"),
        (["-T"] * 65, "more than 64"),
        (["-e", ",".join(["1"] * 5000)], "characters"),
        (["-a", "999999999"], "-a"),
        (["--min-duration", "99999999h"], "duration"),
        (["--min-duration", "9" * 400 + "h"], "duration"),
    ],
)
def test_what_is_not_for_an_agent_is_refused_in_a_line(flags: list[str], why: str) -> None:
    with pytest.raises(UsageError) as refused:
        served(flags, SETTINGS, node="node-1")
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_the_configuration_leaves_out_is_left_out() -> None:
    settings = Config.model_validate({"trace": {"data": False, "mask_exec": True}})
    flags = served(["-v"], settings, node="node-1").wish.options.flags
    assert flags.no_data
    assert flags.mask_exec


def test_shortest_and_longest_are_told_by_records_alone() -> None:
    assert wish("-c", "-U", "name,max-time,calls").counts_records
    assert not wish("-c").counts_records


def test_of_several_wishes_all_is_recorded() -> None:
    wishes = [wish("-e", "trace=openat", "-Z", "--min-duration", "5ms"), wish("-e", "trace=close", "-y", "-s", "100")]
    both = filter_of(wishes)
    for name in ("openat", "close"):
        assert (0, syscall_number(0, name)) in both.calls
    assert (0, syscall_number(0, "read")) not in both.calls
    assert both.min_duration_ns == 0
    assert both.statuses == wishes[1].filter.statuses
    capture = capture_of(wishes)
    assert capture.descriptors
    assert capture.string_limit == 100
    assert not capture.lossless
