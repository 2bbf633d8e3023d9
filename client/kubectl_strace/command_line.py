# SPDX-License-Identifier: Apache-2.0
"""The command line: which command, and its arguments. `trace` is the one that need not be named."""

from __future__ import annotations

import argparse
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn

from kubectl_strace import __version__, durations, flags
from kubectl_strace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_SECONDS = 3600.0  # of a Trace object
SHELLS = ("bash", "zsh", "fish", "kubectl")

DESCRIPTION = "strace for every container of the cluster. Names in, syscalls out."
EXAMPLES = """\
commands:
  trace TARGET...       what its containers call; the default, so that `trace` may be left out
  record -w FILE TARGET...   the same as JSON, one object a line, into a file here
  ps [TARGET...]        the containers that can be traced
  doctor                tries what is needed, and says what is missing
  completion SHELL      bash, zsh, fish, or kubectl (for kubectl_complete-strace)
  `kubectl strace COMMAND --help` shows a command's flags.

examples:
  kubectl strace web-0 -e trace=network -yy             a pod's network calls
  kubectl strace deploy/web -n shop -Z --duration 1m    what fails in all pods of a deployment, those to come too
  kubectl strace -c -l app=web --duration 10s           a table for each container
  kubectl strace pod/web-0/nginx --format json | jq     as data
  kubectl strace --wait job/migrate                     from the first exec on
"""


class Parser(argparse.ArgumentParser):
    """argparse, with our way to report."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (`{self.prog} --help` shows the arguments)")

    def options(self) -> dict[str, tuple[str, ...] | None]:
        """All flags: None of one without a value, else the values to choose from, if there is such a choice."""
        return {
            name: None if action.nargs == 0 else tuple(map(str, action.choices or ()))
            for name, action in self._option_string_actions.items()
            if not isinstance(action, flags.Refused)
        }


def _trace(parser: Parser) -> None:
    parser.epilog = EXAMPLES
    flags.add_targets(parser)
    flags.add_run(parser)
    parser.add_argument("--sidecar", action="store_true", help="run stracelet in the pod's container `stracelet`")
    flags.add_filters(parser)
    flags.add_capture(parser)
    flags.add_display(parser)
    flags.add_summaries(parser)
    flags.add_redaction(parser)
    flags.add_refused(parser)


def _record(parser: Parser) -> None:
    flags.add_targets(parser)
    flags.add_run(parser)
    parser.add_argument("-w", "--write", metavar="FILE", required=True, help="`-`: standard output")
    flags.add_filters(parser)
    flags.add_capture(parser)
    flags.add_redaction(parser)
    flags.add_refused(parser)
    parser.set_defaults(filter=["--format", "json"], format="json", sidecar=False)


def _ps(parser: Parser) -> None:
    flags.add_targets(parser)
    parser.add_argument("-o", "--output", choices=["wide", "json"], help="more columns, or everything as JSON")


def _doctor(parser: Parser) -> None:
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text", help="how to print it")


def _completion(parser: Parser) -> None:
    parser.add_argument("shell", choices=SHELLS)


COMMANDS: dict[str, tuple[str, Callable[[Parser], None]]] = {
    "trace": ("trace pods by name, and print what they call", _trace),
    "record": ("keep what pods call in a file here, as JSON, one object a line", _record),
    "ps": ("list the containers that can be traced", _ps),
    "doctor": ("try what is needed here, and say what is missing", _doctor),
    "completion": ("print a shell's completion script", _completion),
}


def build_parser(command: str) -> Parser:
    """Of one command; the one of `trace` is the program's own."""
    summary, prepare = COMMANDS[command]
    own = command == "trace"
    parser = Parser(
        prog="kubectl strace" if own else f"kubectl strace {command}",
        description=DESCRIPTION if own else summary[:1].upper() + summary[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if own:
        parser.usage = "kubectl strace [trace] TARGET... [flags]\n       kubectl strace COMMAND [flags]"
    parser.add_argument("--version", action="version", version=f"kubectl-strace {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where a failure arose")
    parser.set_defaults(**DEFAULTS)  # of several flags together
    prepare(parser)
    flags.add_global(parser)
    parser.set_defaults(command=command)
    return parser


DEFAULTS: dict[str, object] = {
    "kubectl": [], "filter": [], "quiet": 0, "follow": 0, "summary": 0, "summary_only": 0, "limit": None,
    "duration": None, "format": "strace",
}  # fmt: skip


def command_of(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command and the rest. It is the first word that is neither a flag of kubectl's nor one's value."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        name, joined, _ = words[at].lstrip("-").partition("=")
        valued = name in flags.GLOBAL or words[at] in ("-n", "--namespace") or name == "agent-namespace"
        if not (valued or joined or flags.GLOBAL_SWITCH.fullmatch(words[at])):
            break
        at += 2 if valued and not joined else 1
    if at < len(words) and words[at] in COMMANDS:
        return words[at], [*words[:at], *words[at + 1 :]]
    return "trace", list(words)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Checked as far as that goes without a cluster. UsageError."""
    if "--" in words:
        raise UsageError("`-- COMMAND` is for `stracelet trace` on a host: here a pod is named")
    command, rest = command_of(words)
    switches = [word for word in rest if flags.GLOBAL_SWITCH.fullmatch(word)]
    parser = build_parser(command)
    args = parser.parse_intermixed_args([word for word in rest if word not in switches])
    args.kubectl = [*args.kubectl, *switches]
    args.duration = None if args.duration is None else durations.seconds(args.duration)
    args.limit = int(args.limit or 0)
    if command in ("trace", "record"):
        _check(args)
    return args


def _check(args: argparse.Namespace) -> None:
    if not args.targets and args.selector is None:
        raise UsageError("nothing to trace: no TARGET, no -l SELECTOR (`kubectl strace ps` lists what there is)")
    if len(args.targets) == 2 and _is_kind(args.targets[0]) and "/" not in args.targets[1]:
        raise UsageError(f"{' '.join(args.targets)}: a target is one word: {'/'.join(args.targets)}")
    if args.targets and args.selector is not None:
        raise UsageError("targets and -l SELECTOR do not go together: one or the other says which pods")
    if args.duration is not None and args.duration > MAX_SECONDS:
        raise UsageError("--duration: a trace in a cluster lasts at most 1h")
    if args.all_namespaces and args.namespace is not None:
        raise UsageError("-A and -n do not go together")
    if not args.sidecar:
        _check_for_agents(args.filter)
    if args.command == "trace":
        if args.follow > 1:
            raise UsageError("-ff: lines of all tasks come in one stream here: -o FILE takes them")
        if args.summary_wall_clock and not (args.summary or args.summary_only):
            raise UsageError("-w is for -c and -C; `kubectl strace record -w FILE` keeps records, -o FILE lines")


def _is_kind(word: str) -> bool:
    from kubectl_strace.targets import KINDS, kind_of  # it takes a while, and --help needs none of it

    return kind_of(word) in KINDS


def _check_for_agents(passed: Sequence[str]) -> None:
    """Regular expressions would be run where others' traces are: an agent takes none."""
    if any(word == "--mask" or word.startswith("--mask=") for word in passed):
        raise UsageError("--mask is the agents' own (trace.mask of their configuration), or for --sidecar")
    for flag, value in pairwise(passed):
        if flag in ("-e", "--expression") and "/" in value:
            raise UsageError(f"-e {value}: an agent takes names and classes (%file, ...); /REGEX is for --sidecar")
