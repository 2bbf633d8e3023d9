# SPDX-License-Identifier: Apache-2.0
"""The native program as a process of our own: where it is, how it is started, how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.errors import TracerError
from stracelet.tracing.link import Link

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

PROGRAM = "stracelet-tracer"
STDERR = 2


def find_program() -> str:
    """The native program: beside the package, or where STRACELET_TRACER says. TracerError: it is not there."""
    given = os.environ.get("STRACELET_TRACER")
    path = Path(given) if given else Path(__file__).parent.parent / "_bin" / PROGRAM
    if not os.access(path, os.X_OK):
        raise TracerError(f"the native program is missing: {path}", help_text="Reinstall stracelet, or `make build`.")
    return str(path)


def _callers() -> list[int]:
    """Descriptors that our caller gave us beside the three streams: our own are not inheritable (PEP 446)."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the directory's own, closed by now
            if int(name) > STDERR and os.get_inheritable(int(name)):
                found.append(int(name))
    return found


def _callers_environment() -> dict[bytes, bytes]:
    """As our caller gave it to us: Python itself sets LC_CTYPE where the locale is C (PEP 538)."""
    try:
        given = (pair.partition(b"=") for pair in Path("/proc/self/environ").read_bytes().split(b"\0"))
        return {name: value for name, equals, value in given if equals}
    except OSError:
        return dict(os.environb)


def spawn(arguments: Sequence[str], command: Sequence[str]) -> tuple[Program, Link, Link]:
    """The supervisor, and our ends of the two sockets. TracerError: it cannot be started."""
    agent, agent_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control, control_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ends = agent_end.fileno(), control_end.fileno()
    line = [*arguments, f"--agent-fd={ends[0]}", f"--control-fd={ends[1]}", *(["--", *command] if command else [])]
    with agent_end, control_end:
        try:
            # The command gets them as from a shell, as strace's does; the supervisor lets nothing of its own through.
            process = subprocess.Popen(
                line,
                pass_fds=(*ends, *(_callers() if command else ())),
                env=_callers_environment() if command else None,
            )
        except OSError as error:
            agent.close()
            control.close()
            raise TracerError(f"{arguments[0]} cannot be started: {error.strerror}") from error
    return Program(process), Link(agent), Link(control)


class Program:
    """The supervisor's process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def fate(self) -> str:
        """What has become of it, once it has hung up."""
        status = self._process.poll()
        return "has gone" if status is None else f"ended with status {status}"

    async def end(self, timeout: float) -> None:
        """Waits for its end, which is brought about by hanging up; by force after `timeout` seconds."""
        try:
            await asyncio.to_thread(self._process.wait, timeout)
        except subprocess.TimeoutExpired:
            logger.warning("the supervisor (%d) does not end: killed", self._process.pid)
            self._kill()

    def _kill(self) -> None:
        try:
            self._process.kill()
        except PermissionError:  # we have dropped the right to, and it hangs up by itself
            logger.warning("the supervisor (%d) cannot be killed: it has rights that we dropped", self._process.pid)
        else:
            self._process.wait()
