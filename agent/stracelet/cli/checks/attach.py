# SPDX-License-Identifier: Apache-2.0
"""Really traces: a command of our own, and a process that is none of the tracer's descendants."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.cli.checks.finding import Finding
from stracelet.errors import StraceletError
from stracelet.native import syscall_name
from stracelet.tracing import protocol
from stracelet.tracing.session import Session

if TYPE_CHECKING:
    from stracelet.config import Config

SECONDS = 8.0
COMMAND = ("/bin/sh", "-c", "exit 42")
COMMAND_STATUS = 42
UNANSWERED = "the native program ended without an answer"
MEND = "See what is said above of capabilities, yama, seccomp, apparmor and selinux."


async def check_attach(config: Config) -> list[Finding]:
    """Findings of both attempts, each bounded by 8 s."""
    findings = []
    for check, attempt in (("trace a command", _command), ("trace a process", _process)):
        try:
            async with asyncio.timeout(SECONDS):
                findings.append(Finding(check, "ok", await attempt(config)))
        except TimeoutError:
            findings.append(Finding(check, "failed", f"nothing happened within {SECONDS:g} s", MEND))
        except StraceletError as error:
            findings.append(Finding(check, "failed", str(error), error.help_text or MEND))
    return findings


async def _command(config: Config) -> str:
    session = await Session.start(proc=config.procfs, cgroup_root=config.cgroup_root, command=COMMAND)
    try:
        session.begin_command()
        ended = await _command_end(session)
        await session.end()
        counted = {syscall_name(cell.abi, cell.number): cell.calls for cell in session.reader.snapshot(()).cells}
    finally:
        await session.end()
        session.close()
    status = os.waitstatus_to_exitcode(ended.status)
    if status != COMMAND_STATUS or counted.get("execve") != 1 or counted.get("exit_group") != 1:
        raise StraceletError(f"a traced `{COMMAND[-1]}` ended with {status}, counted: {counted}")
    return f"`sh -c '{COMMAND[-1]}'` made {sum(counted.values())} calls and ended as it should"


async def _command_end(session: Session) -> protocol.CommandEnded:
    async for event in session.events():
        match event:
            case protocol.CommandEnded():
                if event.error:
                    raise StraceletError(event.text)
                return event
            case protocol.Failed() | protocol.Refused():
                raise StraceletError(str(event))
            case protocol.SessionLost():
                raise event.error
    raise StraceletError(UNANSWERED)


async def _process(config: Config) -> str:
    session = await Session.start(proc=config.procfs, cgroup_root=config.cgroup_root, allow_pid=True)
    try:
        # It waits for an end of its stdin, which comes with the exit.
        with subprocess.Popen(  # noqa: ASYNC220 - a fork takes no time that matters here
            ["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        ) as target:
            text = await _attach(session, target.pid)
            await session.end()
            status = (Path(config.procfs) / str(target.pid) / "status").read_text()
            if "TracerPid:\t0\n" not in status:
                raise StraceletError(f"process {target.pid} is still traced after the detach")
        return text
    finally:
        await session.end()
        session.close()


async def _attach(session: Session, pid: int) -> str:
    container_id = session.trace_pid(pid)
    async for event in session.events():
        match event:
            case protocol.Attached(id=id_) if id_ == container_id and event.tasks + event.pending:
                return "attached to a process of our own, and let go of it"
            case protocol.Failed() | protocol.Refused():
                raise StraceletError(str(event))
            case protocol.SessionLost():
                raise event.error
    raise StraceletError(UNANSWERED)
