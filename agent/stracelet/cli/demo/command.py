# SPDX-License-Identifier: Apache-2.0
"""`stracelet demo`: the agent on this host, with something to see, and a window on its metrics."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stracelet import app, config
from stracelet.cli import arguments, demo, trace_targets
from stracelet.cli.demo import window
from stracelet.cli.demo.container import container
from stracelet.containers.cgroups import DEMONSTRATION
from stracelet.containers.request import Request
from stracelet.containers.targets import parse_target
from stracelet.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

LISTING_SECONDS = 30
SHOWN = 12


class Demo:
    name = "demo"
    summary = "make a container, trace it, and show its system calls live; with TARGETs, show those"
    takes_command_line = False

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("targets", nargs="*", metavar="TARGET", help=arguments.TARGET_HELP)
        arguments.add_config(parser, "the configuration, a YAML file (docs/configuration.md); SIGHUP reads it again")

    def run(self, args: argparse.Namespace) -> int:
        settings = arguments.load_config(args.config)
        targets = args.targets or [f"container/{DEMONSTRATION}"]
        trace_targets.check_rights(Request.of(targets, wait=True), Path(settings.procfs))
        settings = settings.model_copy(update={"log": settings.log.model_copy(update={"level": "warning"})})
        with ExitStack() as stack:
            if not args.targets:
                stack.enter_context(container())
            notes = [*others(args.config, targets), f"metrics: {metrics_url(settings)}; Ctrl-C ends it all"]
            stack.enter_context(window.opened(metrics_url(settings), ", ".join(targets), notes))
            return app.run(settings, config_path=args.config, targets=[parse_target(text) for text in targets])


def metrics_url(settings: config.Config) -> str:
    host, port = config.parse_listen(settings.metrics.listen)
    name = f"[{host}]" if host and ":" in host else host or "localhost"
    return f"{'https' if settings.metrics.tls else 'http'}://{name}:{port}/metrics"


def others(config_path: Path | None, targets: Sequence[str]) -> list[str]:
    """What else there is, and how to trace it. A process of its own looks: a runtime's library starts threads, and
    an agent that has threads already cannot give up its rights for all of them."""
    options = ["--config", str(config_path)] if config_path else []
    line = demo.as_program("stracelet.cli.main", "ps", "-o", "json", *options)
    done = subprocess.run(line, capture_output=True, text=True, timeout=LISTING_SECONDS, check=False)
    if done.returncode != 0:
        return [printable(f"other containers could not be listed: {done.stderr.strip()}")]
    found: list[dict[str, Any]] = json.loads(done.stdout)["containers"]
    names = sorted({each["target"] for each in found} - {*targets})
    if not names:
        return ["no other containers on this node"]
    more = f" and {len(names) - SHOWN} more (stracelet ps)" if len(names) > SHOWN else ""
    return [
        f"other containers here: {', '.join(names[:SHOWN])}{more}",
        f'to trace one: make run TARGETS="{names[0]}", or stracelet trace -c {names[0]}',
    ]
