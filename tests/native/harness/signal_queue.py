# SPDX-License-Identifier: Apache-2.0
"""The tracee `rtqueue`: queued real-time signals, numbered, so that one lost or added is seen."""

import subprocess

from tests.native.harness.proc import PATIENCE, until
from tests.native.harness.tracee import Programs, Tracee


class Queue:
    """Sends numbered signals to a running `rtqueue` from a process outside the container."""

    def __init__(self, tracee: Tracee, programs: Programs) -> None:
        self.tracee = tracee
        self._program = programs.path("rtqueue")
        self._sent = 0
        self._sender: subprocess.Popen[bytes] | None = None

    def send(self, number: int) -> None:
        """Starts to queue the next signals; what is still being queued is waited for first."""
        self.finish()
        command = [str(self._program), "send", str(self.tracee.pid), str(self._sent), str(number)]
        self._sender = subprocess.Popen(command)
        self._sent += number

    def finish(self) -> None:
        """Waits until everything is queued."""
        if self._sender is not None:
            assert self._sender.wait(30) == 0
            self._sender = None

    async def all_received(self, deadline: float = PATIENCE) -> None:
        """Every signal has arrived once and in order."""
        self.finish()
        await until(lambda: self.numbers()["received"] >= self._sent, f"{self._sent} queued signals received", deadline)
        assert self.numbers() == {"received": self._sent, "wrong": 0}

    def numbers(self) -> dict[str, int]:
        return {key: int(number) for key, number in (line.split() for line in self.tracee.ask())}
