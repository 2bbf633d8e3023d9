# SPDX-License-Identifier: Apache-2.0
"""Whether named pods have come to their end, and which nodes get pods of a group: both are the API server's to say."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

from kubectl_strace.errors import ClientError
from kubectl_strace.parallel import Later
from kubectl_strace.pods import pod_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_strace.kubectl import Kubectl
    from kubectl_strace.resolution import Group

SOON_SECONDS = 0.5  # after a container's end
LATER_SECONDS = 5.0
AGAIN_SECONDS = 2.0


class Endings:
    """Of groups that name pods. A crashing container comes back in the same pod, so the pod decides."""

    def __init__(self, kubectl: Kubectl, groups: Sequence[Group], *, endless: bool) -> None:
        self._kubectl, self._groups = kubectl, groups
        self._endless = endless or any(group.endless for group in groups)
        self._asking: Later[bool] | None = None
        self._answered = threading.Event()
        self._ended = 0
        self._next = time.monotonic() + LATER_SECONDS

    def come(self, ended: int) -> bool:
        """To be asked while nothing is attached; `ended`: how many containers have."""
        if self._endless:
            return False
        now = time.monotonic()
        if ended != self._ended:
            self._ended, self._next = ended, min(self._next, now + SOON_SECONDS)
        if self._asking is None and now >= self._next:
            self._answered.clear()
            self._asking = Later(self._ask)
        if self._asking is None or not self._answered.is_set():
            return False
        asked, self._asking = self._asking, None
        self._next = now + AGAIN_SECONDS
        return asked.result()

    def _ask(self) -> bool:
        try:
            return all(self._gone(group) for group in self._groups)
        except ClientError:  # the API server may be away for a while: nothing is known to have ended
            return False
        finally:
            self._answered.set()

    def _gone(self, group: Group) -> bool:
        items = self._kubectl.items("get", "pods", "-n", group.namespace, *group.pods, "--ignore-not-found")
        return all(pod_of(item).finished for item in items)


class NewNodes:
    """The nodes that get a pod of the group, from `kubectl get -w`, which is begun anew when the server ends it."""

    def __init__(self, kubectl: Kubectl, group: Group) -> None:
        self.group = group
        self._kubectl = kubectl.lasting
        self._known = set(group.nodes)
        self._nodes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def running(self) -> bool:
        return not self._closed.is_set()

    def take(self) -> Iterator[str]:
        while not self._nodes.empty():
            yield self._nodes.get()

    def close(self) -> None:
        self._closed.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _run(self) -> None:
        which = ["-l", self.group.selector] if self.group.selector else []
        command = self._kubectl.command("get", "pods", "-n", self.group.namespace, *which, "-w", "-o", "json")
        own: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}
        while not self._closed.is_set():
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
                errors="replace", **own,
            ) as self._process:  # fmt: skip
                assert self._process.stdout is not None  # noqa: S101 - a pipe
                for item in objects(iter(self._read, "")):
                    self._see(item)
            self._closed.wait(AGAIN_SECONDS)

    def _read(self) -> str:
        assert self._process is not None  # noqa: S101 - it has been started
        assert self._process.stdout is not None  # noqa: S101 - a pipe
        return self._process.stdout.readline()

    def _see(self, item: dict[str, Any]) -> None:
        pod = pod_of(item)
        if pod.node and not pod.finished and pod.node not in self._known:
            self._known.add(pod.node)
            self._nodes.put(pod.node)


def objects(pieces: Iterator[str]) -> Iterator[dict[str, Any]]:
    """JSON objects that follow one another, from text in pieces. ClientError: it is no JSON."""
    decoder, text = json.JSONDecoder(), ""
    for piece in pieces:
        text = (text + piece).lstrip()
        if not (piece[:1] in ("{", "}") and piece.rstrip().endswith("}")):  # an inner one is indented
            continue
        try:
            item, end = decoder.raw_decode(text)
        except ValueError:
            if len(text) > 32 << 20:
                raise ClientError("kubectl get -w: it printed no JSON") from None
            continue
        text = text[end:]
        if isinstance(item, dict):
            yield item
