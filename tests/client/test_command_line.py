# SPDX-License-Identifier: Apache-2.0
"""Which words go to kubectl, which to the agents, and which are ours."""

from __future__ import annotations

import re
import shlex

import pytest

from kubectl_strace.command_line import COMMANDS, build_parser, command_of, parse
from kubectl_strace.errors import UsageError
from tests.command import run


@pytest.mark.parametrize(
    ("words", "command", "rest"),
    [
        ("web-0", "trace", "web-0"),
        ("trace web-0", "trace", "web-0"),
        ("ps -n shop", "ps", "-n shop"),
        ("-n shop ps", "ps", "-n shop"),
        ("--context=prod --as bob doctor", "doctor", "--context=prod --as bob"),
        ("--insecure-skip-tls-verify ps", "ps", "--insecure-skip-tls-verify"),
        ("-e trace=file ps", "trace", "-e trace=file ps"),
        ("pod/ps", "trace", "pod/ps"),
        ("-n ps web", "trace", "-n ps web"),
    ],
)
def test_the_command_is_the_first_word_that_is_no_flag_of_kubectls(words: str, command: str, rest: str) -> None:
    assert command_of(words.split()) == (command, rest.split())


@pytest.mark.parametrize(
    ("words", "filter_"),
    [
        ("web-0", []),
        ("web-0 -e trace=network -yy -T", ["-e", "trace=network", "-y", "-y", "-T"]),
        ("-fqs100 web-0 -Z", ["-f", "-q", "-s", "100", "-Z"]),
        ("-e trace=open -e trace=!read web", ["-e", "trace=open", "-e", "trace=!read"]),
        ("-cw -S calls web", ["-c", "-S", "calls"]),
        ("-v -s 5 web", ["-v", "-s", "5"]),
        ("--trace-path=-x web", ["--trace-path=-x"]),
        ("--sidecar --mask secret -e trace=/^open web", ["--mask", "secret", "-e", "trace=/^open"]),
        ("-P-odd web", ["--trace-path=-odd"]),
        ("--duration 2m --limit 5 web", ["--duration", "2m", "--limit", "5"]),
        ("web -o out.txt", []),
    ],
)
def test_straces_flags_go_to_the_agents_as_they_were_written(words: str, filter_: list[str]) -> None:
    assert parse(shlex.split(words)).filter == filter_


def test_kubectls_flags_go_to_kubectl_and_to_nobody_else() -> None:
    args = parse(
        shlex.split(
            "web-0 --context prod --kubeconfig=/k --as=bob --as-group a --as-group=b --token secret "
            "--server=https://x:1 --request-timeout 5s --insecure-skip-tls-verify=true --certificate-authority /ca "
            "-n shop -y"
        )
    )
    assert args.kubectl == [
        "--context=prod", "--kubeconfig=/k", "--as=bob", "--as-group=a", "--as-group=b", "--token=secret",
        "--server=https://x:1", "--request-timeout=5s", "--certificate-authority=/ca",
        "--insecure-skip-tls-verify=true",
    ]  # fmt: skip
    assert (args.namespace, args.filter, args.targets) == ("shop", ["-y"], ["web-0"])


def test_a_record_is_json_and_what_is_quiet_is_known_here_too() -> None:
    args = parse(["record", "-w", "x", "web", "-qq"])
    assert (args.filter, args.format, args.quiet) == (["--format", "json", "-q", "-q"], "json", 2)
    assert parse(["web", "-c"]).summary_only == 1
    assert parse(["web", "--duration", "1.5s", "--limit", "3"]).duration == 1.5
    assert build_parser("record").get_default("filter") == ["--format", "json"], "one call leaves nothing to the next"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "nothing to trace"),
        ("-- ls", "-- COMMAND"),
        ("web --lossless", "--lossless: it would make a shared container wait"),
        ("web -ff", "-ff"),
        ("web -w", "record -w FILE"),
        ("web -p 1", "-p: name a pod"),
        ("web -l app=web", "do not go together"),
        ("web -A -n shop", "do not go together"),
        ("deployment web", "a target is one word: deployment/web"),
        ("web --duration 2h", "at most 1h"),
        ("web --duration soon", "expected a duration"),
        ("web --mask x", "--mask is the agents' own"),
        ("web -e trace=/^open", "REGEX"),
        ("web -s many", "expected a number"),
        ("web --limit 0", "above 0"),
        ("web --nonsense", "--nonsense"),
        ("record web", "-w"),
        ("completion tcsh", "tcsh"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(words: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(shlex.split(words))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_flag_of_stracelet_trace_is_known_here() -> None:
    """But for what is of a node or of a command alone."""
    shown = run("trace", "--help").stdout
    theirs = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", shown.partition("options:")[2]))
    ours = {name for command in ("trace", "record") for name in build_parser(command).options()}
    assert {"--expression", "--mask-exec"} <= theirs
    not_here = {"--agent", "--config", "--lossless", "--rotate-size", "--rotate-keep", "--output-separately"}
    assert theirs - ours - not_here == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_there(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse([command, "--help"])
    assert caught.value.code == 0
    assert "usage: kubectl strace" in capsys.readouterr().out
