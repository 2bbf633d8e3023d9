# SPDX-License-Identifier: Apache-2.0
"""What a command says of an agent that does not do what an agent does."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stracelet.cli.host_agent import AgentLost, Asking, HostAgent
from stracelet.errors import UsageError


@dataclass
class Odd:
    """Answers each connection with the same bytes, and keeps it open."""

    listening: socket.socket
    path: str
    answer: bytes = b""
    taken: list[socket.socket] = field(default_factory=list)

    def serve(self) -> None:
        while True:
            try:
                taken, _ = self.listening.accept()
            except OSError:
                return
            self.taken.append(taken)
            if taken.recv(1 << 16):  # else it was to see whether anybody listens
                taken.sendall(self.answer)


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Odd]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "agent.sock"))
        listening.listen()
        made = Odd(listening, str(tmp_path / "agent.sock"))
        thread = threading.Thread(target=made.serve)
        thread.start()
        yield made
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    for each in made.taken:
        each.close()


def test_one_that_does_not_answer_is_no_end_in_order(odd: Odd) -> None:
    command = [
        sys.executable,
        "-m",
        "stracelet.cli.main",
        "trace",
        "--agent",
        odd.path,
        "--duration",
        "300ms",
        "docker/x",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"stracelet: the agent at {odd.path} does not answer\n"


def test_one_that_falls_silent_has_gone(odd: Odd) -> None:
    odd.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n"
    with Asking(HostAgent(odd.path, named=True, ours=True), seconds=0.2) as asking:
        asking.begin("POST", "/v1/traces")
        lines = asking.lines()
        assert next(lines) == b"{}\n"
        with pytest.raises(AgentLost, match="has gone"):
            next(lines)


@pytest.mark.parametrize(
    ("body", "said"),
    [(b'{"error": "no such thing", "help": "look"}', "no such thing"), (b"no JSON", "refuses it: 400 No")],
)
def test_a_refusal_is_said_whatever_it_is(odd: Odd, body: bytes, said: str) -> None:
    odd.answer = b"HTTP/1.1 400 No\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with pytest.raises(UsageError, match=said):
        HostAgent(odd.path, named=True, ours=True).containers({})


def test_of_processes_it_is_not_asked_for_long(odd: Odd) -> None:
    with pytest.raises(AgentLost):
        HostAgent(odd.path, named=False, ours=True).has_any([1], seconds=1.0)
