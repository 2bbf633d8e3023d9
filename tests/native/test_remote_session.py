# SPDX-License-Identifier: Apache-2.0
"""A session whose supervisor comes and goes: what it says, what can be read meanwhile, and what it asks for again."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from stracelet.errors import TracerError
from stracelet.native import STREAM_BUFFER, Stream, constants
from stracelet.records.filters import Filter
from stracelet.tracing import protocol
from stracelet.tracing.remote import RemoteSession
from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.listening import Listening, shared_folder
from tests.native.harness.proc import until
from tests.native.harness.tracee import Progress, Start


@pytest.fixture
def path() -> Iterator[Path]:
    with shared_folder() as folder:
        yield folder / "tracer.sock"


class Followed:
    """A session and what it has said."""

    def __init__(self, session: RemoteSession) -> None:
        self.session = session
        self.events: list[protocol.Event] = []

    async def follow(self) -> None:
        async for event in self.session.events():
            self.events.append(event)

    async def hello(self, count: int = 1) -> None:
        """Waits for that many."""
        await until(lambda: [type(event) for event in self.events].count(protocol.Hello) >= count, f"{count} hellos")


@asynccontextmanager
async def followed(path: Path) -> AsyncIterator[Followed]:
    it = Followed(RemoteSession(str(path)))
    following = asyncio.create_task(it.follow())
    try:
        yield it
    finally:
        await it.session.end()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        it.session.close()


def record(session: RemoteSession) -> None:
    session.record(Filter().encode(), capture=constants.STL_RECORD_ON, string_limit=32)


def read(stream: Stream) -> int:
    return stream.read(bytearray(STREAM_BUFFER))


async def test_nobody_is_there(path: Path) -> None:
    async with followed(path) as it:
        await until(lambda: "there is no such socket" in it.session.away, "it says why")
        it.session.trace("a" * 64)  # to nobody, and no error
        assert (it.session.containers(), it.session.info().created_ns) == ([], 0)
        with pytest.raises(TracerError, match="there is no such socket"):
            await it.session.stream()


@pytest.mark.parametrize("answer", [b"", b"x", bytes(632), b"\xff" * 632])
async def test_whoever_listens_there_is_no_tracer(path: Path, answer: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.bind(str(path))
        other.listen()
        async with followed(path) as it:
            accepted, _ = await asyncio.to_thread(other.accept)
            with accepted:
                accepted.send(answer)
            await until(lambda: "takes no agent" in it.session.away, "it says why")
            assert not it.events


async def test_records_end_with_the_supervisor_and_can_be_asked_for_again(
    path: Path, container: Container, tracee: Start
) -> None:
    with Progress(1) as progress:
        spin = tracee("spin", progress.path, 1)
        spin.tell()
        spin.expect("running")
        async with followed(path) as it:
            for round_ in (1, 2):
                with Listening(path, uid=0) as listening:
                    await it.hello(round_)
                    assert it.session.away == ""
                    record(it.session)
                    stream = await it.session.stream()
                    it.session.trace(container.id)
                    await until(lambda: read(stream), "there are records")  # noqa: B023 - of this round
                    assert len(it.session.containers()) == 1
                    listening.process.kill()
                    listening.process.wait(5)
                    await until(lambda: it.session.away, "it is away")
                    assert not any(slot.tracees for slot in it.session.containers())
                    stream.close()
            assert [type(event) for event in it.events].count(protocol.SupervisorLost) == 2


async def test_a_later_tracer_in_the_same_container_is_asked_for_records_again(
    path: Path, container: Container, tracee: Start
) -> None:
    with Progress(1) as progress, Listening(path, uid=0):
        spin = tracee("spin", progress.path, 1)
        spin.tell()
        spin.expect("running")
        async with followed(path) as it:
            await it.hello()
            record(it.session)
            stream = await it.session.stream()
            created = it.session.info().created_ns
            os.kill(it.session.info().tracer_pid, signal.SIGKILL)
            await it.hello(2)
            it.session.trace(container.id)
            await until(lambda: read(stream), "there are records")
            assert it.session.info().created_ns == created
            assert protocol.SupervisorLost() not in it.events
            stream.close()
        assert proc.running(spin.pid)


async def test_another_reader_is_put_in_its_place_when_nobody_reads(path: Path) -> None:
    async with followed(path) as it:
        swaps, go = [], asyncio.Event()

        async def exchange(swap: object) -> None:
            swaps.append(swap)
            await go.wait()
            swap()  # type: ignore[operator]

        it.session.exchange = exchange
        with Listening(path, uid=0):
            await until(lambda: swaps, "it is to be replaced")
            assert (it.session.info().created_ns, it.events) == (0, [])
            go.set()
            await it.hello()
            assert it.session.info().created_ns > 0


async def test_who_the_tracer_is_is_told_before_it_is_asked_for_anything(path: Path) -> None:
    async with followed(path) as it:
        met: list[tuple[int, int]] = []
        it.session.met = lambda pid: met.append((pid, len(it.events)))
        with Listening(path, uid=0) as listening:
            await it.hello()
            assert met == [(listening.pid, 0)]
