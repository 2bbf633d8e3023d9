# SPDX-License-Identifier: Apache-2.0
"""A supervisor under test, with a tracer that does what it is told (native/tests/supervisor_stub.c)."""

import array
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from stracelet.native import constants
from stracelet.tracing.protocol import MESSAGE_SIZE, Message
from tests.native.harness.proc import PATIENCE

NATIVE = Path(__file__).parents[3] / "native"
FLAGS = ["-std=gnu11", "-O1", "-g", "-pthread", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
ORDER = 9999


def build(folder: Path) -> Path:
    """Compiles the real supervisor with the stub in the engine's place."""
    program = folder / "stracelet-tracer"
    sources = [NATIVE / "tests" / "supervisor_stub.c", *sorted((NATIVE / "src" / "supervisor").glob("*.c"))]
    sources += [NATIVE / "src" / "ptrace" / name for name in ("procfs.c", "probes.c", "groups.c")]
    sources += [NATIVE / "src" / "arena" / name for name in ("arena.c", "rows.c", "histogram.c")]
    sources += sorted((NATIVE / "src" / "syscalls").glob("*.c"))
    include = [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}"]
    subprocess.run(["gcc", *FLAGS, *include, "-o", program, *sources], check=True)
    return program


class Supervisor:
    """The agent's side, by hand: sockets, messages, processes. A context manager that ends what it started."""

    def __init__(self, program: Path, *arguments: str, command: Sequence[str] = (), **options: object) -> None:
        self.agent, agent = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ends = agent.fileno(), control.fileno()
        line = [str(program), f"--agent-fd={ends[0]}", f"--control-fd={ends[1]}", *arguments]
        line += ["--", *command] if command else []
        with agent, control:
            self.process = subprocess.Popen(line, pass_fds=ends, **options)  # type: ignore[call-overload]
        self.arena = -1
        self.tracer = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Before it ends: LeakSanitizer attaches to it then, and would wait for ever for the stop that this takes away.
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
        self.hang_up()
        if self.arena >= 0:
            os.close(self.arena)
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
                if stream:
                    stream.close()

    def hang_up(self) -> None:
        self.agent.close()
        self.control.close()

    def receive(self, timeout: float = PATIENCE) -> tuple[Message, list[int]]:
        """The supervisor's next message, and the descriptors that came with it."""
        assert select.select([self.agent], [], [], timeout)[0], f"no message within {timeout} s"
        data, control, _, _ = self.agent.recvmsg(MESSAGE_SIZE + 1, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)
        assert data, "the supervisor hung up"
        descriptors = array.array("i")
        for _, _, content in control:
            descriptors.frombytes(content)
        return Message.decode(data), list(descriptors)

    def expect(self, kind: int, timeout: float = PATIENCE) -> Message:
        """The next message, which has to be of this type."""
        message, descriptors = self.receive(timeout)
        assert message.type == kind, message
        if kind == constants.STL_SUP_POSITIONS:
            os.close(*descriptors)
        if kind == constants.STL_SUP_ARENA:
            (self.arena,) = descriptors
        if kind == constants.STL_SUP_TRACER_STARTED:
            self.tracer = message.pid
        return message

    def ready(self) -> Self:
        """Waits for the first tracer."""
        self.expect(constants.STL_SUP_ARENA)
        self.expect(constants.STL_SUP_POSITIONS)
        self.expect(constants.STL_SUP_TRACER_STARTED)
        self.answer(constants.STL_EV_HELLO)
        return self

    def replaced(self, reason: int, timeout: float = 2.0) -> Message:
        """Waits until the tracer has ended for that reason and the next one has started; the message of its end."""
        ended = self.expect(constants.STL_SUP_TRACER_ENDED, timeout)
        assert ended.value == reason, ended
        self.expect(constants.STL_SUP_TRACER_STARTED, timeout)
        self.answer(constants.STL_EV_HELLO)
        return ended

    def tell(self, order: str) -> None:
        """Tells the tracer what to do."""
        self.control.send(Message(ORDER, text=order).encode())

    def answer(self, kind: int = constants.STL_EV_REFUSED, timeout: float = PATIENCE) -> Message:
        """What the tracer says next."""
        assert select.select([self.control], [], [], timeout)[0], f"the tracer said nothing within {timeout} s"
        message = Message.decode(self.control.recv(MESSAGE_SIZE + 1))
        assert message.type == kind, message
        return message


def poll_until(condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> float:
    """Waits for a condition; the seconds that it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < timeout, f"not within {timeout} s: {what}"
        time.sleep(0.005)
    return time.monotonic() - start
