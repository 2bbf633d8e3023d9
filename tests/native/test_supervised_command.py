# SPDX-License-Identifier: Apache-2.0
"""`-- COMMAND` runs as if its caller had started it, once a tracer has it, and its end is told."""

import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from stracelet.native import constants
from stracelet.tracing.protocol import Message
from tests.native.harness import proc
from tests.native.harness.supervisor import Supervisor, build, poll_until


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("supervisor"))


def _run(program: Path, *command: str, **options: object) -> tuple[Message, bytes]:
    """The message of its end, and its output."""
    with Supervisor(program, command=command, stdout=subprocess.PIPE, **options).ready() as supervisor:
        supervisor.tell("take the command")
        ended = supervisor.expect(constants.STL_SUP_COMMAND_ENDED)
        output = supervisor.process.stdout.read()
    return ended, output


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -USR1 $$", -signal.SIGUSR1)])
def test_its_status_is_told(program: Path, script: str, status: int) -> None:
    ended, _ = _run(program, "sh", "-c", script)
    assert os.waitstatus_to_exitcode(ended.detail) == status
    assert (ended.value, ended.text) == (0, "")


def test_it_waits_until_a_tracer_has_it(program: Path, tmp_path: Path) -> None:
    with Supervisor(program, command=["touch", str(tmp_path / "ran")]) as supervisor:
        supervisor.expect(constants.STL_SUP_ARENA)
        supervisor.expect(constants.STL_SUP_POSITIONS)
        supervisor.expect(constants.STL_SUP_TRACER_STARTED)
        told = supervisor.answer(constants.STL_EV_HELLO)
        assert told.text.endswith("running=0")
        os.kill(supervisor.tracer, signal.SIGKILL)
        supervisor.expect(constants.STL_SUP_TRACER_ENDED)
        supervisor.expect(constants.STL_SUP_TRACER_STARTED)
        assert supervisor.answer(constants.STL_EV_HELLO).text == told.text
        assert not (tmp_path / "ran").exists()
        supervisor.tell("take the command")
        assert supervisor.expect(constants.STL_SUP_COMMAND_ENDED).detail == 0
        assert (tmp_path / "ran").exists()


def test_a_later_tracer_knows_that_it_runs(program: Path) -> None:
    with Supervisor(program, command=["sleep", "60"]).ready() as supervisor:
        command = next(pid for pid in proc.descendants(supervisor.process.pid) if pid != supervisor.tracer)
        try:
            supervisor.tell("take the command")
            poll_until(lambda: proc.command_name(command) == "sleep", "it has exec'ed")
            os.kill(supervisor.tracer, signal.SIGKILL)
            supervisor.expect(constants.STL_SUP_TRACER_ENDED)
            supervisor.expect(constants.STL_SUP_TRACER_STARTED)
            assert supervisor.answer(constants.STL_EV_HELLO).text == f"command={command} running=1"
        finally:
            os.kill(command, signal.SIGKILL)
        ended = supervisor.expect(constants.STL_SUP_COMMAND_ENDED)
        assert os.waitstatus_to_exitcode(ended.detail) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("name", "error"), [("stracelet-no-such", errno.ENOENT), ("/etc/passwd", errno.EACCES), ("/", errno.EACCES)]
)
def test_what_cannot_be_run_is_named(program: Path, name: str, error: int) -> None:
    with Supervisor(program, command=[name]) as supervisor:
        supervisor.expect(constants.STL_SUP_ARENA)
        supervisor.expect(constants.STL_SUP_POSITIONS)
        kinds = {}
        for _ in range(2):
            message, _ = supervisor.receive()
            kinds[message.type] = message
        ended = kinds[constants.STL_SUP_COMMAND_ENDED]
        assert (ended.value, ended.text) == (error, f"{name} cannot be run: {os.strerror(error)}")


def test_what_the_kernel_does_not_know_is_a_script(program: Path, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo $0 $1\n")
    script.chmod(0o755)
    _, output = _run(program, "script", "argument", env={"PATH": f":{tmp_path}"})
    assert output.decode() == f"{script} argument\n"
    script.write_bytes(b"#!/no/such/interpreter\n")
    ended, _ = _run(program, str(script))
    assert ended.value == errno.ENOENT


def test_it_has_its_callers_signals(program: Path) -> None:
    def ignore() -> None:
        for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})

    _, output = _run(program, "cat", "/proc/self/status", preexec_fn=ignore)
    status = dict(line.split(":\t", 1) for line in output.decode().splitlines() if ":\t" in line)
    # Two are Python's own doing; what else we ignore (SIGINT, where a shell has started us beside itself) is passed on.
    pythons_own = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
    inherited = int(proc.status(os.getpid())["SigIgn"], 16) & ~pythons_own
    assert int(status["SigIgn"], 16) == inherited | 1 << signal.SIGHUP - 1
    assert int(status["SigBlk"], 16) == 1 << signal.SIGWINCH - 1
    assert int(status["SigCgt"], 16) == 0
    assert status["CapBnd"] == proc.status(os.getpid())["CapBnd"]
    assert status["NoNewPrivs"] == "0"


def test_it_has_its_callers_streams_and_group_and_nothing_of_ours(program: Path) -> None:
    script = "cat; readlink /proc/self/fd/* | grep -c socket; ps -o pgid= $$"
    with Supervisor(
        program, command=["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ).ready() as supervisor:
        supervisor.process.stdin.write("typed\n")
        supervisor.process.stdin.close()
        supervisor.tell("take the command")
        supervisor.expect(constants.STL_SUP_COMMAND_ENDED)
        assert supervisor.process.stdout.read().split() == ["typed", "0", str(os.getpgid(0))]


def test_one_that_no_tracer_takes_is_not_run(program: Path, tmp_path: Path) -> None:
    with Supervisor(program, command=["touch", str(tmp_path / "ran")]).ready() as supervisor:
        start = time.monotonic()
        ended = supervisor.expect(constants.STL_SUP_COMMAND_ENDED, timeout=8)
        assert 4 < time.monotonic() - start < 6
        assert ended.value == errno.ETIMEDOUT
        assert "no tracer took it" in ended.text
        assert not (tmp_path / "ran").exists()


def test_one_that_waits_ends_with_the_agent(program: Path, tmp_path: Path) -> None:
    with Supervisor(program, command=["touch", str(tmp_path / "ran")]).ready() as supervisor:
        # The tracer, its two probes, each with its keeper, and the command.
        poll_until(lambda: len(proc.descendants(supervisor.process.pid)) == 6, "the whole family is there")
        family = proc.descendants(supervisor.process.pid)
        assert len(family) == 6
        supervisor.hang_up()
        poll_until(lambda: not any(map(proc.running, family)), "command and tracer have ended")
        assert not (tmp_path / "ran").exists()
