# SPDX-License-Identifier: Apache-2.0
"""The `stracelet` command as a user runs it: a process, with its exit status and what it printed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.images import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

PROGRAM = [sys.executable, "-m", "stracelet.cli.main"]
# Where Python lives in a home that only root may enter, another user can run it only if root has loaded it before.
AS_USER = """\
import os, sys, encodings.ascii, encodings.idna, http.cookiejar, concurrent.futures.thread
import stracelet.cli.main, stracelet.containers.cri, stracelet.containers.docker, stracelet.records.files
import stracelet.cli.trace_command, stracelet.cli.trace_targets
stracelet.cli.main.commands()
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
sys.exit(stracelet.cli.main.main(sys.argv[2:]))
"""
AGENT = Path(__file__).resolve().parents[1] / "agent"
DEADLINE = 60.0


def environment() -> Mapping[str, str]:
    """Ours, with the checkout's package first, so that a test never runs an installed older one, nor asks an agent."""
    paths = [str(AGENT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": ":".join(paths), "COLUMNS": "200", "STRACELET_AGENT": "off"}


class Command:
    """A running `stracelet ARGUMENTS`; killed on exit if it has not ended."""

    def __init__(
        self, *arguments: str, user: int | None = None, stdin: int = subprocess.DEVNULL, own_group: bool = False
    ) -> None:
        self.arguments = arguments
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self.process = subprocess.Popen(
            [*(PROGRAM if user is None else (sys.executable, "-c", AS_USER, str(user))), *arguments],
            stdin=stdin,
            stdout=self._out,
            stderr=self._err,
            env=environment(),
            process_group=0 if own_group else None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        if error is not None:
            print(f"stracelet {' '.join(self.arguments)}: {self.process.returncode}\n{self.out}\n{self.err}")
        self._out.close()
        self._err.close()

    @property
    def out(self) -> str:
        return _whole(self._out.fileno())

    @property
    def err(self) -> str:
        return _whole(self._err.fileno())

    def says(self, text: str, *, seconds: float = 20.0) -> None:
        """Waits until `text` is on its stderr; fails when it ends before."""

        def look() -> bool:
            ended = self.process.poll() is not None
            if text in self.err:
                return True
            assert not ended, f"it ended ({self.process.returncode}) without {text!r}: {self.err}"
            return False

        wait_for(look, what=text, seconds=seconds)

    def interrupt(self, number: int = signal.SIGINT) -> int:
        """Sends the signal, as Ctrl-C would, and returns its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self, seconds: float = DEADLINE) -> int:
        return self.process.wait(seconds)


def _whole(fd: int) -> str:
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0).decode(errors="replace")


def run(*arguments: str, user: int | None = None, seconds: float = DEADLINE) -> subprocess.CompletedProcess[str]:
    """Runs it to its end; never with a traceback on stderr, whatever the arguments."""
    with Command(*arguments, user=user) as command:
        status = command.wait(seconds)
        done = subprocess.CompletedProcess(arguments, status, command.out, command.err)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def calls(table: str) -> dict[str, tuple[int, int]]:
    """{syscall: (calls, errors)} of one summary table with the default columns, "total" included."""
    found: dict[str, tuple[int, int]] = {}
    for line in table.splitlines():
        fields = re.fullmatch(r" *[\d.]+ +[\d.]+ +\d+ +(\d+) (.{9}) (\S+)", line)
        if fields:
            found[fields[3]] = int(fields[1]), int(fields[2].strip() or 0)
    return found


def sections(text: str) -> dict[str, dict[str, tuple[int, int]]]:
    """{heading: calls} of an output with several tables."""
    parts: Sequence[str] = text.split("\n\n")
    return {part.partition(":\n")[0]: calls(part) for part in parts}
