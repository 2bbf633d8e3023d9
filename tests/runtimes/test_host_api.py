# SPDX-License-Identifier: Apache-2.0
"""An agent's trace API on a host, and `stracelet trace` that asks it: one attachment serves all."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stracelet.cli.host_agent import Asking, HostAgent
from tests.command import PROGRAM, Command, calls, environment, run, sections
from tests.images import Engine, wait_for
from tests.processes import task_status, traced_or_stopped
from tests.worker import WORKER, tell

KILL = "kill(4194305, 0)"
CALL = re.compile(r'kill\(4194305, 0\)|"syscall":"kill"')
LINE = re.compile(r"(\[pid +\d+\] )?kill\(4194305, 0\) += -1 ESRCH \(No such process\)")


@dataclass(frozen=True)
class Worker:
    """A container that makes as many calls as it is told to."""

    docker: Engine
    name: str
    id: str

    @classmethod
    def start(cls, docker: Engine, prefix: str) -> Worker:
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        return cls(docker, name, docker.run("sh", "-c", WORKER, options=["--name", name]))

    @property
    def target(self) -> str:
        return f"docker/{self.name}"

    def work(self, count: int) -> None:
        tell(partial(self.docker.call, "exec", self.id), count)

    def tracer(self) -> str:
        """The thread that traces its first process; 0: none."""
        pid = self.docker.pid(self.id)
        return task_status(pid)[pid]["TracerPid"]

    def unharmed(self, *, traced: bool) -> None:
        """It works, and is not stopped."""
        self.work(1)
        if not traced:
            wait_for(lambda: not traced_or_stopped(self.docker.pids(self.id)), what="nothing traces it", seconds=10)
        assert self.docker.call("inspect", "-f", "{{.State.Status}}", self.id) == "running"


@dataclass(frozen=True)
class Host:
    """An agent that monitors `monitored-*`."""

    command: Command
    socket: Path

    def trace(self, *arguments: str, **options: Any) -> Command:
        return Command("trace", "--agent", str(self.socket), *arguments, **options)

    def counted(self, worker: Worker) -> int:
        """Calls of the known kind, by the metrics."""
        line = re.search(
            rf'^stracelet_syscalls_total{{.*container="{worker.name}".*syscall="kill".*}} (\S+)',
            self.page(),
            re.MULTILINE,
        )
        return int(float(line[1])) if line else 0

    def page(self) -> str:
        """Of the metrics."""
        found = re.search(r"metrics at (\S+)", self.command.err)
        assert found
        with urllib.request.urlopen(found[1], timeout=10) as answer:
            text: str = answer.read().decode()
            return text


def agent(docker: Engine, folder: Path, file: Path, monitor: str = "monitored-*") -> Command:
    settings = {
        "monitor": {"include": [{"names": [monitor]}]},
        "metrics": {"listen": "127.0.0.1:0"},
        "api": {"socket": str(folder / "agent.sock")},
        "limits": {"traces": 3},
        "sources": {"docker": docker.socket, "podman": "off", "cri": "off"},
    }
    file.write_text(json.dumps(settings))
    return Command("agent", "--config", str(file))


@pytest.fixture(scope="module")
def docker(sockets: Mapping[str, str]) -> Iterator[Engine]:
    made = Engine("docker", sockets["docker"])
    made.make_image()
    yield made
    made.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not there yet, where anybody may look."""
    path = Path(f"/tmp/stracelet-{uuid.uuid4().hex[:8]}")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def host(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    path = Path(f"/tmp/stracelet-{uuid.uuid4().hex[:8]}")
    with agent(docker, path, tmp_path_factory.mktemp("agent") / "agent.yaml") as command:
        command.says("metrics at")
        yield Host(command, path / "agent.sock")
        assert command.interrupt() == 0
    assert list(path.iterdir()) == []
    path.rmdir()


@pytest.fixture(scope="module")
def monitored(docker: Engine, host: Host) -> Worker:
    worker = Worker.start(docker, "monitored")
    wait_for(lambda: worker.tracer() != "0", what="it is monitored")
    return worker


@pytest.fixture(scope="module")
def other(docker: Engine) -> Worker:
    """That nobody monitors."""
    return Worker.start(docker, "other")


def test_two_traces_and_the_metrics_share_one_attachment(host: Host, monitored: Worker) -> None:
    monitored.work(1)
    tracer, before = monitored.tracer(), host.counted(monitored)
    flags = ("-e", "trace=kill", monitored.target)
    with host.trace(*flags) as first, host.trace(*flags) as second:
        for each in (first, second):
            each.says(f"tracing {monitored.target}: ")
        monitored.work(500)
        for each in (first, second):
            wait_for(lambda each=each: each.out.count(KILL) == 500, what="its lines")  # type: ignore[misc]
        assert first.interrupt() == 0
        assert monitored.tracer() == tracer
        monitored.work(100)
        wait_for(lambda: second.out.count(KILL) == 600, what="the other one's lines")
        assert second.interrupt() == 0
        assert first.out.count(KILL) == 500
        lines = [line for line in second.out.splitlines() if KILL in line]
        assert all(LINE.fullmatch(line) for line in lines), lines[0]
    wait_for(lambda: host.counted(monitored) == before + 600, what="600 calls more", seconds=10)
    assert monitored.tracer() == tracer
    monitored.unharmed(traced=True)


def traced_lines(worker: Worker, *arguments: str, file: Path) -> tuple[str, str]:
    """What a trace of it writes to its output and to a file while it makes ten calls."""
    with Command("trace", *arguments, "-o", str(file)) as command:
        command.says(f"tracing {worker.target}: ")
        worker.work(10)
        wait_for(lambda: len(re.findall(CALL, file.read_text())) == 10, what="its lines")
        assert command.interrupt() == 0
        # Where no CPU is free, what `docker exec` runs may be found late; that is said too.
        said = re.sub(r"^.* is traced only from after .*\n", "", command.err, flags=re.MULTILINE)
    return re.sub(r"\d+ tasks?", "N", said), re.sub(r"^\d+ +", "PID ", file.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("flags", [["-T", "-r", "--wait"], ["--format", "json"]], ids=" ".join)
def test_what_is_shown_is_what_its_own_tracer_would_show(
    host: Host, other: Worker, tmp_path: Path, flags: list[str]
) -> None:
    wanted = ["-e", "trace=kill", "-e", "signal=none", *flags, other.target]
    other.unharmed(traced=False)
    said, lines = traced_lines(other, "--agent", "off", *wanted, file=tmp_path / "own")
    asked_said, asked_lines = traced_lines(other, "--agent", str(host.socket), *wanted, file=tmp_path / "agent")
    assert _form(asked_lines) == _form(lines)
    assert asked_said == said


def _form(lines: str) -> list[str]:
    """The calls, without what differs each time."""
    differs = re.compile(r'\d+\.\d+|"(time|pid|tid|vpid|vtid|duration)":[^,}]*')
    return [differs.sub("N", line) for line in lines.splitlines() if CALL.search(line)]


def test_tables_are_of_what_was_called_meanwhile(host: Host, monitored: Worker, other: Worker) -> None:
    for worker in (monitored, other):
        worker.work(7)
    with host.trace("-c", "-e", "trace=kill", monitored.target, other.target) as command:
        for worker in (monitored, other):
            command.says(f"tracing {worker.target}: ")
            worker.work(20)
        assert command.interrupt() == 0
        found = {heading: table["kill"] for heading, table in sections(command.out).items()}
    assert found == {
        f"{monitored.target} ({monitored.id[:12]})": (20, 20),
        f"{other.target} ({other.id[:12]})": (20, 20),
        "total of 2 containers": (40, 40),
    }
    with host.trace("-c", "-e", "trace=kill", "--duration", "1s", other.target) as command:
        other.work(0)
        assert command.wait() == 0
        assert set(calls(command.out)) <= {"total"}
    other.unharmed(traced=False)


def test_what_ends_ends_its_trace_and_what_comes_is_traced_from_its_first_exec(host: Host, docker: Engine) -> None:
    name = f"job-{uuid.uuid4().hex[:8]}"
    with host.trace("--wait", "-e", "trace=execve", f"docker/{name}") as waiting:
        waiting.says(f"waiting for docker/{name}")
        worker = docker.run("sh", "-c", "read line </dev/zero & sleep 60", options=["--name", name])
        waiting.says(f"tracing docker/{name}")
        with host.trace(f"docker/{name}") as ending:
            ending.says(f"tracing docker/{name}")
            docker.call("kill", worker)
            assert ending.wait() == 0
            assert f"docker/{name} has ended" in ending.err
        waiting.says(f"docker/{name} has ended")
        assert waiting.interrupt() == 0
        assert f'{name} | execve("/bin/sh", ["sh", "-c"' in waiting.out.replace("[pid", "| [pid").replace("| |", "|")


def test_limits_are_said(host: Host, monitored: Worker) -> None:
    with (
        host.trace(monitored.target) as one,
        host.trace(monitored.target) as two,
        host.trace(monitored.target) as three,
    ):
        for each in (one, two, three):
            each.says("tracing")
        done = run("trace", "--agent", str(host.socket), monitored.target)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "stracelet: 3 traces run here already (limits.traces)\n"
        assert [each.interrupt() for each in (one, two, three)] == [0, 0, 0]


def test_a_reader_that_takes_nothing_holds_up_nobody(host: Host, monitored: Worker) -> None:
    arguments = ("trace", "--agent", str(host.socket), "-e", "trace=kill,rt_sigaction", "-v", monitored.target)
    stuck = subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    try:
        assert stuck.stderr is not None
        assert b"tracing" in stuck.stderr.readline()
        with host.trace("-e", "trace=kill", monitored.target) as quick:
            quick.says("tracing")
            monitored.work(2000)
            wait_for(lambda: quick.out.count(KILL) == 2000, what="the other one's lines")
            assert quick.interrupt() == 0
        monitored.unharmed(traced=True)
        stuck.send_signal(signal.SIGINT)
        assert stuck.wait(10) == 0
        assert b"the output's reader takes nothing" in stuck.stderr.read()
    finally:
        stuck.kill()
        stuck.wait(10)
        assert stuck.stdout is not None
        assert stuck.stderr is not None
        stuck.stdout.close()
        stuck.stderr.close()


def test_what_does_not_go_through_an_agent_is_said_where_it_has_the_container(
    host: Host, monitored: Worker, other: Worker, tmp_path: Path
) -> None:
    for flags, name in ((["--lossless"], "--lossless"), (["-w", str(tmp_path / "records")], "-w")):
        done = run("trace", "--agent", str(host.socket), *flags, monitored.target)
        assert done.returncode == 1
        assert f"{monitored.target}: the agent at {host.socket} traces it already, and {name} does not" in done.stderr
    assert not (tmp_path / "records").exists()
    with host.trace("--lossless", "-e", "trace=kill", other.target) as command:
        command.says("tracing")
        other.work(5)
        wait_for(lambda: command.out.count(KILL) == 5, what="its lines")
        assert command.interrupt() == 0
    other.unharmed(traced=False)


@pytest.mark.parametrize(
    ("target", "status", "line"),
    [
        ("docker/nothing-of-that-name", 3, "docker/nothing-of-that-name: no such container on this node"),
        ("docker/a/b", 2, "target 'docker/a/b': docker/a has no parts"),
    ],
)
def test_what_is_not_there_is_said_as_without_an_agent(host: Host, target: str, status: int, line: str) -> None:
    for socket in (str(host.socket), "off"):
        done = run("trace", "--agent", socket, target)
        assert (done.returncode, done.stdout) == (status, "")
        assert done.stderr.splitlines()[0] == f"stracelet: {line}"


def test_the_list_says_what_the_agent_does(host: Host, monitored: Worker, other: Worker) -> None:
    asking = {**environment(), "STRACELET_AGENT": str(host.socket)}
    done = subprocess.run([*PROGRAM, "ps", "-o", "json"], capture_output=True, check=True, env=asking)
    found = {each["id"]: each["agent"] for each in json.loads(done.stdout)["containers"]}
    assert found[monitored.id] == {"monitored": True, "traced": True, "refused": ""}
    assert found[other.id]["monitored"] is False
    done = subprocess.run([*PROGRAM, "ps", monitored.target], capture_output=True, check=True, text=True, env=asking)
    heading, row = done.stdout.splitlines()
    assert (heading.split()[-1], row.split()[-1]) == ("AGENT", "monitored")


def test_who_may_not_open_the_socket_is_told_so(host: Host, monitored: Worker) -> None:
    mode = host.socket.stat()
    assert (stat.S_IMODE(mode.st_mode), mode.st_uid) == (0o600, 0)
    done = run("trace", "--agent", str(host.socket), monitored.target, user=65534)
    assert (done.returncode, done.stdout) == (4, "")
    assert (
        done.stderr.splitlines()[0] == f"stracelet: {host.socket}: the socket of this host's agent is its owner's alone"
    )
    assert len(done.stderr.splitlines()) == 2
    assert monitored.tracer() != "0"


def test_an_agent_that_is_named_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    done = run("trace", "--agent", str(tmp_path / "nothing"), "docker/x")
    assert done.returncode == 1
    assert done.stderr == f"stracelet: {tmp_path}/nothing: no agent listens there\n"


def test_a_dead_agents_socket_is_replaced_and_a_living_ones_is_not(
    docker: Engine, folder: Path, tmp_path: Path
) -> None:
    worker = Worker.start(docker, "second")
    with agent(docker, folder, tmp_path / "agent.yaml", "second-*") as first:
        first.says("metrics at")
        wait_for(lambda: worker.tracer() != "0", what="it is monitored")
        with Command("trace", "--agent", str(folder / "agent.sock"), "-e", "trace=kill", worker.target) as command:
            command.says("tracing")
            worker.work(3)
            wait_for(lambda: command.out.count(KILL) == 3, what="its lines")
            first.process.kill()
            assert command.wait(10) == 1
            said = [line for line in command.err.splitlines() if "tracing" not in line]
        assert said == [
            f"stracelet: the agent at {folder}/agent.sock has gone, and the trace with it; what it traced goes on"
        ]
    worker.unharmed(traced=False)
    assert (folder / "agent.sock").is_socket()
    with agent(docker, folder, tmp_path / "agent.yaml", "second-*") as second:
        second.says("metrics at")
        with agent(docker, folder, tmp_path / "agent.yaml", "second-*") as third:
            assert third.wait(20) == 1
            assert third.err.splitlines()[0] == f"stracelet: api.socket: another agent listens at {folder}/agent.sock"
        assert (folder / "agent.sock").is_socket()
        assert second.interrupt(signal.SIGTERM) == 0
    assert list(folder.iterdir()) == []
    docker.remove(worker.id)


def test_what_a_reload_masks_is_masked_in_the_traces_that_begin_from_then_on(
    docker: Engine, folder: Path, tmp_path: Path
) -> None:
    worker, file = Worker.start(docker, "shown"), tmp_path / "agent.yaml"
    flags = ("trace", "--agent", str(folder / "agent.sock"), "-e", "trace=/^open", worker.target)
    with agent(docker, folder, file, "nobody-*") as command:
        command.says("metrics at")
        with Command(*flags) as before:
            before.says("tracing")
            file.write_text(json.dumps({**json.loads(file.read_text()), "trace": {"mask": ["null$"]}}))
            command.process.send_signal(signal.SIGHUP)
            command.says("the configuration was read again")
            with Command(*flags) as after:
                after.says("tracing")
                worker.work(3)
                wait_for(lambda: before.out.count('"/dev/null"') == 3, what="the lines of the one before")
                wait_for(lambda: after.out.count("[masked]") == 3, what="the lines of the one after")
                assert "null" not in after.out
                assert after.interrupt() == 0
            assert before.interrupt() == 0
        assert command.interrupt() == 0
    docker.remove(worker.id)


ASKING = "import os\nwhile line := input(): [os.getppid() for _ in range(int(line))]; print(line, flush=True)"


@pytest.fixture
def asking() -> Iterator[subprocess.Popen[bytes]]:
    """A process that makes as many calls as it is told to."""
    with subprocess.Popen([sys.executable, "-c", ASKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


def calls_of(process: subprocess.Popen[bytes], count: int) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"%d\n" % count)
    process.stdin.flush()
    assert process.stdout.readline() == b"%d\n" % count


def of_processes(folder: Path, tmp_path: Path) -> Path:
    """The configuration of an agent that knows no runtime."""
    file = tmp_path / "agent.yaml"
    settings = {"metrics": {"listen": "127.0.0.1:0"}, "api": {"socket": str(folder / "agent.sock")}}
    file.write_text(json.dumps({**settings, "sources": {"docker": "off", "podman": "off", "cri": "off"}}))
    return file


@pytest.fixture
def counting(asking: subprocess.Popen[bytes], folder: Path, tmp_path: Path) -> Iterator[Host]:
    """The agent that counts them."""
    with Command("agent", "--config", str(of_processes(folder, tmp_path)), f"pid/{asking.pid}") as command:
        command.says("metrics at")
        wait_for(lambda: task_status(asking.pid)[asking.pid]["TracerPid"] != "0", what="it is counted")
        yield Host(command, folder / "agent.sock")
        assert command.interrupt() == 0
    assert task_status(asking.pid)[asking.pid]["TracerPid"] == "0"
    calls_of(asking, 1)


def test_a_process_that_the_agent_counts_is_traced_through_it(counting: Host, asking: subprocess.Popen[bytes]) -> None:
    with counting.trace("-e", "trace=getppid", f"pid/{asking.pid}") as trace:
        trace.says(f"tracing pid/{asking.pid}: ")
        calls_of(asking, 100)
        wait_for(lambda: trace.out.count("getppid()") == 100, what="its lines")
        assert trace.interrupt() == 0
    calls_of(asking, 7)
    counted = rf'^stracelet_syscalls_total{{.*container="pid/{asking.pid}".*syscall="getppid".*}} 107$'
    wait_for(lambda: re.search(counted, counting.page(), re.MULTILINE), what="all calls")
    done = run("trace", "--agent", str(counting.socket), f"pid/{os.getpid()}")
    assert (done.returncode, done.stdout) == (3, "")
    assert "of processes the agent traces those alone that it was started for" in done.stderr


def test_no_line_is_older_than_the_streams_beginning(counting: Host, asking: subprocess.Popen[bytes]) -> None:
    """By which who merges several takes it that none comes."""
    assert asking.stdin is not None
    asking.stdin.write(b"50000\n")
    asking.stdin.flush()
    with Asking(HostAgent(str(counting.socket), named=True, ours=True)) as stream:
        stream.begin("POST", "/v1/traces", {"targets": [f"pid/{asking.pid}"], "flags": ["-e", "trace=getppid"]})
        passed, first = 0, 0
        for line in stream.lines():
            message = json.loads(line)
            if message["type"] == "lines":
                first = int(message["lines"][0][0])
                break
            if message["type"] in ("started", "heartbeat"):
                passed = int(message["time"])
    assert 0 < passed < first
    assert asking.stdout is not None
    assert asking.stdout.readline() == b"50000\n"


def test_two_signals_at_once_are_one(counting: Host, asking: subprocess.Popen[bytes]) -> None:
    """As timeout(1) sends them, to a process and to its group."""
    with counting.trace("-c", f"pid/{asking.pid}") as trace:
        trace.says("tracing")
        calls_of(asking, 30)
        for number in (signal.SIGTERM, signal.SIGHUP):
            trace.process.send_signal(number)
        assert trace.wait(10) == 0
        assert calls(trace.out)["getppid"] == (30, 0)


def test_a_process_that_no_agent_counts_is_traced_without_one(asking: subprocess.Popen[bytes], folder: Path) -> None:
    told = {**environment(), "STRACELET_AGENT": str(folder / "nobody.sock")}
    command = [*PROGRAM, "trace", "--duration", "0.1s", f"pid/{asking.pid}"]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=told)
    assert f"tracing pid/{asking.pid}: 1 task" in done.stderr


def test_what_another_one_traces_is_a_failure_through_the_agent_too(
    asking: subprocess.Popen[bytes], folder: Path, tmp_path: Path
) -> None:
    target = f"pid/{asking.pid}"
    with subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(asking.pid)]) as strace:
        try:
            wait_for(lambda: task_status(asking.pid)[asking.pid]["TracerPid"] != "0", what="strace has it")
            with Command("agent", "--config", str(of_processes(folder, tmp_path)), target) as command:
                command.says("metrics at")
                for _ in range(3):  # of which the agent tries some no more, for it has just tried
                    done = run("trace", "--agent", str(folder / "agent.sock"), target)
                    assert (done.returncode, done.stdout) == (1, ""), done.stderr
                    assert re.search("traced already, by|none of its tasks could be traced", done.stderr)
                    assert "ended" not in done.stderr
                assert command.interrupt() == 0
        finally:
            strace.terminate()


def interrupted(process: subprocess.Popen[str]) -> bool:
    """Again, by somebody who is impatient; whether it has ended."""
    process.send_signal(signal.SIGINT)
    return process.poll() is not None


def test_an_agent_that_is_stopped_keeps_nobody(counting: Host, asking: subprocess.Popen[bytes]) -> None:
    with counting.trace("-e", "trace=getppid", f"pid/{asking.pid}") as trace:
        trace.says("tracing")
        counting.command.process.send_signal(signal.SIGSTOP)
        try:
            calls_of(asking, 10)  # nor the process
            trace.process.send_signal(signal.SIGINT)
            wait_for(lambda: interrupted(trace.process), what="it has ended by the second one", seconds=3)
            assert trace.process.returncode == 128 + signal.SIGINT
        finally:
            counting.command.process.send_signal(signal.SIGCONT)


def test_a_socket_that_cannot_be_made_where_it_is_to_be_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("metrics: {listen: '127.0.0.1:0'}\napi: {socket: /proc/agent.sock}\n")
    with Command("agent", "--config", str(file)) as told:
        assert told.wait(20) == 1
        assert told.err.splitlines()[0].startswith("stracelet: api.socket: /proc/agent.sock cannot be made: ")
