# SPDX-License-Identifier: Apache-2.0
"""What the supervisor makes of a tracer that dies, hangs or is stopped, and of an agent that dies or is hostile."""

import errno
import fcntl
import mmap
import os
import signal
import socket
import subprocess
import termios
import time
from pathlib import Path

import pytest

from stracelet.native import Reader, constants
from stracelet.tracing.protocol import SUP_CONNECT, Message
from tests.native.harness import proc
from tests.native.harness.supervisor import Supervisor, build, poll_until

DIED, STALLED, EXITED = constants.STL_END_DIED, constants.STL_END_STALLED, constants.STL_END_EXITED
TERMINAL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)


def _send_until_full(agent: socket.socket) -> int:
    """How many requests it took; none of the answers is received."""
    request = Message(SUP_CONNECT, value=-1).encode()
    agent.settimeout(0)
    for sent in range(100_000):
        try:
            agent.send(request)
        except BlockingIOError:
            return sent
    raise AssertionError("the supervisor takes requests whose answers it cannot get rid of")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("supervisor"))


def test_a_killed_tracer_is_replaced_at_once_then_later_and_later(program: Path) -> None:
    with Supervisor(program).ready() as supervisor, Reader(supervisor.arena) as reader:
        took = []
        for generation in (2, 3, 4):
            start = time.monotonic()
            os.kill(supervisor.tracer, signal.SIGKILL)
            ended = supervisor.replaced(DIED)
            took.append(time.monotonic() - start)
            assert os.waitstatus_to_exitcode(ended.detail) == -signal.SIGKILL
            assert reader.info().generation == generation
            assert reader.info().tracer_pid == supervisor.tracer
        assert took[0] < 0.1 <= took[1]
        assert took[2] >= 0.2


def test_a_crash_is_told_from_a_wished_exit(program: Path) -> None:
    with Supervisor(program).ready() as supervisor:
        supervisor.tell("crash")
        assert os.waitstatus_to_exitcode(supervisor.replaced(DIED).detail) == -signal.SIGABRT
        supervisor.tell("exit 3")
        assert os.waitstatus_to_exitcode(supervisor.replaced(DIED).detail) == 3
        supervisor.tell("exit 0")
        assert supervisor.expect(constants.STL_SUP_TRACER_ENDED).value == EXITED
        with pytest.raises(AssertionError, match="no message"):
            supervisor.receive(timeout=0.7)


@pytest.mark.parametrize("order", ["be silent", "stall a thread"])
def test_a_stall_is_noticed_within_a_second(program: Path, order: str) -> None:
    with Supervisor(program).ready() as supervisor:
        start = time.monotonic()
        supervisor.tell(order)
        supervisor.replaced(STALLED)
        assert 0.4 < time.monotonic() - start < 1.0


def test_a_stopped_tracer_is_replaced_at_once(program: Path) -> None:
    with Supervisor(program).ready() as supervisor:
        start = time.monotonic()
        os.kill(supervisor.tracer, signal.SIGSTOP)
        supervisor.replaced(STALLED)
        assert time.monotonic() - start < 0.4


def test_one_that_dies_and_cannot_be_reaped_is_left_behind(program: Path) -> None:
    with Supervisor(program).ready() as supervisor:
        first = supervisor.tracer
        # It stops once more on its way out (PTRACE_O_TRACEEXIT), for a tracer that does not answer.
        strace = subprocess.Popen(["strace", "-q", "-o", "/dev/null", "-p", str(first)], stderr=subprocess.DEVNULL)
        try:
            poll_until(lambda: proc.status(first)["TracerPid"] == str(strace.pid), "strace is attached")
            strace.send_signal(signal.SIGSTOP)
            os.kill(first, signal.SIGKILL)
            assert supervisor.replaced(STALLED, timeout=4.0).pid == first
            assert proc.status(first)
        finally:
            strace.kill()
            strace.wait(5)
        poll_until(lambda: not proc.status(first), "it is reaped after all")


@pytest.mark.parametrize("tracer_too", [False, True])
def test_a_pause_of_the_supervisor_is_no_stall(program: Path, tracer_too: bool) -> None:
    with Supervisor(program).ready() as supervisor:
        pids = [supervisor.process.pid, *([supervisor.tracer] if tracer_too else [])]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        poll_until(lambda: len(proc.stopped(pids)) == len(pids), "they are stopped")
        time.sleep(1.2)  # what is tested is this silence
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        with pytest.raises(AssertionError, match="no message"):
            supervisor.receive(timeout=0.8)
        supervisor.tell("be silent")
        supervisor.replaced(STALLED)


def test_signals_of_the_terminal_are_the_agents(program: Path) -> None:
    with Supervisor(program).ready() as supervisor:
        for number in TERMINAL:
            os.kill(supervisor.process.pid, number)
            os.kill(supervisor.tracer, number)
        with pytest.raises(AssertionError, match="no message"):
            supervisor.receive(timeout=0.5)
        assert supervisor.process.poll() is None


@pytest.mark.parametrize(("deaf", "least", "most"), [(False, 0.0, 1.0), (True, 1.8, 3.5)])
def test_all_end_with_the_agent(program: Path, deaf: bool, least: float, most: float) -> None:
    with Supervisor(program).ready() as supervisor:
        tracer = supervisor.tracer
        if deaf:
            supervisor.tell("be deaf")
            supervisor.answer()
        supervisor.hang_up()
        took = poll_until(lambda: not proc.running(tracer), "the tracer ends")
        assert least <= took < most
        assert supervisor.process.wait(5) == 0


def test_the_tracer_ends_with_the_supervisor(program: Path) -> None:
    with Supervisor(program).ready() as supervisor:
        supervisor.tell("be deaf")
        supervisor.answer()
        supervisor.process.kill()
        poll_until(lambda: not proc.running(supervisor.tracer), "the tracer ends", 1.0)


def test_the_arena_cannot_be_written_by_the_agent(program: Path) -> None:
    with Supervisor(program).ready() as supervisor:
        with pytest.raises(PermissionError):
            mmap.mmap(supervisor.arena, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        assert os.fstat(supervisor.arena).st_mode & 0o777 == 0o600  # nor opened anew for writing by another uid


def test_the_tracer_is_confined(program: Path) -> None:
    with Supervisor(program).ready() as supervisor:
        supervisor.tell("probe")
        results = dict(result.split("=") for result in supervisor.answer().text.split())
        allowed = {"getrlimit", "read", "fds", "thread", "self", "memory", "name"}
        assert {name: code for name, code in results.items() if name in allowed} == dict.fromkeys(allowed, "0")
        refused = {name: code for name, code in results.items() if name not in allowed}
        assert len(refused) == 18
        assert refused == dict.fromkeys(refused, str(errno.EPERM))
        status = proc.status(supervisor.tracer)
        assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 1 << 19 | 1 << 2  # SYS_PTRACE, DAC_READ_SEARCH
        assert [int(status[name], 16) for name in ("CapInh", "CapBnd", "CapAmb")] == [0, 0, 0]
        supervisor.tell("other ABI")
        assert os.waitstatus_to_exitcode(supervisor.replaced(DIED).detail) == -signal.SIGSYS


def _terminal(pid: int) -> int:
    """The device number of its controlling terminal; 0: none (proc(5), tty_nr)."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[4])


def test_the_tracer_has_no_terminal_and_is_scheduled_with_the_others(program: Path) -> None:
    ours, theirs = os.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    try:
        with Supervisor(program, preexec_fn=take_terminal).ready() as supervisor:
            assert _terminal(supervisor.process.pid) != 0
            assert _terminal(supervisor.tracer) == 0
            assert os.getpgid(supervisor.tracer) == supervisor.tracer
            # A session of its own would be a group of the scheduler's: sched(7), "The autogroup feature".
            assert os.getsid(supervisor.tracer) == supervisor.process.pid
    finally:
        os.close(ours)
        os.close(theirs)


def test_hostile_messages_change_nothing(program: Path) -> None:
    with Supervisor(program).ready() as supervisor:
        agent = supervisor.agent
        for junk in (b"x", bytes(631), bytes(633), b"\xff" * 632, bytes(60000)):
            agent.send(junk)
        for index in (-(2**63), -1, 0, 32, 2**63 - 1):
            agent.send(Message(SUP_CONNECT, value=index).encode())
            answer = supervisor.expect(constants.STL_SUP_CONNECTED)
            assert (answer.value, answer.detail) == (index, errno.EINVAL)
        open_before = len(os.listdir(f"/proc/{supervisor.process.pid}/fd"))
        for _ in range(50):
            socket.send_fds(agent, [b"\xff" * 632], [0, 1, 2])
        sent = _send_until_full(agent)
        os.kill(supervisor.tracer, signal.SIGSTOP)
        supervisor.answer(constants.STL_EV_HELLO, timeout=2)
        assert supervisor.process.poll() is None
        agent.settimeout(5)
        answers = [supervisor.receive()[0].type for _ in range(sent)]
        assert answers.count(constants.STL_SUP_CONNECTED) >= sent - 2
        assert len(os.listdir(f"/proc/{supervisor.process.pid}/fd")) == open_before


def test_connections_are_made_for_the_agent(program: Path, tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("there", "absent", "full")]
    with socket.socket(socket.AF_UNIX) as there, socket.socket(socket.AF_UNIX) as full:
        there.bind(paths[0])
        there.listen()
        full.bind(paths[2])
        full.listen(0)
        with (
            socket.socket(socket.AF_UNIX) as first,
            Supervisor(program, *(f"--connect={path}" for path in paths)).ready() as supervisor,
        ):
            first.connect(paths[2])
            supervisor.agent.send(Message(SUP_CONNECT, value=2).encode())
            supervisor.agent.send(Message(SUP_CONNECT, value=0).encode())
            message, descriptors = supervisor.receive()
            assert (message.value, message.detail) == (0, 0)
            with socket.socket(fileno=descriptors[0]) as made, there.accept()[0] as accepted:
                accepted.send(b"hello")
                made.settimeout(5)
                assert made.recv(10) == b"hello"
            supervisor.agent.send(Message(SUP_CONNECT, value=1).encode())
            message = supervisor.expect(constants.STL_SUP_CONNECTED)
            assert (message.value, message.detail) == (1, errno.ENOENT)
            full.accept()[0].close()
            message, descriptors = supervisor.receive()
            assert (message.value, message.detail, len(descriptors)) == (2, 0, 1)
            os.close(descriptors[0])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--agent-fd=0", "--control-fd=1"], "--agent-fd: not an open SOCK_SEQPACKET socket"),
        (["--agent-fd=x"], "--agent-fd: expected the number"),
        (["--wrong"], "unknown option: --wrong"),
        (["--connect"], "option needs a value: --connect"),
        ([], "--agent-fd and --control-fd are needed"),
    ],
)
def test_bad_usage_is_one_clear_line(program: Path, arguments: list[str], complaint: str) -> None:
    line = [program, *arguments]
    result = subprocess.run(line, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert result.returncode == 2
    assert result.stderr.startswith(f"stracelet-tracer: {complaint}")
    assert result.stderr.count("\n") == 1
