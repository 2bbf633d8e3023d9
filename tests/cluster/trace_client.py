# SPDX-License-Identifier: Apache-2.0
"""A client of the agent's trace API, as small as can be."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import secrets
import socket
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from tests.images import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.cluster.conftest import Cluster

DEADLINE = 30.0


class TraceObject:
    """A Trace in the cluster, and its key. A context manager that deletes it."""

    def __init__(self, cluster: Cluster, namespace: str, *, seconds: float = 600, **spec: Any) -> None:
        self._cluster, self.namespace = cluster, namespace
        self.name, self.key = f"test-{uuid.uuid4().hex[:8]}", secrets.token_bytes(32)
        self._spec = {
            "user": "kubernetes-admin",
            "filter": [],
            "expires": (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "keyHash": hashlib.sha256(self.key).hexdigest(),
            **spec,
        }

    def __enter__(self) -> Self:
        document = {
            "apiVersion": "stracelet.io/v1alpha1",
            "kind": "Trace",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self._spec,
        }
        self._cluster.kubectl("create", "-f", "-", data=json.dumps(document))
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.kubectl("delete", "traces.stracelet.io", "-n", self.namespace, self.name, "--ignore-not-found")

    @property
    def there(self) -> bool:
        get = ("get", "traces.stracelet.io", "-n", self.namespace, self.name, "--ignore-not-found", "-o", "name")
        return bool(self._cluster.kubectl(*get))

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Stracelet-Trace": f"{self.namespace}/{self.name}", "Authorization": f"Bearer {self.key.hex()}"}


def ask(
    port: int, method: str, path: str, headers: Mapping[str, str], body: Any = None
) -> tuple[int, Mapping[str, Any]]:
    """The status and the document of the answer, if there is one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=dict(headers))
        response = connection.getresponse()
        data = response.read()
        return response.status, json.loads(data) if data else {}
    finally:
        connection.close()


class Stream:
    """A trace that runs, read by a thread. A context manager that hangs up."""

    def __init__(self, port: int, trace: TraceObject, *, reads: bool = True, acknowledges: bool = True) -> None:
        self._port, self._trace, self._acknowledges = port, trace, acknowledges
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        self.messages: list[Mapping[str, Any]] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reads = reads

    def __enter__(self) -> Self:
        self._connection.request("POST", "/v1/traces", headers=dict(self._trace.headers))
        self._socket = self._connection.sock  # which the response takes over
        self.response = self._connection.getresponse()
        assert self.response.status == 200, self.response.read()
        self.messages.append(json.loads(self.response.readline()))
        if self._reads:
            self._reading.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """As a client that is killed."""
        with contextlib.suppress(OSError):  # it is closed already
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._reading.is_alive():
            self._reading.join(DEADLINE)
        self.response.close()
        self._connection.close()

    def read_on(self) -> None:
        self._reading.start()

    def _read(self) -> None:
        try:
            while line := self.response.readline():
                self.messages.append(json.loads(line))
                if self._acknowledges and self.messages[-1]["type"] in ("lines", "heartbeat"):
                    self.acknowledge(self.position)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):  # hung up meanwhile
            return

    @property
    def position(self) -> int:
        return max((message["position"] for message in self.of("lines")), default=0)

    @property
    def id(self) -> str:
        return str(self.messages[0]["id"])

    def acknowledge(self, position: int) -> None:
        ask(self._port, "POST", f"/v1/traces/{self.id}/ack", self._trace.headers, {"position": position})

    def end(self) -> None:
        assert ask(self._port, "POST", f"/v1/traces/{self.id}/end", self._trace.headers)[0] == 204
        self.until(lambda: bool(self.of("end")), "the end")

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def lines(self) -> list[str]:
        return [text for message in self.of("lines") for _, text in message["lines"]]

    def until(self, true: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
        wait_for(true, what=what, seconds=seconds)
