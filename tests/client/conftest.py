# SPDX-License-Identifier: Apache-2.0
"""An agent's API as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.images import wait_for

SERVER = Path(__file__).with_name("agent.py")


@dataclass
class Played:
    """A running server; `port` and `said` are what Forward has of a real one."""

    process: subprocess.Popen[str]
    number: int
    log: Path

    def port(self) -> int:
        return self.number

    def said(self) -> str:
        return ""

    def happened(self, what: str) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()[1:]
        return [event for event in map(json.loads, lines) if event["what"] == what]

    def until(self, what: str, count: int = 1) -> list[dict[str, Any]]:
        return wait_for(lambda: found if len(found := self.happened(what)) >= count else [], what=what)

    @property
    def acknowledged(self) -> list[int]:
        return [event["position"] for event in self.happened("acknowledged")]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Played]]:
    """Starts a server with this play; all are ended, and fail the test if a client sent what it should not."""
    started: list[Played] = []

    def start(**script: Any) -> Played:
        log = tmp_path / f"agent-{len(started)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, SERVER, json.dumps({"node": f"node-{len(started) + 1}", **script})], stdout=output,
                text=True,
            )  # fmt: skip
        first = wait_for(lambda: log.read_text().partition("\n")[0], what="the server listens")
        started.append(Played(process, json.loads(first)["port"], log))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()
    wrong = [event for each in started for event in each.happened("refused") if event["status"] in (400, 401, 404)]
    assert wrong == [], "the client keeps to the contract"
