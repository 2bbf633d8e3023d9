# SPDX-License-Identifier: Apache-2.0
"""strace as the reference: for counts where its definitions are ours, and to show that a test can fail."""

import os
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Self

from tests.native.harness.proc import all_traced, until


class Strace:
    """`strace -f -p PID`, from attached to detached. An async context manager; `summary` is read after its end."""

    def __init__(self, pid: int, *flags: str, output: Path = Path("/dev/null")) -> None:
        command = ["strace", "-q", "-f", *flags, "-o", str(output), "-p", str(pid)]
        self._target = pid
        self._output = output
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def __aenter__(self) -> Self:
        await until(lambda: all_traced([self._target]), "strace attached", 10)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()

    def end(self, deadline: float = 10.0) -> None:
        """Ctrl-C, and waits for its end; killed when it does not come (a frozen target)."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(deadline)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def summary(self) -> dict[str, tuple[float, int, int]]:
        """By syscall: seconds, calls, errors, of `-c` (with `-w`: seconds of wall time)."""
        return _summary(self._output)

    @staticmethod
    def counts(command: list[str | os.PathLike[str]], output: Path) -> Counter[str]:
        """The calls of a command from its exec to its end, by name; what never returns is not among them."""
        subprocess.run(["strace", "-q", "-f", "-c", "-o", output, *command], timeout=30)  # noqa: PLW1510
        return Counter({name: calls for name, (_, calls, _) in _summary(output).items()})


def _summary(output: Path) -> dict[str, tuple[float, int, int]]:
    row = re.compile(r"^\s*[\d.]+\s+([\d.]+)\s+\d+\s+(\d+)(?:\s+(\d+))?\s+(\w+)$")
    found = {}
    for line in output.read_text().splitlines():
        if (match := row.match(line)) and match[4] != "total":
            found[match[4]] = (float(match[1]), int(match[2]), int(match[3] or 0))
    return found
