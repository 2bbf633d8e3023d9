# SPDX-License-Identifier: Apache-2.0
"""`stracelet doctor`: tries what tracing needs, and says what fails, why, and what to do about it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from stracelet.cli import arguments, listing
from stracelet.cli.checks.attach import check_attach
from stracelet.cli.checks.host import check_host, has_capability, own_status
from stracelet.cli.checks.processes import check_processes
from stracelet.cli.checks.readers import check_readers
from stracelet.cli.checks.sources import check_cgroups, check_sources
from stracelet.cli.checks.watches import check_watches
from stracelet.cli.ps import look
from stracelet.containers.procfs import Procfs
from stracelet.containers.targets import target_of
from stracelet.text import json_text, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from stracelet.cli.checks.finding import Finding

MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "failed": ("FAILED", "bold red")}
SYS_PTRACE = 19


class Doctor:
    name = "doctor"
    summary = "try what tracing needs here, and say why what fails does, and what to do"
    takes_command_line = False

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        arguments.add_targets(parser)
        arguments.add_config(parser)
        parser.add_argument("-o", "--output", choices=["text", "json"], default="text", help="how to print it")

    def run(self, args: argparse.Namespace) -> int:
        findings = asyncio.run(examine(arguments.Wanted.of(args)))
        if args.output == "json":
            print(json_text({"findings": [asdict(finding) for finding in findings]}, indent=2))
        else:
            show(findings)
        return int(any(finding.state == "failed" for finding in findings))


async def examine(wanted: arguments.Wanted) -> list[Finding]:
    """All findings, in the order of the checks."""
    proc = Path(wanted.config.procfs)
    findings = list(check_host(proc, Path("/sys")))
    findings += await check_attach(wanted.config)
    findings += check_cgroups(wanted.config)
    findings.append(check_watches(Path(wanted.config.cgroup_root), proc))
    inventory = await look(wanted.config)
    findings += check_sources(inventory.states())
    findings += await check_readers(wanted.config)
    request = wanted.request()
    targets = {f"pid/{pid}": [pid] for pid in request.pids}
    if request.names_containers:
        for each in listing.listed(inventory, Procfs(proc), request):
            targets[target_of(each.container)] = [process.pid for process in each.processes]
    privileged = has_capability(own_status(proc), SYS_PTRACE)
    for name, pids in targets.items():
        findings += check_processes(name, pids, proc=proc, privileged=privileged, uid=os.geteuid())
    return findings


def show(findings: Sequence[Finding], console: Console | None = None) -> None:
    """A line for each, and below it what to do; coloured on a terminal."""
    console = console or Console(highlight=False, soft_wrap=True)
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        mark, style = MARKS[finding.state]
        line = Text.assemble((f"{mark:6}", style), printable(f"  {finding.check:{width}}  {finding.found}"))
        console.print(line)
        if finding.mend:
            console.print(Text(printable(f"{'':6}  {'':{width}}  → {finding.mend}"), style="dim"))
    failed = sum(finding.state == "failed" for finding in findings)
    console.print(f"{failed} of {len(findings)} checks failed." if failed else f"All {len(findings)} checks are well.")
