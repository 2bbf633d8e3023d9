# SPDX-License-Identifier: Apache-2.0
"""An agent makes of the flags that it is given what the command line made of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stracelet.cli.arguments import DEFAULTS
from stracelet.cli.forwarded import flags_of
from stracelet.cli.main import parse
from stracelet.config import Config, load
from stracelet.traces import flags
from stracelet.traces.served import served

LINES = [
    "",
    "-e trace=network -e status=failed -e signal=none -e quiet=attach,exit",
    "-P /etc/passwd --trace-path=-dash -z --min-duration 1500us --limit 7",
    "-yy -Y --decode-pids pidns -s 4096 -v -qq",
    "-xx -X verbose -a 0 -i -ttt -T --format json",
    "-r -Z -e read=3 -e write=all",
    "-c -w -S calls -U calls,errors,name,max-time",
    "-C --no-data --mask secret --mask a=b --mask-exec",
    "-e trace=/^open -f -ff",
]


@pytest.mark.parametrize("line", LINES)
def test_the_agents_wish_is_that_of_the_command_line(line: str) -> None:
    args = parse(["trace", "docker/x", *line.split()])
    own = flags.wish_of(args, Config(), node="n")
    asked = served(flags_of(args, DEFAULTS), Config(), node="n", lines={}, host=True).wish  # type: ignore[arg-type]
    assert replace(asked.options, flags=own.options.flags) == own.options
    assert asked.options.flags == replace(own.options.flags, no_attach=True, stamps=True)
    assert (asked.filter, asked.lines, asked.counts) == (own.filter, own.lines, own.counts)
    assert asked.layout.columns == own.layout.columns


def test_how_a_table_is_sorted_is_passed_on() -> None:
    assert flags_of(parse(["trace", "docker/x", "-c", "-S", "calls"]), Config()) == ["-c", "--summary-sort-by=calls"]


def test_what_is_usual_is_not_said() -> None:
    assert not flags_of(parse(["trace", "docker/x"]), Config())


def test_what_the_configuration_leaves_out_is_left_out_too() -> None:
    args = parse(["trace", "docker/x"])
    settings = load("trace: {data: false, mask: [secret], mask_exec: true}")
    own = flags.wish_of(args, settings, node="n")
    asked = served(flags_of(args, settings), Config(), node="n", lines={}, host=True).wish
    assert asked.options.masks == own.options.masks == ("secret",)
    assert asked.options.flags == replace(own.options.flags, no_attach=True, stamps=True)


def test_without_a_file_the_socket_is_where_an_agent_makes_it() -> None:
    assert DEFAULTS.api.socket == Config().api.socket
