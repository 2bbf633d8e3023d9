# SPDX-License-Identifier: Apache-2.0
"""Which syscalls the metrics show: sets as -e takes them, by name."""

from __future__ import annotations

import time

import pytest

from stracelet.config import load
from stracelet.errors import ConfigError, UsageError
from stracelet.records.shown import ALL, LONGEST, UNKNOWN, parse_shown, parse_stated
from stracelet.tracing.annotations import filter_of


@pytest.mark.parametrize(
    ("text", "shown", "hidden"),
    [
        ("", {"read", "socket", UNKNOWN}, set()),
        ("all", {"read", UNKNOWN}, set()),
        ("none", set(), {"read", UNKNOWN}),
        ("%network", {"socket", "connect"}, {"read", UNKNOWN}),
        ("trace=network", {"socket"}, {"read"}),
        ("read,write", {"read", "write"}, {"open", UNKNOWN}),
        ("!futex", {"read", UNKNOWN}, {"futex"}),
        ("?nonesuch,close", {"close"}, {"read"}),
        ("/^open", {"open", "openat"}, {"read"}),
    ],
)
def test_sets(text: str, shown: set[str], hidden: set[str]) -> None:
    found = parse_shown(text)
    assert all(name in found for name in shown)
    assert not any(name in found for name in hidden)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("opn", r"unknown syscall 'opn' \(near: open"),
        ("%netwrk", r"unknown class '%netwrk' \(near: %network"),
        ("status=failed", "only syscalls can be chosen"),
        ("read@64", "ABIs are added up by name"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_shown(text)
    with pytest.raises(ConfigError, match=rf"^monitor\.filter: .*{said}"):
        filter_of(load(f"monitor: {{filter: '{text}'}}").monitor)


def test_one_filter_narrows_another_and_never_widens_it() -> None:
    network, both = parse_shown("%network"), parse_shown("connect,read")
    assert network.narrowed(both).names == {"connect"}
    assert network.narrowed(ALL) == ALL.narrowed(network) == network
    assert "read" not in network.narrowed(parse_shown("all"))


def test_a_pods_author_cannot_keep_the_agent_busy() -> None:
    began = time.monotonic()
    for text in ("/(_*[a-z]*)*$,read", "read,/x", "read," * LONGEST):
        with pytest.raises(UsageError, match=r"regular expression|longer than"):
            parse_stated(text)
    assert time.monotonic() - began < 1
    assert parse_stated("read").names == {"read"}
