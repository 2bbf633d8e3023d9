# SPDX-License-Identifier: Apache-2.0
"""One trace at one agent: a thread reads what comes, another acknowledges what has been printed."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING

from kubectl_strace import messages
from kubectl_strace.errors import AgentError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_strace.agents import Agent
    from kubectl_strace.api import AgentApi
    from kubectl_strace.resolution import Group

LOOK_SECONDS = 0.25
BUSY_SECONDS = 0.5  # between two acknowledgements while lines flow
QUIET_SECONDS = 4.0  # the agent ends a trace that nobody acknowledges for 15 s
END_SECONDS = 3.0
PATIENCE_SECONDS = 2.0  # with a printer that is held up; then lines are left out, as the agents do
CHUNK = 1 << 17


@dataclass(frozen=True)
class Lost:
    """The stream has ended otherwise than by its last message."""

    error: ClientError


class Stream:
    """Puts (itself, message) into the inbox, which bounds what has been read and not yet been printed.

    `open_` reaches the agent. `printed` is for the printer to set. `after`: another one of that agent, which is to be
    answered before; so all agents refuse the same ones when they have no room for all.
    """

    def __init__(
        self,
        group: Group,
        agent: Agent,
        open_: Callable[[], AgentApi],
        inbox: queue.Queue[tuple[Stream, messages.Message | Lost]],
        after: Stream | None = None,
    ) -> None:
        self.group, self.agent, self._after = group, agent, after
        self.answered = threading.Event()
        self._left = threading.Event()
        self.printed = 0
        self.id = ""
        self._open, self._inbox = open_, inbox
        self._api: AgentApi | None = None
        self._over = threading.Event()
        self.acknowledging_failed = ""
        self._kept: list[messages.Message] = []

    @property
    def node(self) -> str:
        return self.agent.node

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"read {self.node}", daemon=True).start()

    def _run(self) -> None:
        if self._after is not None:
            self._after.answered.wait()
        try:
            ended = self._left.is_set() or self._read()
            self._pass_rest()
            if not ended:
                raise AgentError(f"{self.node}: the connection to the agent is lost")
        except ClientError as error:
            self._pass_rest()
            self._inbox.put((self, Lost(error)))
        except (OSError, HTTPException) as error:
            self._pass_rest()
            self._inbox.put((self, Lost(AgentError(f"{self.node}: the connection to the agent is lost: {error}"))))
        finally:
            self.answered.set()
            self._over.set()

    def _read(self) -> bool:
        """Whether its last message has come, or it is to be left."""
        self._api = self._open()
        splitter = messages.Splitter()
        with self._api.stream("/v1/traces") as answer:
            while data := answer.read1(CHUNK):
                if self._left.is_set():
                    return True
                for line in splitter.feed(data):
                    message = self._parse(line)
                    if isinstance(message, messages.Started) and not self.id:
                        self.id = message.id
                        self.answered.set()
                        threading.Thread(target=self._acknowledge, name=f"ack {self.node}", daemon=True).start()
                    if message is not None:
                        self._pass(message)
                    if isinstance(message, messages.End):
                        return True
        return False

    def _pass(self, message: messages.Message) -> None:
        """To the printer. One that is held up is not waited for: the connection would be held up, and with it what
        goes the same way, the acknowledgements."""
        seconds = 0.0 if self._kept else PATIENCE_SECONDS
        self._kept.append(message)
        try:
            while self._kept:
                self._inbox.put((self, self._kept[0]), timeout=seconds)
                del self._kept[0]
        except queue.Full:
            self._kept = without_lines(self._kept)

    def _pass_rest(self) -> None:
        for message in self._kept:
            self._inbox.put((self, message))

    def _parse(self, line: bytes) -> messages.Message | None:
        try:
            return messages.parse(line)
        except AgentError as error:
            raise AgentError(f"{self.node}: {error}") from error

    def _acknowledge(self) -> None:
        """A printer that is held up acknowledges what it had printed: it is alive, and so the trace is wanted."""
        done, when = 0, time.monotonic()
        while not self._over.wait(LOOK_SECONDS):
            now = time.monotonic()
            if now - when < (BUSY_SECONDS if self.printed != done else QUIET_SECONDS):
                continue
            done, when = self.printed, now
            try:
                self._post("ack", {"position": done}, seconds=QUIET_SECONDS)
                self.acknowledging_failed = ""
            except ClientError as error:  # the reader sees the end, if this is one
                self.acknowledging_failed = str(error)

    def leave(self) -> None:
        """Nothing of it is wanted: it is not begun, or its connection is closed at the next that comes."""
        self._left.set()

    def end(self) -> None:
        """Asks the agent to detach; the last lines, tables and the last message then come. ClientError."""
        if self.id and not self._over.is_set():
            self._post("end", None, seconds=END_SECONDS)

    def _post(self, what: str, body: dict[str, int] | None, *, seconds: float) -> None:
        if self._api is not None:
            self._api.post(f"/v1/traces/{self.id}/{what}", body, seconds=seconds)


def without_lines(kept: Sequence[messages.Message]) -> list[messages.Message]:
    """How many lines are missing, and what is no line."""
    missing = sum(len(each.lines) for each in kept if isinstance(each, messages.Lines))
    missing += sum(each.count for each in kept if isinstance(each, messages.Dropped))
    times = [each.lines[0][0] for each in kept if isinstance(each, messages.Lines) and each.lines]
    times += [each.time for each in kept if isinstance(each, messages.Dropped)]
    gap = [messages.Dropped(missing, min(times))] if missing else []
    passing = (messages.Lines, messages.Dropped, messages.Heartbeat)
    return [*gap, *(each for each in kept if not isinstance(each, passing))]
