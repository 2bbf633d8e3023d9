# SPDX-License-Identifier: Apache-2.0
"""`stracelet ps`: the containers on this node, and the processes behind their names."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stracelet.cli import arguments, listing
from stracelet.cli.host_agent import HostAgent
from stracelet.containers.cgroups import Cgroups
from stracelet.containers.inventory import Inventory
from stracelet.containers.procfs import Procfs
from stracelet.containers.sources import build
from stracelet.errors import StraceletError, UsageError
from stracelet.text import json_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from stracelet.config import Config
    from stracelet.containers.model import Container, SourceState


logger = logging.getLogger(__name__)


class Ps:
    name = "ps"
    summary = "list the containers on this node: names, runtime, ID, PIDs here and inside"
    takes_command_line = False

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        arguments.add_targets(parser)
        arguments.add_config(parser)
        parser.add_argument("-o", "--output", choices=["wide", "json"], help="more columns, or everything as JSON")
        parser.add_argument("--no-trunc", action="store_true", help="whole IDs and all PIDs")

    def run(self, args: argparse.Namespace) -> int:
        wanted = arguments.Wanted.of(args)
        request = wanted.request()
        if request.pids:
            raise UsageError("ps lists containers, not processes: leave pid/N out")
        inventory = asyncio.run(look(wanted.config))
        refused = refusals(wanted.config, inventory) if args.config else _nothing
        agent = of_agent(wanted.config)
        listed = listing.listed(inventory, Procfs(Path(wanted.config.procfs)), request, agent=agent, refused=refused)
        states = inventory.states()
        if args.output == "json":
            show_json(listed, states)
        else:
            rows = listing.table(listed, wide=args.output == "wide", cut=not args.no_trunc)
            show(rows, wide=args.output == "wide" or args.no_trunc)
            for line in listing.missing(states):
                print(f"stracelet: {line}", file=sys.stderr)
        return 0


async def look(config: Config) -> Inventory:
    """One pass over all sources, each within its deadline."""
    inventory = Inventory(
        sources=build(config.sources),
        cgroups=Cgroups(Path(config.cgroup_root)),
        procfs=Procfs(Path(config.procfs)),
    )
    await inventory.refresh()
    return inventory


def refusals(config: Config, inventory: Inventory) -> Callable[[Container], str]:
    """What an agent of that configuration, in whose container we may be, refuses to a container. ConfigError."""
    from stracelet.containers.rules import Rules  # noqa: PLC0415 - these know all syscalls
    from stracelet.tracing.annotations import Annotations, filter_of  # noqa: PLC0415
    from stracelet.tracing.choice import Choice  # noqa: PLC0415

    choice = Choice(rules=Rules.of(config.monitor), ourselves=inventory.own())
    return Annotations(filter=filter_of(config.monitor), choice=lambda: choice).refused


def _nothing(_: Container) -> str:
    return ""


def of_agent(config: Config) -> Mapping[str, Mapping[str, Any]]:
    """What this host's agent says of its containers, by ID; nothing where it is not there, or not for us to ask."""
    try:
        agent = HostAgent.find(None, config)
        found = agent.containers({}) if agent else ()
    except StraceletError as error:
        logger.debug("the agent is not asked: %s", error)
        return {}
    return {str(each.get("container_id")): each for each in found}


def show_json(listed: Sequence[listing.Listed], states: Mapping[str, SourceState]) -> None:
    document = {
        "containers": [listing.as_json(each) for each in listed],
        "sources": {name: asdict(state) for name, state in states.items()},
    }
    print(json_text(document, indent=2))


def show(rows: Sequence[Sequence[str]], *, wide: bool) -> None:
    """A table on a terminal that has room for it, aligned columns everywhere else."""
    if not sys.stdout.isatty() or wide:
        sys.stdout.write(listing.columns(rows))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in rows[0]:
        table.add_column(
            heading, overflow="fold" if heading in ("NAME", "POD", "REFUSED") else "ellipsis", no_wrap=heading == "ID"
        )
    for row in rows[1:]:
        table.add_row(*map(escape, row))
    Console(highlight=False).print(table)
