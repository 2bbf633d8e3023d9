# SPDX-License-Identifier: Apache-2.0
"""The session with the real program: its start, its loss, its end, and connections made by the supervisor."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stracelet.errors import ArenaError, SourceError, TargetNotFound, TracerError
from stracelet.tracing import protocol
from stracelet.tracing.program import find_program
from stracelet.tracing.session import Session
from tests.native.harness import proc
from tests.native.harness.proc import until


@contextlib.asynccontextmanager
async def _session(**options: object) -> AsyncIterator[Session]:
    session = await Session.start(**options)  # type: ignore[arg-type]
    try:
        yield session
    finally:
        await session.end()
        session.close()


async def _next(session: Session, kind: type[protocol.Event]) -> protocol.Event:
    async with asyncio.timeout(5):
        async for event in session.events():
            if isinstance(event, kind):
                return event
    raise AssertionError(f"no {kind.__name__}")


async def test_a_lost_supervisor_is_the_last_event() -> None:
    async with _session() as session:
        hello = await _next(session, protocol.Hello)
        assert session.reader.info().tracer_pid == hello.pid
        os.kill(int(proc.status(hello.pid)["PPid"]), signal.SIGKILL)
        async with asyncio.timeout(5):
            events = [event async for event in session.events()]
        assert isinstance(events[-1], protocol.SessionLost)
        session.trace("a" * 64)  # to nobody, and no error
        with pytest.raises(SourceError):
            await session.connect(0)
        await until(lambda: not proc.running(hello.pid), "the tracer is gone", 2)


async def test_the_end_ends_events_and_processes_and_leaves_the_counts() -> None:
    session = await Session.start()
    hello = await _next(session, protocol.Hello)
    family = [hello.pid, int(proc.status(hello.pid)["PPid"])]
    await session.end()
    assert not any(map(proc.running, family))
    async with asyncio.timeout(5):
        kinds = [type(event) async for event in session.events()]
    assert protocol.TracerDone in kinds
    assert protocol.SessionLost not in kinds
    assert session.reader.info().generation == 1
    session.close()
    with pytest.raises(ArenaError, match="closed"):
        session.reader.info()


async def test_more_requests_than_the_socket_holds_all_arrive() -> None:
    async with _session() as session:
        hello = await _next(session, protocol.Hello)
        os.kill(hello.pid, signal.SIGSTOP)  # takes nothing, until it is replaced
        for number in range(2000):
            session.drop(f"{number:064x}")
        session.trace("not an ID")
        refused = await _next(session, protocol.Refused)
        assert refused.id == "not an ID"


async def test_connections_are_made_by_the_supervisor(tmp_path: Path) -> None:
    paths = [str(tmp_path / "there"), str(tmp_path / "absent")]
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(paths[0])
        listening.listen()
        async with _session(connect=paths) as session:
            made = await asyncio.gather(*(session.connect(0) for _ in range(20)))
            for connection in made:
                assert connection.getpeername() == paths[0]
                assert connection.gettimeout() == 0
                connection.close()
            with pytest.raises(SourceError, match="ENOENT"):
                await session.connect(1)


async def test_a_program_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TracerError, match="cannot be started: No such file"):
        await Session.start(program=str(tmp_path / "absent"))
    monkeypatch.setenv("STRACELET_TRACER", str(tmp_path / "absent"))
    with pytest.raises(TracerError, match="is missing"):
        find_program()


async def test_a_program_that_ends_at_once(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 5\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(TracerError, match="before it was ready"):
        await Session.start(program=str(program))


async def test_a_process_that_is_not_there() -> None:
    async with _session(allow_pid=True) as session:
        with pytest.raises(TargetNotFound, match="4194305"):
            session.trace_pid(4194305)


async def test_a_command_that_ends_is_told() -> None:
    async with _session(command=["sh", "-c", "exit 7"]) as session:
        session.begin_command()
        ended = await _next(session, protocol.CommandEnded)
        assert os.waitstatus_to_exitcode(ended.status) == 7
