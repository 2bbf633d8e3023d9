# SPDX-License-Identifier: Apache-2.0
"""The supervisor as a container of its own: who may connect, what may be asked, and what is left when either goes."""

import errno
import os
import random
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stracelet.native import STREAM_BUFFER, Reader, Stream, constants
from stracelet.records.filters import Filter
from stracelet.tracing import protocol
from stracelet.tracing.program import find_program
from stracelet.tracing.protocol import TEXT_SIZE
from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.listening import AGENT, HandAgent, Listening, shared_folder
from tests.native.harness.proc import PATIENCE
from tests.native.harness.supervisor import poll_until
from tests.native.harness.tracee import Progress, Start, Tracee
from tests.native.harness.unharmed import assert_unharmed

REFUSED = constants.STL_EV_REFUSED


@pytest.fixture
def path() -> Iterator[Path]:
    with shared_folder() as folder:
        yield folder / "tracer.sock"


@pytest.fixture
def listening(path: Path) -> Iterator[Listening]:
    with Listening(path) as started:
        yield started


def spinning(tracee: Start, progress: Progress) -> Tracee:
    spin = tracee("spin", progress.path, 2)
    spin.tell()
    spin.expect("running")
    return spin


def trace(agent: HandAgent, container: Container) -> None:
    agent.send(protocol.REQ_TRACE, id=container.id)
    poll_until(lambda: proc.all_traced(container.pids()), "all is traced")


def counted(agent: HandAgent) -> int:
    with Reader(agent.arena) as reader:
        return sum(cell.calls for cell in reader.snapshot(()).cells)


def test_only_its_user_is_served(listening: Listening) -> None:
    for uid in (0, 1000, 65534):
        with HandAgent(listening.path, uid=uid) as other:
            assert (other.refused().detail, other.arena) == (errno.EPERM, -1)
    with HandAgent(listening.path) as agent:
        agent.greeted()


def test_one_agent_at_a_time_and_the_next_one_gets_the_same_arena(listening: Listening) -> None:
    with HandAgent(listening.path) as agent:
        agent.greeted()
        with HandAgent(listening.path) as second:
            assert second.refused().detail == errno.EBUSY
        with Reader(agent.arena) as reader:
            first = reader.info()
    with HandAgent(listening.path) as agent, Reader(agent.greeted().arena) as reader:
        assert reader.info()[:3] == first[:3]  # generation, the tracer's PID, its creation


def test_its_rights(listening: Listening) -> None:
    with HandAgent(listening.path) as agent:
        tracer = agent.until(constants.STL_EV_HELLO).pid
        for pid in (listening.pid, tracer):
            status = proc.status(pid)
            assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
            assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 1 << 19 | 1 << 2
        filters = [int(proc.status(pid)["Seccomp_filters"]) for pid in (listening.pid, tracer)]
        assert filters[1] == filters[0] + 1  # its own, and what the supervisor had put on itself
        mode = listening.path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o666  # without CAP_CHOWN it stays root's
        assert os.fstat(agent.arena).st_mode & 0o777 == 0o600
        os.seteuid(AGENT)
        try:
            with pytest.raises(PermissionError):
                os.open(f"/proc/self/fd/{agent.arena}", os.O_RDWR)
        finally:
            os.seteuid(0)


@pytest.mark.parametrize(
    ("request_", "fields", "why"),
    [
        (protocol.REQ_PID, {"pid": 1, "id": "pid:1"}, "processes outside of containers"),
        (protocol.REQ_COMMAND, {}, "no such request is taken here"),
        (protocol.REQ_END, {}, "no such request is taken here"),
        (constants.STL_REQ_HANG, {}, "no such request is taken here"),
        (protocol.REQ_RECORD, {"value": 1 | constants.STL_RECORD_LOSSLESS}, "no task is held for a reader"),
        (protocol.REQ_TRACE, {"id": "../../init"}, "not the ID of a container"),
        (9999, {}, "no such request is taken here"),
    ],
)
def test_what_may_not_be_asked_for(listening: Listening, request_: int, fields: dict[str, object], why: str) -> None:
    with HandAgent(listening.path) as agent:
        tracer = agent.until(constants.STL_EV_HELLO).pid
        agent.send(request_, **fields)
        assert why in agent.until(REFUSED).text
        assert proc.running(tracer)


def test_no_connection_is_made_for_an_agent(listening: Listening) -> None:
    with HandAgent(listening.path) as agent:
        agent.greeted().send(protocol.SUP_CONNECT, value=3)
        answer = agent.until(constants.STL_SUP_CONNECTED)
        assert (answer.value, answer.detail) == (3, errno.EPERM)


def test_its_own_container_is_not_traced(listening: Listening) -> None:
    with Container() as own, HandAgent(listening.path) as agent:
        tracer = agent.until(constants.STL_EV_HELLO).pid
        for pid in (listening.pid, tracer):
            own.add(pid)
        agent.send(protocol.REQ_TRACE, id=own.id)
        assert agent.until(REFUSED).text == "it is the tracer's own container"
        for pid in (listening.pid, tracer):
            for procs in own.directories:
                (procs.parent.parent / "cgroup.procs").write_text(str(pid))


def test_hostile_messages_change_nothing(path: Path, hooked_program: str) -> None:
    dice = random.Random(7)
    # Not STL_REQ_POLICY, which would have all new containers of the machine traced.
    kinds = [*(kind for kind in range(50) if kind != protocol.REQ_POLICY), 64, 0xFFFFFFFF]
    with Listening(path, program=hooked_program) as listening:
        with HandAgent(path) as agent:
            tracer = agent.until(constants.STL_EV_HELLO).pid
        poll_until(lambda: listening.descriptors() > 0, "it can be looked at")
        before = listening.descriptors()
        for _ in range(30):
            with HandAgent(path) as agent:
                agent.socket.settimeout(0)
                for _ in range(150):
                    size = dice.choice([632, 632, 632, 632, 1, 631, 633, 60000])
                    junk = bytearray(dice.randbytes(size))
                    if size == 632:
                        junk[:4] = dice.choice(kinds).to_bytes(4, "little")
                    try:
                        socket.send_fds(agent.socket, [junk], [0, 1, 2] * dice.randrange(60))
                    except BlockingIOError:  # it waits for us to read
                        break
        with HandAgent(path) as agent:
            hello = agent.until(constants.STL_EV_HELLO)
            assert listening.process.poll() is None
            assert hello.pid == tracer
            poll_until(lambda: listening.descriptors() <= before + 1, "no descriptor is left")
            agent.send(protocol.REQ_TRACE, id="x")
            assert agent.until(REFUSED).id


def test_a_flood_of_connections_leaves_nothing(listening: Listening) -> None:
    with HandAgent(listening.path) as agent:
        agent.greeted()
        before = listening.descriptors()
        for _ in range(500):
            with HandAgent(listening.path) as other:
                other.refused()
        assert listening.descriptors() == before


def flood(agent: HandAgent) -> None:
    for number in range(100_000):
        agent.send(protocol.REQ_TRACE, id=f"no ID {number}")


def test_an_agent_that_reads_nothing_is_waited_for_by_nobody(listening: Listening, container: Container) -> None:
    with HandAgent(listening.path) as agent:
        tracer = agent.until(constants.STL_EV_HELLO).pid
        agent.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            flood(agent)
        os.kill(tracer, signal.SIGKILL)
        poll_until(lambda: not proc.running(tracer), "it is replaced")
    with HandAgent(listening.path) as agent:
        agent.greeted()


async def test_counting_goes_on_without_an_agent(listening: Listening, container: Container, tracee: Start) -> None:
    with Progress(2) as progress:
        spin = spinning(tracee, progress)
        with HandAgent(listening.path) as agent:
            trace(agent.greeted(), container)
            first = counted(agent)
        assert await progress.moves_within(PATIENCE)
        with HandAgent(listening.path) as agent:
            agent.greeted()
            poll_until(lambda: counted(agent) > first, "it goes on")
            assert proc.all_traced(container.pids())
        assert listening.end() <= 2
        await assert_unharmed([spin.pid], progress)


async def test_all_is_let_go_when_no_agent_comes(path: Path, container: Container, tracee: Start) -> None:
    with Progress(2) as progress, Listening(path, grace=1) as listening:
        spin, idle = spinning(tracee, progress), tracee("echo")
        with HandAgent(path) as agent:
            trace(agent.greeted(), container)
            with Reader(agent.arena) as reader:
                first = reader.info()
        listening.says("no agent for 1 s: all is let go")
        await assert_unharmed([spin.pid, idle.pid], progress)
        with HandAgent(path) as agent, Reader(agent.greeted().arena) as reader:
            assert reader.info().created_ns > first.created_ns
            assert not reader.containers()
        idle.tell()
        idle.expect("pong 0")


async def test_records_end_with_their_agent(listening: Listening, container: Container, tracee: Start) -> None:
    with Progress(2) as progress:
        spinning(tracee, progress)
        with HandAgent(listening.path) as agent:
            agent.greeted()
            text = Filter().encode()
            for at in range(0, len(text), TEXT_SIZE):
                part = text[at : at + TEXT_SIZE]
                agent.send(protocol.REQ_FILTER, value=at, detail=len(part), raw=part)
            agent.send(protocol.REQ_RECORD, value=constants.STL_RECORD_ON, detail=32)
            trace(agent, container)
            stream, buffer = Stream(agent.arena, agent.positions), bytearray(STREAM_BUFFER)
            poll_until(lambda: stream.read(buffer) > 0, "there are records")
        before = None
        while before != (before := stream.info()):  # calls that are made, and neither recorded nor dropped
            assert await progress.moves_within(PATIENCE)
        stream.close()
        with HandAgent(listening.path) as agent:
            agent.greeted()
            later = Stream(agent.arena, agent.positions)
            assert later.read(buffer, all_=True) == 0
            assert later.info() == (0, 0, 0)
            later.close()


@pytest.mark.parametrize("stopped", [False, True])
async def test_sigterm_ends_all(listening: Listening, container: Container, tracee: Start, stopped: bool) -> None:
    with Progress(2) as progress, HandAgent(listening.path) as agent:
        spin = spinning(tracee, progress)
        tracer = agent.until(constants.STL_EV_HELLO).pid
        trace(agent, container)
        if stopped:
            os.kill(tracer, signal.SIGSTOP)
        assert listening.end() <= 2
        await assert_unharmed([spin.pid], progress, within=2)
        assert not proc.running(tracer)


async def test_a_killed_supervisor_harms_nobody(listening: Listening, container: Container, tracee: Start) -> None:
    with Progress(2) as progress, HandAgent(listening.path) as agent:
        spin, idle = spinning(tracee, progress), tracee("echo")
        tracer = agent.until(constants.STL_EV_HELLO).pid
        trace(agent, container)
        listening.process.kill()
        listening.process.wait(5)
        poll_until(lambda: not proc.running(tracer), "the tracer ends")
        await assert_unharmed([spin.pid, idle.pid], progress)
        assert idle.wait() == 7


@pytest.mark.parametrize("pid_1", [False, True])
def test_what_a_dead_tracer_leaves_is_reaped(path: Path, pid_1: bool) -> None:
    with Listening(path, pid_1=pid_1) as listening, HandAgent(path) as agent:
        agent.greeted()
        (tracer,), family = proc.children(listening.pid), proc.descendants(listening.pid)
        assert len(family) == 5  # its two probes, each with its keeper
        os.kill(tracer, signal.SIGKILL)
        assert agent.until(constants.STL_EV_HELLO).value == 2
        poll_until(lambda: not any(proc.status(pid) for pid in family), "not even a zombie is left")
        assert listening.end() <= 2


def test_a_socket_of_an_earlier_run_is_replaced_and_nothing_else_is(path: Path) -> None:
    with Listening(path) as first:
        first.process.kill()
        first.process.wait(5)
        assert path.is_socket()
        with Listening(path), HandAgent(path) as agent:
            agent.greeted()
    path.unlink()
    path.write_text("mine")
    line = [find_program(), f"--listen={path}", "--uid=65532"]
    result = subprocess.run(line, check=False, capture_output=True, text=True, timeout=20)
    assert result.returncode == 1
    assert result.stderr == (
        f"stracelet-tracer: --listen: {path}: what is there is no socket: remove it, or name another path\n"
    )
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--listen=/x"], "--listen needs --uid"),
        (["--uid=5"], "--uid goes with --listen alone"),
        (["--listen=/x", "--uid=root"], "--uid: expected a user's number"),
        (["--listen=/x", "--uid=-1"], "--uid: expected a user's number"),
        (["--listen=/x", "--uid=4294967295"], "--uid: expected a user's number"),
        (["--listen=", "--uid=5"], "--listen: expected the path of a socket"),
        ([f"--listen=/{'x' * 120}", "--uid=5"], "--listen: expected the path of a socket"),
        (["--listen=/x", "--uid=5", "--allow-pid"], "--listen goes with"),
        (["--listen=/x", "--uid=5", "--connect=/y"], "--listen goes with"),
        (["--listen=/x", "--uid=5", "--", "true"], "--listen goes with"),
        (["--listen=/x", "--uid=5", "--grace=-1"], "--grace: expected seconds"),
        (["--listen=/nowhere/at/all", "--uid=5"], "--listen: /nowhere/at/all: No such file or directory"),
    ],
)
def test_bad_usage_is_one_clear_line(arguments: list[str], complaint: str) -> None:
    result = subprocess.run([find_program(), *arguments], check=False, capture_output=True, text=True, timeout=20)
    assert result.returncode in (1, 2)
    assert result.stderr.startswith(f"stracelet-tracer: {complaint}")
    assert result.stderr.count("\n") == 1
