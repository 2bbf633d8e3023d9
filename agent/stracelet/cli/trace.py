# SPDX-License-Identifier: Apache-2.0
"""`stracelet trace`: what the command line asks for, and who does it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.cli import arguments
from stracelet.cli.host_agent import LISTENING_SECONDS, SECONDS, HostAgent, add_agent
from stracelet.cli.outputs import STANDARD_OUTPUT, STDERR, STDOUT, coloured, open_outputs, open_sink, watched
from stracelet.cli.sidecar import pod_targets
from stracelet.errors import StraceletError, UsageError
from stracelet.records.printing import FORMATS
from stracelet.traces import flags

if TYPE_CHECKING:
    import argparse

    from stracelet.containers.request import Request
    from stracelet.traces.flags import Wish

EXAMPLES = """\
examples:
  stracelet trace docker/redis -e trace=network -y    its network calls, and what their descriptors are
  stracelet trace pod/web-0 -Z --min-duration 10ms    what fails after 10 ms or more
  stracelet trace docker/redis --format json          the same as data, one object a line
  stracelet trace -c docker/redis --duration 10s      what it does for ten seconds, as a table
  stracelet trace --wait docker/job                   a container that is not there yet, from its first exec on
  stracelet trace -c -l app=web -A -S calls           all containers of these pods, what is called most first
  stracelet trace -- ls /                             a command of your own, as strace does
"""


class Trace:
    name = "trace"
    summary = "trace containers by name, or a command, and print what they call"
    takes_command_line = True

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        parser.epilog = EXAMPLES
        parser.usage = "stracelet trace [options] TARGET...\n       stracelet trace [options] -- COMMAND [ARG...]"
        arguments.add_targets(parser)
        add_run(parser)
        flags.add_filters(parser)
        flags.add_capture(parser)
        flags.add_display(parser)
        flags.add_summaries(parser)
        flags.add_recording(parser)
        flags.add_redaction(parser)
        flags.add_refused(parser)

    def run(self, args: argparse.Namespace) -> int:
        check_target(args)
        wanted = arguments.Wanted.of(args)
        wish = flags.wish_of(args, wanted.config, node=os.uname().nodename)
        return trace(args, wanted, wish)


def add_run(parser: argparse.ArgumentParser) -> None:
    """How long, and from when."""
    arguments.add_config(parser, "sources, paths and what is left out (trace:), as in the agent's configuration")
    add_agent(parser)
    parser.add_argument("--duration", metavar="D", type=flags.duration, help="end after 500ms, 10s, 2m, ...")
    parser.add_argument("--wait", action="store_true", help="wait for what does not exist yet; end by Ctrl-C")


def check_target(args: argparse.Namespace) -> None:
    """Names what is meant where nothing is named. UsageError: there is nothing to trace, or two things that do not go
    together; TargetNotFound."""
    args.of_own_pod = args.command_line is None and not args.targets and args.selector is None
    if args.command_line is None:
        if args.of_own_pod:
            # In a sidecar they are its pod's, who are known by their processes alone.
            args.targets, args.container = pod_targets(args.container), None
        if not args.targets and args.selector is None:
            raise UsageError(
                "nothing to trace: no TARGET, no -l SELECTOR, no `-- COMMAND`",
                help_text="`stracelet ps` lists the containers on this node.",
            )
        return
    if args.targets or args.selector is not None:
        raise UsageError("targets and `-- COMMAND` do not go together: trace one or the other")
    if not args.command_line:
        raise UsageError("nothing after `--`: expected a command")
    if args.wait:
        raise UsageError("--wait waits for containers: it does not go with `-- COMMAND`")


def trace(args: argparse.Namespace, wanted: arguments.Wanted, wish: Wish) -> int:
    """Traces the targets or the command; the exit status. Raises StraceletError."""
    if args.command_line is not None:
        return _command(args.command_line, wish, args.duration)
    return _targets(args, wanted, wish)


def check_pipe(wish: Wish, *, lines_to_stdout: bool) -> None:
    """UsageError: records cannot go where -w - sends them."""
    if wish.write != STANDARD_OUTPUT:
        return
    if lines_to_stdout and wish.output is None:
        raise UsageError("-w - is standard output, where the lines go", help_text="Name a file for one of them.")
    if os.isatty(STDOUT):
        raise UsageError(
            "-w - would write records to a terminal", help_text="They are not text: name a file or a pipe."
        )


def _targets(args: argparse.Namespace, wanted: arguments.Wanted, wish: Wish) -> int:
    from stracelet.cli import trace_agent, trace_targets  # noqa: PLC0415 - what a command of one's own never needs

    request = wanted.request()
    if agent := _agent(args, wanted, request):
        if args.of_own_pod:
            wanted = trace_agent.of_what_it_has(agent, wanted)
        if why := trace_agent.why_not(wish, request):
            trace_agent.check_free(agent, wanted, why)
        elif trace_agent.knows(agent, wanted):
            return _through(agent, args, wanted, wish)
    trace_targets.check_rights(request, Path(wanted.config.procfs))
    # What is attached is said on stderr.
    check_pipe(wish, lines_to_stdout=wish.lines)
    wish = wish.with_flags(container=request.endless or len(request.targets) > 1, no_attach=True)
    with ExitStack() as stack:
        outputs = open_outputs(stack, wish, STDOUT, keeps_rights=False, named=not request.endless, command=False)
        return trace_targets.run(wanted, request, wish, outputs)


def _agent(args: argparse.Namespace, wanted: arguments.Wanted, request: Request) -> HostAgent | None:
    """Whom to ask. StraceletError."""
    if request.names_containers or args.agent:
        return HostAgent.find(args.agent, wanted.config)
    # A sidecar's agent has its pod's processes, as a rule: it is worth waiting for, however busy the node is.
    patience = SECONDS if args.of_own_pod else LISTENING_SECONDS
    try:
        agent = HostAgent.find(None, wanted.config)
        return agent if agent and agent.has_any(request.pids, seconds=patience) else None
    except StraceletError:
        return None  # a process can be traced here, whatever is the matter with the agent


def _through(agent: HostAgent, args: argparse.Namespace, wanted: arguments.Wanted, wish: Wish) -> int:
    from stracelet.cli import trace_agent  # noqa: PLC0415 - where no agent runs it is not needed

    with ExitStack() as stack:
        sink = open_sink(stack, wish, STDOUT, keeps_rights=True)
        return trace_agent.run(agent, wanted, args, coloured(wish, STDOUT), sink, watched(wish, STDOUT))


def _command(command: list[str], wish: Wish, duration: float | None) -> int:
    from stracelet.cli import trace_command  # noqa: PLC0415 - what targets never need

    check_pipe(wish, lines_to_stdout=False)
    data = wish.options.format == FORMATS["json"]
    wish = replace(wish, lossless=True).with_flags(name_unknown=True, no_attach=data or wish.options.flags.no_attach)
    with ExitStack() as stack:
        # strace writes to stderr because stdout is its command's.
        outputs = open_outputs(stack, wish, STDERR, keeps_rights=True, named=True, command=True)
        return trace_command.run(command, wish, outputs, duration=duration)
