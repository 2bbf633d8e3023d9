# SPDX-License-Identifier: Apache-2.0
"""The messages between agent, supervisor and tracer: struct stl_message on the wire, named tuples here.

Not data classes: to make one takes Python half a millisecond, which the first line of each trace would wait for.
What comes in is not trusted: `decode` raises TracerError for what is no message of this version.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from stracelet.errors import SessionLost as SessionLostError
from stracelet.errors import TracerError
from stracelet.native import constants, errno_name

if TYPE_CHECKING:
    from collections.abc import Callable

END_EXITED: Final[int] = constants.STL_END_EXITED
END_DIED: Final[int] = constants.STL_END_DIED
END_STALLED: Final[int] = constants.STL_END_STALLED
# No message says so: the supervisor itself has gone.
END_LOST: Final = -1

SUP_CONNECT: Final[int] = constants.STL_SUP_CONNECT
SUP_SIGNAL: Final[int] = constants.STL_SUP_SIGNAL
REQ_POLICY: Final[int] = constants.STL_REQ_POLICY
REQ_TRACE: Final[int] = constants.STL_REQ_TRACE
TRACE_SILENT: Final[int] = constants.STL_TRACE_SILENT
REQ_PID: Final[int] = constants.STL_REQ_PID
REQ_DROP: Final[int] = constants.STL_REQ_DROP
REQ_RELEASE: Final[int] = constants.STL_REQ_RELEASE
REQ_FILTER: Final[int] = constants.STL_REQ_FILTER
REQ_RECORD: Final[int] = constants.STL_REQ_RECORD
REQ_COMMAND: Final[int] = constants.STL_REQ_COMMAND
REQ_END: Final[int] = constants.STL_REQ_END
TEXT_SIZE: Final[int] = constants.STL_TEXT_SIZE

_MESSAGE: Final = struct.Struct(f"=IIQqqq{constants.STL_ID_SIZE}s{constants.STL_TEXT_SIZE}s")
MESSAGE_SIZE: Final = _MESSAGE.size


class Message(NamedTuple):
    """One struct stl_message; what its fields mean depends on its type. `raw`: bytes in the place of the text."""

    type: int
    slot: int = 0
    serial: int = 0
    pid: int = 0
    value: int = 0
    detail: int = 0
    id: str = ""
    text: str = ""
    raw: bytes = b""

    def encode(self) -> bytes:
        """As it goes over the socket. TracerError: the ID, the text or the bytes are too long."""
        container, text = self.id.encode(), self.text.encode()
        if len(container) >= constants.STL_ID_SIZE or len(text) >= TEXT_SIZE or len(self.raw) > TEXT_SIZE:
            raise TracerError(f"too long for a message to the tracer: {self.id or self.text!r}")
        content = self.raw or text
        return _MESSAGE.pack(self.type, self.slot, self.serial, self.pid, self.value, self.detail, container, content)

    @classmethod
    def decode(cls, data: bytes) -> Message:
        """The inverse of encode(). TracerError: not of this size."""
        if len(data) != MESSAGE_SIZE:
            raise TracerError(f"the native program sent {len(data)} bytes where a message has {MESSAGE_SIZE}")
        kind, slot, serial, pid, value, detail, container, text = _MESSAGE.unpack(data)
        return cls(kind, slot, serial, pid, value, detail, _text(container), _text(text))


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "backslashreplace")


class Hello(NamedTuple):
    """A tracer is there. It knows of nothing that an earlier one was asked for."""

    generation: int
    pid: int


class Seen(NamedTuple):
    """A container's cgroup appeared; it is not traced. `text`: the path under its hierarchy's root."""

    id: str
    text: str


class New(NamedTuple):
    """As Seen, and it is traced provisionally: it is to be traced or dropped within 2 s."""

    slot: int
    serial: int
    id: str
    text: str


class Gone(NamedTuple):
    """A container's cgroup is gone."""

    id: str


class Attached(NamedTuple):
    """How many of its tasks are traced, and how many are still waited for."""

    slot: int
    serial: int
    id: str
    tasks: int
    pending: int


class Failed(NamedTuple):
    """A task could not be traced, or not from its start. `reason`: STL_FAIL_*; `detail`: an errno, or the other
    tracer's thread ID."""

    slot: int
    serial: int
    id: str
    pid: int
    reason: int
    detail: int
    text: str

    def __str__(self) -> str:
        if self.reason == constants.STL_FAIL_LATE:
            why = self.text or "until then it had to be left alone"
            return f"process {self.pid} is traced only from after its first exec on: {why}"
        why = self.text or _FAILURES.get(self.reason, describe_error)(self.detail)
        return f"process {self.pid} cannot be traced: {why}"


class Ended(NamedTuple):
    """No task of it is left, and none will come."""

    slot: int
    serial: int
    id: str


class Waiting(NamedTuple):
    """There is no such cgroup yet; it is traced as soon as it appears."""

    id: str


class Timeout(NamedTuple):
    """It was provisional for 2 s without an answer: let go, and its counts thrown away."""

    slot: int
    serial: int
    id: str


class Overflow(NamedTuple):
    """Events were lost: the slots say what is."""


class Refused(NamedTuple):
    """A request was refused."""

    id: str
    pid: int
    error: int
    text: str

    def __str__(self) -> str:
        return f"refused: {self.text} ({describe_error(self.error)})"


class Unwatched(NamedTuple):
    """Not all of the cgroup tree can be watched, for this errno; 0: it is watched again."""

    error: int

    def __str__(self) -> str:
        if not self.error:
            return "the cgroup tree is watched again"
        return (
            f"the cgroup tree cannot be watched ({describe_error(self.error)}) and is looked at now and then:"
            " what starts is traced late, and what is short may be missed; `stracelet doctor` says what to do"
        )


class TracerStarted(NamedTuple):
    """The supervisor has started a tracer."""

    generation: int
    pid: int


class TracerEnded(NamedTuple):
    """A tracer is gone. `reason`: END_*; `status`: as of os.wait()."""

    pid: int
    reason: int
    status: int


class CommandEnded(NamedTuple):
    """`-- COMMAND` is over. `status`: as of os.wait(); `error`: an errno if it was never run, `text` then says why."""

    pid: int
    status: int
    error: int
    text: str


class SessionLost(NamedTuple):
    """The supervisor is gone, and the tracer with it; nothing comes after this."""

    error: SessionLostError


class SupervisorLost(NamedTuple):
    """The supervisor's container has gone, or its connection; the Hello of another tracer follows."""

    def __str__(self) -> str:
        return "the tracer's container has gone; its targets go on untraced until it is back"


class TracerDone(NamedTuple):
    """Everything is detached, as was asked for."""


Event = (
    Hello | Seen | New | Gone | Attached | Failed | Ended | Waiting | Timeout | Overflow | Refused | Unwatched
    | TracerStarted | TracerEnded | CommandEnded | SessionLost | SupervisorLost | TracerDone
)  # fmt: skip


class ArenaPassed(NamedTuple):
    """The arena's descriptor comes with it."""


class PositionsPassed(NamedTuple):
    """The descriptor of the rings' read positions comes with it."""


class Connected(NamedTuple):
    """The answer to SUP_CONNECT; `error` is an errno, or 0 and a socket comes with it."""

    number: int
    error: int


TRACED_NEVERTHELESS: Final = frozenset({constants.STL_FAIL_LATE, constants.STL_FAIL_TARGET_TRACES})
"""Of a Failed's reasons: that is no reason why nothing of a container would be traced."""


def describe_error(detail: int) -> str:
    """`No such file or directory (ENOENT)` for 2; any number, since a message may hold any."""
    name = errno_name(detail)
    return f"code {detail}" if name is None else f"{os.strerror(detail)} ({name})"


_FAILURES: Final[dict[int, Callable[[int], str]]] = {
    constants.STL_FAIL_TRACED: lambda tracer: f"it is traced already, by {tracer}",
    constants.STL_FAIL_TARGET_TRACES: lambda _: "a process of the target's own traces it",
    constants.STL_FAIL_LIMIT: lambda _: "there is no room for more",
}

_EVENTS: Final[dict[int, Callable[[Message], Event | ArenaPassed | PositionsPassed | Connected]]] = {
    constants.STL_SUP_ARENA: lambda _: ArenaPassed(),
    constants.STL_SUP_POSITIONS: lambda _: PositionsPassed(),
    constants.STL_SUP_TRACER_STARTED: lambda m: TracerStarted(m.value, m.pid),
    constants.STL_SUP_TRACER_ENDED: lambda m: TracerEnded(m.pid, m.value, m.detail),
    constants.STL_SUP_COMMAND_ENDED: lambda m: CommandEnded(m.pid, m.detail, m.value, m.text),
    constants.STL_SUP_CONNECTED: lambda m: Connected(m.value, m.detail),
    constants.STL_EV_HELLO: lambda m: Hello(m.value, m.pid),
    constants.STL_EV_SEEN: lambda m: Seen(m.id, m.text),
    constants.STL_EV_NEW: lambda m: New(m.slot, m.serial, m.id, m.text),
    constants.STL_EV_GONE: lambda m: Gone(m.id),
    constants.STL_EV_ATTACHED: lambda m: Attached(m.slot, m.serial, m.id, m.value, m.detail),
    constants.STL_EV_FAILED: lambda m: Failed(m.slot, m.serial, m.id, m.pid, m.value, m.detail, m.text),
    constants.STL_EV_ENDED: lambda m: Ended(m.slot, m.serial, m.id),
    constants.STL_EV_WAITING: lambda m: Waiting(m.id),
    constants.STL_EV_TIMEOUT: lambda m: Timeout(m.slot, m.serial, m.id),
    constants.STL_EV_OVERFLOW: lambda _: Overflow(),
    constants.STL_EV_REFUSED: lambda m: Refused(m.id, m.pid, m.detail, m.text),
    constants.STL_EV_END: lambda _: TracerDone(),
    constants.STL_EV_UNWATCHED: lambda m: Unwatched(m.detail),
}


def decode(data: bytes) -> Event | ArenaPassed | PositionsPassed | Connected:
    """What a message from the supervisor or the tracer says. TracerError: it is none of this version."""
    message = Message.decode(data)
    make = _EVENTS.get(message.type)
    if make is None:
        raise TracerError(f"the native program sent a message of unknown type {message.type}")
    return make(message)
