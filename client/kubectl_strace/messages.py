# SPDX-License-Identifier: Apache-2.0
"""What an agent's stream consists of: one JSON object a line. Times are ns since the epoch, of the agent's clock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_strace.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Started:
    id: str
    node: str
    time: int


@dataclass(frozen=True)
class Container:
    """`event`: attached, ended, failed; `text`: for a person."""

    event: str
    namespace: str
    pod: str
    name: str
    id: str
    text: str
    time: int


@dataclass(frozen=True)
class Lines:
    """(time, text) in the order of time. `position`: how many lines there have been from the start, these included."""

    position: int
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Dropped:
    count: int
    time: int


@dataclass(frozen=True)
class Heartbeat:
    """No line that is older comes after it."""

    time: int


@dataclass(frozen=True)
class Summary:
    """Tables as text, of so many containers."""

    text: str
    containers: int


@dataclass(frozen=True)
class End:
    """The last one; `reason` is one of the API's words."""

    reason: str
    text: str


Message = Started | Container | Lines | Dropped | Heartbeat | Summary | End
LONGEST = 32 << 20  # bytes of one object


def parse(line: bytes) -> Message | None:
    """None: a kind that this version does not know. AgentError: not what was agreed on."""
    try:
        return _message(json.loads(line))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AgentError("its stream is not what this version understands") from error


def _message(data: dict[str, Any]) -> Message | None:
    read = READERS.get(data["type"])
    return None if read is None else read(data)


def _container(data: dict[str, Any]) -> Container:
    event, namespace, pod, name, id_ = (
        str(data[key]) for key in ("event", "namespace", "pod", "container", "container_id")
    )
    return Container(event, namespace, pod, name, id_, str(data.get("text", "")), int(data["time"]))


READERS: dict[str, Callable[[dict[str, Any]], Message]] = {
    "lines": lambda data: Lines(int(data["position"]), tuple((int(time), str(text)) for time, text in data["lines"])),
    "heartbeat": lambda data: Heartbeat(int(data["time"])),
    "container": _container,
    "started": lambda data: Started(str(data["id"]), str(data["node"]), int(data["time"])),
    "dropped": lambda data: Dropped(int(data["count"]), int(data["time"])),
    "summary": lambda data: Summary(str(data["text"]), int(data["containers"])),
    "end": lambda data: End(str(data["reason"]), str(data.get("text", ""))),
}


class Splitter:
    """Bytes as they come, to lines."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that are whole now. AgentError: one that has no end."""
        at = len(self._rest)
        self._rest += data
        if (end := self._rest.rfind(b"\n", at)) < 0:
            if len(self._rest) > LONGEST:
                raise AgentError("its stream is not what this version understands")
            return
        whole = bytes(self._rest[:end])
        del self._rest[: end + 1]
        yield from (line for line in whole.split(b"\n") if line.strip())
