# SPDX-License-Identifier: Apache-2.0
"""A client's side of the API, against a server that takes nothing else."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

import pytest

from kubectl_strace import messages
from kubectl_strace.agents import Agent
from kubectl_strace.api import AgentApi
from kubectl_strace.errors import AgentError, ClientError
from kubectl_strace.resolution import Group
from kubectl_strace.stream import Lost, Stream
from kubectl_strace.traces import Trace
from tests.client.conftest import Played

DEADLINE = 20.0
GROUP = Group("shop", "pod/web-0", pods=("web-0",))
AGENT = Agent("stracelet", "stracelet-abcde", "node-1")
Play = Callable[..., Played]


class Reading:
    """A stream whose messages a test takes."""

    def __init__(self, server: Played) -> None:
        self.inbox: queue.Queue[Any] = queue.Queue(100)
        self.trace = Trace(GROUP)
        self.api = AgentApi(AGENT, server, self.trace)  # type: ignore[arg-type]
        self.stream = Stream(GROUP, AGENT, lambda: self.api, self.inbox)
        self.stream.start()

    def until(self, kind: type) -> Any:
        deadline = time.monotonic() + DEADLINE
        while True:
            _, message = self.inbox.get(timeout=max(deadline - time.monotonic(), 0.01))
            if isinstance(message, kind):
                return message


def test_what_is_printed_is_acknowledged_and_the_end_brings_the_last_lines(play: Play) -> None:
    server = play(
        steps=[{"lines": [[0, "one"], [0, "two"]]}], last=[[0, "three"]], summary={"text": "t", "containers": 1}
    )
    reading = Reading(server)
    assert reading.until(messages.Started).node == "node-1"
    assert [text for _, text in reading.until(messages.Lines).lines] == ["one", "two"]
    assert server.acknowledged == [], "nothing has been printed"
    reading.stream.printed = 2
    server.until("acknowledged")
    assert server.acknowledged == [2]
    reading.stream.end()
    assert [text for _, text in reading.until(messages.Lines).lines] == ["three"]
    assert reading.until(messages.Summary) == messages.Summary("t", 1)
    assert reading.until(messages.End).reason == "client"


def test_a_key_and_no_credential_goes_to_the_agent(play: Play) -> None:
    server = play(containers=[{"pod": "web-0"}])
    reading = Reading(server)
    reading.until(messages.Started)
    assert reading.api.get("/v1/containers") == {"node": "node-1", "containers": [{"pod": "web-0"}]}
    reading.stream.end()
    reading.until(messages.End)
    for request in server.happened("request"):
        assert request["trace"] == reading.trace.reference
        assert request["key"] == reading.trace.bearer
        assert set(map(str.lower, request["headers"])) <= {
            "host", "accept-encoding", "content-length", "content-type", "connection", "stracelet-trace",
            "authorization",
        }  # fmt: skip


def test_a_quiet_trace_is_acknowledged_too(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubectl_strace.stream.QUIET_SECONDS", 0.5)
    server = play(patience=2)
    reading = Reading(server)
    server.until("acknowledged", 6)  # 3 s: longer than the server waits
    reading.stream.end()
    assert reading.until(messages.End).reason == "client"
    assert set(server.acknowledged) == {0}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"refuse": [429, "bob has 5 traces already", "End one of them."]},
         r"^node-1: bob has 5 traces already \(End one of them\)$"),
        ({"refuse": [503, "the tracer does not answer", ""]}, "^node-1: the tracer does not answer$"),
        ({"steps": [{"cut": True}]}, "^node-1: the connection to the agent is lost"),
        ({"steps": [{"raw": "nonsense\n"}]}, "^node-1: its stream is not what this version understands$"),
        ({"steps": [{"raw": '{"type":"lines","position":1,"lines":[7]}\n'}]}, "not what this version understands"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said_of_the_node(play: Play, script: dict[str, Any], said: str) -> None:
    lost = Reading(play(**script)).until(Lost)
    with pytest.raises(AgentError, match=said):
        raise lost.error


def test_what_this_version_does_not_know_is_passed_over(play: Play) -> None:
    reading = Reading(play(steps=[{"raw": '{"type":"weather"}\n'}, {"end": ["duration", "10s are over"]}]))
    assert reading.until(messages.End) == messages.End("duration", "10s are over")


def test_nobody_there_is_an_error_and_no_traceback(play: Play) -> None:
    server = play()
    server.process.kill()
    server.process.wait()
    with pytest.raises(ClientError, match="node-1: the agent does not answer"):
        AgentApi(AGENT, server, Trace(GROUP)).get("/v1/containers")  # type: ignore[arg-type]


def test_lines_come_whole_whatever_the_pieces() -> None:
    splitter = messages.Splitter()
    assert [list(splitter.feed(piece)) for piece in (b"a", b"b\nc", b"\n\nd\ne", b"")] == [
        [],
        [b"ab"],
        [b"c", b"d"],
        [],
    ]


def test_a_printer_that_is_held_up_holds_nobody_up(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does not take is left out and counted, and all else waits for it."""
    monkeypatch.setattr("kubectl_strace.stream.PATIENCE_SECONDS", 0.2)
    container = {"event": "attached", "namespace": "shop", "pod": "web-0", "container": "web", "container_id": "1"}
    steps: list[Any] = [{"lines": [[0, f"line {at}"], [0, "another"]]} for at in range(200)]
    server = play(steps=[*steps, {"container": container}, *steps, {"wait": 1.0}, {"end": ["duration", ""]}])
    reading = Reading(server)
    server.until("over")
    assert server.acknowledged == [], "it has printed nothing"
    counts: list[int] = []
    kinds: list[str] = []
    while not kinds or kinds[-1] != "End":
        _, message = reading.inbox.get(timeout=DEADLINE)
        kinds += [type(message).__name__] if kinds[-1:] != [type(message).__name__] else []
        match message:
            case messages.Lines(lines=lines):
                counts.append(len(lines))
            case messages.Dropped(count=count):
                counts.append(count)
    assert kinds == ["Started", "Lines", "Dropped", "Container", "End"]
    assert sum(counts) == 800
    assert counts[-1] > 400, "in one"
