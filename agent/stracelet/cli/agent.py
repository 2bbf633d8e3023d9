# SPDX-License-Identifier: Apache-2.0
"""`stracelet agent`: monitors what its configuration and the command line name, until it is told to end."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from stracelet import app
from stracelet.cli import arguments
from stracelet.cli.sidecar import own_pod
from stracelet.containers.processes import Processes
from stracelet.containers.targets import parse_target

if TYPE_CHECKING:
    import argparse

    from stracelet.containers.sources import Source


class Agent:
    name = "agent"
    summary = "the node agent: monitors containers and serves their metrics"
    takes_command_line = False

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("targets", nargs="*", metavar="TARGET", help=arguments.TARGET_HELP)
        arguments.add_config(parser, "the configuration, a YAML file (docs/configuration.md); SIGHUP reads it again")
        parser.add_argument(
            "--own-pod",
            action="store_true",
            help="monitor the other containers of the pod that shares its PIDs with us",
        )
        parser.add_argument("--check", action="store_true", help="check the configuration, say what is wrong, and end")

    def run(self, args: argparse.Namespace) -> int:
        settings = arguments.load_config(args.config)
        if args.check:
            app.check(settings)
            print(f"{args.config or 'the defaults'}: ok")
            return 0
        targets = [parse_target(text) for text in args.targets]
        pids = [target.pid for target in targets if target.pid is not None]
        with ExitStack() as stack:
            sources: list[Source] = []
            if pids:
                sources.append(stack.enter_context(closing(Processes(dict.fromkeys(pids, "")))))
            if args.own_pod:
                sources.append(stack.enter_context(closing(own_pod())))
            return app.run(settings, config_path=args.config, targets=targets, sources=sources)
