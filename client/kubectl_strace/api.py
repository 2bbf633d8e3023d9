# SPDX-License-Identifier: Apache-2.0
"""The agent's HTTP, of one Trace; what it answers with is data of a node that may be anybody's."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any

from kubectl_strace.errors import AgentError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from kubectl_strace.agents import Agent
    from kubectl_strace.forwarding import Forward
    from kubectl_strace.traces import Trace

ANSWER_SECONDS = 15.0
QUIET_SECONDS = 15.0  # a stream has a heartbeat every 200 ms
MOST_BYTES = 64 << 20


class AgentApi:
    """`forward` says what kubectl complained of when nobody answers."""

    def __init__(self, agent: Agent, forward: Forward, trace: Trace) -> None:
        self.node = agent.node
        self._forward, self._trace = forward, trace

    def get(self, path: str) -> dict[str, Any]:
        """The answer's object. ClientError."""
        with self._request("GET", path, seconds=ANSWER_SECONDS) as answer:
            try:
                document = json.loads(answer.read(MOST_BYTES))
            except (OSError, HTTPException, ValueError) as error:
                raise self._lost(error) from error
        if not isinstance(document, dict):
            raise AgentError(f"{self.node}: the agent's answer is not what this version understands")
        return document

    def post(self, path: str, body: dict[str, Any] | None = None, *, seconds: float = ANSWER_SECONDS) -> None:
        """ClientError."""
        with self._request("POST", path, seconds=seconds, body=body):
            pass

    def stream(self, path: str) -> AbstractContextManager[HTTPResponse]:
        """POSTs, and leaves the answer to be read. ClientError."""
        return self._request("POST", path, seconds=QUIET_SECONDS)

    @contextmanager
    def _request(
        self, method: str, path: str, *, seconds: float, body: dict[str, Any] | None = None
    ) -> Iterator[HTTPResponse]:
        headers = {"Stracelet-Trace": self._trace.reference, "Authorization": f"Bearer {self._trace.bearer}"}
        content = None
        if method == "POST":
            content = b"" if body is None else json.dumps(body).encode()
            headers |= {"Content-Type": "application/json"} if body is not None else {}
        headers["Connection"] = "close"
        with closing(HTTPConnection("127.0.0.1", self._forward.port(), timeout=seconds)) as connection:
            try:
                connection.request(method, path, body=content, headers=headers)
                answer = connection.getresponse()
            except (OSError, HTTPException) as error:
                raise self._lost(error) from error
            with answer:
                if answer.status >= 300:
                    raise self._refused(answer)
                yield answer

    def _lost(self, error: Exception) -> ClientError:
        why = self._forward.said() or str(error) or type(error).__name__
        return AgentError(f"{self.node}: the agent does not answer: {why}")

    def _refused(self, answer: HTTPResponse) -> AgentError:
        """Its `error` and `help`, on one line."""
        try:
            document = json.loads(answer.read(1 << 16))
            said, mend = str(document["error"]), str(document.get("help") or "")
        except (OSError, HTTPException, ValueError, TypeError, KeyError, AttributeError):
            said, mend = f"the agent answers {answer.status} {answer.reason} and does not say why", ""
        return AgentError(f"{self.node}: {said}" + (f" ({mend.rstrip('.')})" if mend else ""), status=answer.status)
