# SPDX-License-Identifier: Apache-2.0
"""A supervisor that listens, with the rights that it has in a pod, and agents of its by hand."""

import array
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from stracelet.native import constants
from stracelet.tracing.program import find_program
from stracelet.tracing.protocol import MESSAGE_SIZE, Message
from tests.native.harness.cgroup import ROOT
from tests.native.harness.proc import PATIENCE, children

AGENT = 65532
RIGHTS = "-all,+sys_ptrace,+dac_read_search"


@contextmanager
def shared_folder() -> Iterator[Path]:
    """As an emptyDir is: root's, and everybody may write it."""
    with tempfile.TemporaryDirectory(prefix="stracelet-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


class Listening:
    """`stracelet-tracer --listen`, as uid 0 with two capabilities. A context manager that ends it."""

    def __init__(
        self, path: Path, *, uid: int = AGENT, program: str | None = None, grace: int = 60, pid_1: bool = False
    ) -> None:
        """`pid_1`: in a PID namespace of its own, as in a container without the node's PIDs."""
        line = ["unshare", "--pid", "--fork", "--mount-proc"] if pid_1 else []
        line += ["setpriv", f"--bounding-set={RIGHTS}", "--inh-caps=-all", program or find_program()]
        line += [f"--listen={path}", f"--uid={uid}", f"--grace={grace}", f"--cgroup-root={ROOT}"]
        self.path, self._pid_1 = path, pid_1
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._heard = b""

    def __enter__(self) -> Self:
        try:
            self.says("waits at")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stderr:
                self.process.stderr.close()

    @property
    def pid(self) -> int:
        return children(self.process.pid)[0] if self._pid_1 else self.process.pid

    def says(self, text: str, timeout: float = PATIENCE) -> None:
        """Waits until this is on its stderr."""
        assert self.process.stderr is not None
        end = time.monotonic() + timeout
        while text.encode() not in self._heard:
            left = end - time.monotonic()
            assert left > 0, f"not within {timeout:g} s: {text!r}; said: {self._heard!r}"
            if select.select([self.process.stderr], [], [], left)[0]:
                got = os.read(self.process.stderr.fileno(), 65536)
                assert got, f"it ended, status {self.process.wait(5)}, and said {self._heard!r}"
                self._heard += got

    def end(self) -> float:
        """SIGTERM; the seconds until it has ended, with status 0."""
        start = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        assert self.process.wait(20) == 0
        return time.monotonic() - start

    def descriptors(self) -> int:
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class HandAgent:
    """An agent's side of the socket: messages by hand. A context manager that hangs up."""

    def __init__(self, path: Path, *, uid: int = AGENT) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.arena = self.positions = -1
        # Whose a connection is, is whose it was at connect(2): unix(7), SO_PEERCRED
        os.seteuid(uid)
        try:
            self.socket.connect(str(path))
        finally:
            os.seteuid(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        for descriptor in (self.arena, self.positions):
            if descriptor >= 0:
                os.close(descriptor)

    def receive(self, timeout: float = PATIENCE) -> Message | None:
        """The next message; None: it hung up."""
        assert select.select([self.socket], [], [], timeout)[0], f"no message within {timeout:g} s"
        with suppress(ConnectionResetError):
            data, control, _, _ = self.socket.recvmsg(MESSAGE_SIZE + 1, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)
            if not data:
                return None
            message = Message.decode(data)
            self._keep(message.type, control)
            return message
        return None

    def _keep(self, kind: int, control: list[tuple[int, int, bytes]]) -> None:
        descriptors = array.array("i")
        for _, _, content in control:
            descriptors.frombytes(content)
        if kind == constants.STL_SUP_ARENA:
            (self.arena,) = descriptors
        elif kind == constants.STL_SUP_POSITIONS:
            (self.positions,) = descriptors
        else:
            assert not descriptors

    def until(self, kind: int, timeout: float = PATIENCE) -> Message:
        """The next message of this type; others are passed over."""
        end = time.monotonic() + timeout
        while message := self.receive(end - time.monotonic()):
            if message.type == kind:
                return message
        raise AssertionError(f"it hung up before a message of type {kind}")

    def greeted(self) -> Self:
        """Waits for the arena and for a tracer."""
        self.until(constants.STL_EV_HELLO)
        assert self.arena >= 0 <= self.positions
        return self

    def refused(self) -> Message:
        """The refusal, after which there is nothing more."""
        message = self.receive()
        assert message is not None
        assert message.type == constants.STL_EV_REFUSED, message
        assert self.receive() is None
        return message

    def send(self, kind: int, **fields: object) -> None:
        self.socket.send(Message(kind, **fields).encode())  # type: ignore[arg-type]
