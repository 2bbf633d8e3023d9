# SPDX-License-Identifier: Apache-2.0
"""One supervisor, the tracers that it starts, and their arena, as long as the agent wants them."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import defaultdict, deque
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.errors import SessionLost, SourceError, StraceletError, TargetNotFound, TracerError
from stracelet.native import Reader, Stream
from stracelet.tracing import protocol
from stracelet.tracing.program import find_program, spawn
from stracelet.tracing.protocol import Message

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from stracelet.native import Container, Info, Snapshot
    from stracelet.tracing.link import Link
    from stracelet.tracing.program import Program

logger = logging.getLogger(__name__)

START_SECONDS = 10.0
# The supervisor itself gives up after 5 s, and answers.
CONNECT_SECONDS = 7.0
# It waits for its tracer for 2 s.
SUPERVISOR_SECONDS = 4.0
MAX_EVENTS = 8192


def _silent(silent: bool) -> int:
    return protocol.TRACE_SILENT if silent else 0


class Session:
    """Requests go out at once and are never waited for; what comes of them is in events() and in the arena.

    All calls from the event loop's thread, but those of `reader`, which any thread may make. `reader` stays readable
    after end(); close() ends all.
    """

    reader: Reader
    away = ""
    """Why there is no tracer to ask, where there may be one again."""

    def __init__(self, program: Program | None, agent: Link, control: Link, *, proc: str) -> None:
        """For start(). `program`: None where the supervisor is nobody's child."""
        self._program = program
        self._agent = agent
        self._control = control
        self._proc = Path(proc)
        self._events: deque[protocol.Event] = deque()
        self._news = asyncio.Event()
        self._over = False
        self._ending = False
        self._done = asyncio.Event()
        self._connecting: defaultdict[int, deque[asyncio.Future[socket.socket]]] = defaultdict(deque)
        self._arena: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # What the stream of records is mapped from: the arena and the read positions.
        self._mapped: list[int] = []
        self._positions: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._recording: tuple[bytes, ...] = ()
        self._started: dict[str, int] = {}
        self.exchange: Callable[[Callable[[], None]], Awaitable[None]] = _at_once
        """Calls what puts another reader in the place of this one, once nobody is reading."""
        self.met: Callable[[int], None] = _nobody
        """Is told the PID of a supervisor in a container of its own before it is asked for anything."""
        agent.follow(self._take, self._lost)
        control.follow(self._take, lambda: None)

    @classmethod
    async def start(
        cls,
        *,
        program: str | None = None,
        proc: str = "/proc",
        cgroup_root: str = "/sys/fs/cgroup",
        connect: Sequence[str] = (),
        allow_pid: bool = False,
        command: Sequence[str] | None = None,
    ) -> Session:
        """Starts the supervisor and takes its arena over. TracerError: it does not start.

        `connect`: Unix sockets that connect() may be asked for; `allow_pid`: processes outside of containers may be
        traced; `command`: run with our terminal as soon as it is traced.
        """
        arguments = [program or find_program(), f"--proc={proc}", f"--cgroup-root={cgroup_root}"]
        arguments += [f"--connect={path}" for path in connect]
        arguments += ["--allow-pid"] if allow_pid else []
        session = cls(*spawn(arguments, command or ()), proc=proc)
        try:
            async with asyncio.timeout(START_SECONDS):
                await session._arena
        except TimeoutError:
            await session._end_processes(SUPERVISOR_SECONDS)
            raise TracerError(f"{arguments[0]} does not answer") from None
        except BaseException:
            await session._end_processes(SUPERVISOR_SECONDS)
            raise
        return session

    def info(self) -> Info:
        """Of the arena that there is now, as the next two."""
        return self.reader.info()

    def containers(self) -> Sequence[Container]:
        return self.reader.containers()

    def snapshot(self, edges: Sequence[int]) -> Snapshot:
        return self.reader.snapshot(edges)

    def trace(self, container_id: str, *, silent: bool = False) -> None:
        """Traces a container, now or as soon as its cgroup appears; keeps a provisional one. `silent`: it is counted,
        and nothing of it recorded; asked again, that changes."""
        self._control.send(Message(protocol.REQ_TRACE, id=container_id, detail=_silent(silent)).encode())

    def trace_pid(self, pid: int, *, silent: bool = False) -> str:
        """Traces a process; the ID that its counts go by. `silent` as for trace(). TargetNotFound: there is none."""
        container_id = f"pid:{pid}"
        started = self._start_time(pid)
        if self._started.setdefault(container_id, started) != started:
            raise TargetNotFound(f"the process with the PID {pid} has ended, and another one has it now")
        message = Message(protocol.REQ_PID, pid=pid, value=started, id=container_id, detail=_silent(silent))
        self._control.send(message.encode())
        return container_id

    def drop(self, container_id: str, *, discard: bool = False) -> None:
        """Stops tracing it. `discard`: its counts are thrown away."""
        self._control.send(Message(protocol.REQ_DROP, id=container_id, value=int(discard)).encode())

    def forget(self, container_id: str) -> None:
        """Of a process: another one may have its PID, and is then meant."""
        self._started.pop(container_id, None)

    def release(self, slot: int, serial: int) -> None:
        """Gives up the counts of a container that has ended."""
        self._control.send(Message(protocol.REQ_RELEASE, slot=slot, serial=serial).encode())

    def policy(self, *, new_containers: bool, silent: bool = False) -> None:
        """Whether new containers are traced provisionally, from their first exec on; `silent` as for trace()."""
        self._control.send(Message(protocol.REQ_POLICY, value=int(new_containers), detail=_silent(silent)).encode())

    def record(self, filter_: bytes, *, capture: int, string_limit: int) -> None:
        """What passes the filter (struct stl_filter) is recorded, by this tracer and by later ones. `capture`:
        STL_RECORD_*; of a string no more than `string_limit` bytes are copied."""
        size = protocol.TEXT_SIZE
        parts = [(at, filter_[at : at + size]) for at in range(0, len(filter_), size)]
        messages = [Message(protocol.REQ_FILTER, value=at, detail=len(part), raw=part) for at, part in parts]
        messages.append(Message(protocol.REQ_RECORD, value=capture, detail=string_limit))
        self._recording = tuple(message.encode() for message in messages)
        self._ask_to_record()

    def _ask_to_record(self) -> None:
        for message in self._recording:
            self._control.send(message)

    async def stream(self) -> Stream:
        """The records, once. TracerError: the native program has none."""
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._positions
        except TimeoutError:
            raise TracerError("the native program passes no records") from None
        arena, positions = self._mapped
        return Stream(arena, positions)

    def begin_command(self) -> None:
        """All that there was to ask for is asked: the command may run."""
        self._control.send(Message(protocol.REQ_COMMAND).encode())

    async def events(self) -> AsyncGenerator[protocol.Event, None]:
        """What happens, until the end of the session; SessionLost is the last one where the end was not ours.

        For one consumer. One that is slow slows nobody: the tracer drops events and says so (Overflow).
        """
        while True:
            while self._events:
                yield self._events.popleft()
                self._agent.resume()
                self._control.resume()
            if self._over:
                return
            self._news.clear()
            await self._news.wait()

    async def connect(self, index: int) -> socket.socket:
        """A connection to connect[index], made by the supervisor; non-blocking. SourceError: it failed."""
        answer: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        if self._over:
            raise SourceError("no connection can be made: the native program has gone")
        self._connecting[index].append(answer)
        self._agent.send(Message(protocol.SUP_CONNECT, value=index).encode())
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await answer
        except TimeoutError:
            raise SourceError("the native program made no connection in time") from None

    def signal_command(self, number: int) -> None:
        """Passes SIGHUP, SIGINT, SIGQUIT or SIGTERM on to the command."""
        self._agent.send(Message(protocol.SUP_SIGNAL, value=number).encode())

    async def end(self, timeout: float = 5.0) -> None:
        """Detaches everything and ends the processes, by force after `timeout` seconds. `reader` stays readable."""
        self._ending = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        self._agent.resume()
        self._control.resume()
        if not self._over:
            self._control.send(Message(protocol.REQ_END).encode())
            try:
                async with asyncio.timeout_at(deadline):
                    await self._done.wait()
            except TimeoutError:
                logger.warning("the tracer did not detach within %g s", timeout)
        await self._end_processes(max(deadline - loop.time(), SUPERVISOR_SECONDS))

    def close(self) -> None:
        """Hangs up and unmaps the arena: the supervisor ends itself and the tracer."""
        self._hang_up()
        self.reader.close()
        while self._mapped:
            os.close(self._mapped.pop())

    def _hang_up(self) -> None:
        self._ending = True
        self._agent.close()
        self._control.close()
        self._finish()

    async def _end_processes(self, timeout: float) -> None:
        self._hang_up()
        if self._program:
            await self._program.end(timeout)

    def _finish(self) -> None:
        self._over = True
        self._done.set()
        self._news.set()
        for waiting in self._connecting.values():
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(SourceError("no connection can be made: the native program has gone"))
        for passed in (self._arena, self._positions):
            if not passed.done():
                passed.cancel()

    def _start_time(self, pid: int) -> int:
        """In clock ticks since the boot: with it a PID that is used again is not taken for the first one."""
        try:
            line = (self._proc / str(pid) / "stat").read_bytes()
        except OSError as error:
            raise TargetNotFound(f"no process has the PID {pid}") from error
        return int(line.rpartition(b")")[2].split()[19])

    def _lost(self) -> None:
        """The supervisor hung up."""
        if self._over:
            return
        how = self._program.fate() if self._program else "has gone"
        error = SessionLost(f"the native program {how}: nothing is traced any more")
        if not self._arena.done():
            self._arena.set_exception(TracerError(f"the native program {how} before it was ready"))
            self._arena.exception()  # start() may have given up waiting
        if not self._ending:
            self._events.append(protocol.SessionLost(error))
        self._finish()

    def _take(self, data: bytes, descriptors: Sequence[int]) -> bool:
        """One message, and the descriptors that came with it; whether more may come now."""
        try:
            event = protocol.decode(data)
        except TracerError as error:
            logger.error("%s", error)  # noqa: TRY400  # the line says it all
            event = protocol.Overflow()
        if isinstance(event, protocol.ArenaPassed) and descriptors and not self._arena.done():
            self._map(descriptors[0])
        elif isinstance(event, protocol.PositionsPassed):
            if descriptors and self._arena.done() and not self._positions.done():
                self._mapped.append(os.dup(descriptors[0]))
                self._positions.set_result(None)
        elif isinstance(event, protocol.Connected):
            self._connected(event, descriptors)
            descriptors = ()
        elif not isinstance(event, protocol.ArenaPassed):
            self._put(event)
        for descriptor in descriptors:
            os.close(descriptor)
        return self._ending or len(self._events) < MAX_EVENTS

    def _map(self, descriptor: int) -> None:
        try:
            self.reader = Reader(descriptor)
            self._mapped = [os.dup(descriptor)]
            self._arena.set_result(None)
        except StraceletError as error:
            self._arena.set_exception(error)

    def _put(self, event: protocol.Event) -> None:
        if isinstance(event, protocol.Hello) and event.generation > 1:  # it knows nothing of what was asked before
            self._ask_to_record()
        if isinstance(event, protocol.TracerDone) or (
            isinstance(event, protocol.TracerEnded) and event.reason == protocol.END_EXITED
        ):
            self._done.set()
        # Nothing comes after SessionLost, though the tracer may outlive the supervisor by a moment; and at the end
        # nobody may be listening any more.
        if not self._over and len(self._events) < 2 * MAX_EVENTS:
            self._events.append(event)
        self._news.set()

    def _connected(self, event: protocol.Connected, descriptors: Sequence[int]) -> None:
        made = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        waiting = self._connecting.get(event.number)
        answer = waiting.popleft() if waiting else None
        if answer is not None and not answer.done():
            if made and not event.error:
                made[0].settimeout(0)
                answer.set_result(made.pop(0))
            else:
                answer.set_exception(SourceError(f"no connection: {protocol.describe_error(event.error)}"))
        for unwanted in made:
            unwanted.close()


def _nobody(_: int) -> None:
    """For whoever starts its supervisor itself, which is in its own container then."""


async def _at_once(swap: Callable[[], None]) -> None:
    swap()
