# SPDX-License-Identifier: Apache-2.0
"""The commands as a user meets them: exit statuses, one line for what is wrong, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from tests.command import DEADLINE, PROGRAM, Command, calls, environment, run
from tests.images import Engine, wait_for
from tests.processes import descendants, task_status, traced_or_stopped
from tests.unit.containers.servers import CriServer

NOBODY = 65534


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def demonstrations() -> set[str]:
    return {str(path) for path in Path("/sys/fs/cgroup").glob("**/stracelet-demo/*") if path.is_dir()}


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 37", 37), ("kill -TERM $$", -15), ("kill -KILL $$", -9)]
)
def test_a_traced_command_ends_us_as_it_ended(script: str, status: int) -> None:
    done = run("trace", "-c", "--", "sh", "-c", f"echo out; {script}")
    assert done.returncode == status
    assert done.stdout == "out\n"
    assert calls(done.stderr)["execve"] == (1, 0)


def test_a_command_is_counted_as_strace_counts_it() -> None:
    command = ["sh", "-c", "for i in 1 2 3; do cat /nonexistent /etc/passwd; done | wc -l"]
    theirs = calls(subprocess.run(["strace", "-f", "-c", *command], capture_output=True, text=True, check=False).stderr)
    ours = calls(run("trace", "-c", "--", *command).stderr)
    # exit_group never returns, so strace does not count it; a restarted wait and a pipe's reads depend on timing.
    for each in (theirs, ours):
        for name in ("total", "exit_group", "wait4", "rt_sigreturn", "read"):
            each.pop(name, None)
    assert ours == theirs


def test_a_command_is_counted_from_its_exec_on_each_time() -> None:
    """It may exec as soon as it is traced, and no sooner."""
    counted = {frozenset(calls(run("trace", "-c", "--", "true").stderr).items()) for _ in range(60)}
    assert len(counted) == 1
    assert ("execve", (1, 0)) in counted.pop()


def test_a_command_that_cannot_be_run(tmp_path: Path) -> None:
    done = run("trace", "-c", "--", "/nonexistent/program")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("stracelet: /nonexistent/program cannot be run: No such file or directory")


def test_a_command_has_the_descriptors_of_its_caller_and_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("read\n")
    script = "cat /proc/$$/fd/$0; for fd in /proc/$$/fd/*; do readlink $fd; done; true"
    with (tmp_path / "file").open("rb") as file:
        done = subprocess.run(
            [*PROGRAM, "trace", "-c", "-o", str(tmp_path / "table"), "--", "sh", "-c", script, str(file.fileno())],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=[file.fileno()],
            env=environment(),
            check=True,
        )
    read, *held = done.stdout.decode().splitlines()
    assert read == "read"
    assert [name for name in held if not name.startswith("pipe:")] == ["/dev/null", str(tmp_path / "file")]
    assert len(held) == 4  # stdout and stderr are pipes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_was_meant_for_the_command_reaches_it(number: signal.Signals) -> None:
    script = "trap 'exit 3' TERM HUP; echo ready; while :; do sleep 0.01; done"
    with Command("trace", "-c", "--", "sh", "-c", script) as trace:
        wait_for(lambda: "ready" in trace.out, what="the command runs")
        assert trace.interrupt(number) == 3
        assert calls(trace.err)["total"][0] > 0


def test_a_signal_to_the_whole_group_reaches_the_command_once() -> None:
    had, more = "trap 'n=$((n+1))' TERM; echo ready", "while [ $i -lt 40 ]; do sleep 0.01; i=$((i+(n>0))); done"
    with Command("trace", "-c", "--", "sh", "-c", f"n=0 i=0; {had}; {more}; exit $n", own_group=True) as trace:
        wait_for(lambda: "ready" in trace.out, what="the command runs")
        os.killpg(trace.process.pid, signal.SIGTERM)
        assert trace.wait() == 1


def test_a_second_signal_ends_us_and_not_the_command() -> None:
    script = "trap 'echo again' TERM; echo $$; while :; do sleep 0.01; done"
    with Command("trace", "-c", "--", "sh", "-c", script) as trace:
        wait_for(lambda: trace.out.endswith("\n"), what="the command runs")
        pid = int(trace.out)
        try:
            trace.process.send_signal(signal.SIGTERM)
            wait_for(lambda: "again" in trace.out, what="the command has got it")
            assert trace.interrupt(signal.SIGTERM) == 0
            assert not traced_or_stopped([pid])
        finally:
            os.kill(pid, signal.SIGKILL)


def test_the_table_goes_to_a_file_where_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "table"
    done = run("trace", "-c", "-o", str(file), "-S", "calls", "-U", "calls,name", "--", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.read_text().splitlines()[0] == "    calls syscall"


def test_another_users_own_command_needs_no_root() -> None:
    done = run("trace", "-c", "--", "sh", "-c", "exit 5", user=NOBODY)
    assert done.returncode == 5, done.stderr
    assert calls(done.stderr)["exit_group"] == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["trace", "-p", "1"], 2, "pid/N"),
        (["trace", "-c"], 2, "nothing to trace"),
        (["trace", "-c", "x", "--", "true"], 2, "do not go together"),
        (["trace", "-c", "--"], 2, "expected a command"),
        (["trace", "-c", "-S", "foo", "pid/1"], 2, "foo"),
        (["trace", "-c", "-U", "calls,calls", "pid/1"], 2, "more than once"),
        (["trace", "-c", "--duration", "soon", "pid/1"], 2, "duration"),
        (["trace", "-c", "pid/x"], 2, "no PID"),
        (["trace", "-c", "pid/4194303"], 3, "no such process"),
        (["trace", "-c", "-o", "/nonexistent/x", "pid/1"], 1, "/nonexistent/x"),
        (["trace", "-c", "-l", "a=(", "pid/1"], 2, "selector"),
        (["ps", "--", "ls"], 2, "takes no"),
        (["ps", "nosuch"], 3, "nosuch"),
        (["nosuch"], 2, "nosuch"),
        ([], 2, "COMMAND"),
        (["agent", "--config", "/nonexistent.yaml"], 2, "/nonexistent.yaml"),
    ],
)
def test_wrong_arguments(arguments: list[str], status: int, text: str) -> None:
    done = run(*arguments)
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    first, *help_text = done.stderr.splitlines()
    assert first.startswith("stracelet: ")
    assert text in first
    assert len(help_text) <= 1


def test_a_broken_configuration_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "stracelet.yaml"
    file.write_text("metrics: {lissten: ':9477'}\n")
    for arguments in (["agent", "--check"], ["agent"], ["ps"], ["trace", "-c", "docker/x"], ["doctor"], ["demo"]):
        done = run(*arguments, "--config", str(file))
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert "metrics.lissten: unknown key; did you mean metrics.listen?" in done.stderr
    file.write_text("metrics: {listen: ':9477'}\n")
    assert run("agent", "--check", "--config", str(file)).returncode == 0


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        file = tmp_path / "stracelet.yaml"
        file.write_text(f"metrics: {{listen: '127.0.0.1:{server.getsockname()[1]}'}}\n")
        done = run("agent", "--config", str(file))
    assert done.returncode == 1
    assert "in use" in done.stderr.splitlines()[0]
    assert len(done.stderr.splitlines()) <= 2


def test_ctrl_c_does_not_wait_for_a_socket_that_does_not_answer(tmp_path: Path) -> None:
    path, file = str(tmp_path / "hanging.sock"), tmp_path / "stracelet.yaml"
    file.write_text(f"sources: {{docker: {path}, podman: off, cri: off}}\n")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        server.settimeout(DEADLINE)
        with Command("trace", "-c", "docker/redis", "--config", str(file)) as command:
            with server.accept()[0]:
                before = time.monotonic()
                command.process.send_signal(signal.SIGINT)
                assert command.process.wait(DEADLINE) == 0
                assert time.monotonic() - before < 3  # it would have answered until 5 s are over
            assert command.err.splitlines() == ["stracelet: no system calls were seen"]


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[str]:
    """A socket that takes connections and never answers."""
    path = str(tmp_path / "hanging.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        yield path


def test_a_socket_that_does_not_answer_stops_nobody_else(
    hanging: str, sockets: Mapping[str, str], docker: Engine, tmp_path: Path
) -> None:
    container = docker.run("/bin/sleep", "1000")
    file = tmp_path / "stracelet.yaml"
    file.write_text(f"sources: {{docker: {docker.socket}, podman: {hanging}, cri: off}}\n")
    before = time.monotonic()
    listed = run("ps", "--config", str(file), "-o", "json", container[:12], seconds=20)
    assert time.monotonic() - before < 10  # the deadline is 5 s; a busy machine
    assert listed.returncode == 0
    document = json.loads(listed.stdout)
    assert [each["id"] for each in document["containers"]] == [container]
    assert document["sources"]["podman"]["up"] is False
    told = run("doctor", "--config", str(file), "-o", "json", container[:12], seconds=60)
    findings = {finding["check"]: finding for finding in json.loads(told.stdout)["findings"]}
    assert told.returncode == 1
    assert findings["source podman"]["state"] == "failed"
    assert findings["source podman"]["mend"]
    assert findings["source docker"]["state"] == "ok"
    assert findings["trace a process"]["state"] == "ok", findings["trace a process"]


async def test_a_cri_of_an_older_version_is_one_line(tmp_path: Path) -> None:
    path, file = tmp_path / "cri.sock", tmp_path / "stracelet.yaml"
    file.write_text(f"sources: {{docker: off, podman: off, cri: {path}}}\n")
    async with CriServer("runtime.v1alpha2.RuntimeService").at(path):
        listed = await asyncio.to_thread(run, "ps", "--config", str(file))
        told = await asyncio.to_thread(run, "doctor", "--config", str(file), "-o", "json")
    assert listed.returncode == 0
    (line,) = listed.stderr.splitlines()
    assert "speaks only CRI v1alpha2, and v1 is needed" in line
    findings = {finding["check"]: finding for finding in json.loads(told.stdout)["findings"]}
    assert findings["source cri"]["state"] == "failed"
    assert "1.6" in findings["source cri"]["mend"]


def test_garbage_in_proc_is_no_traceback(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    for pid in ("1", "17", "4194304"):
        (proc / pid / "task" / pid).mkdir(parents=True)
        for name in ("stat", "status", "cgroup", "comm", "mountinfo"):
            for folder in (proc / pid, proc / pid / "task" / pid):
                (folder / name).write_bytes(bytes(range(256)) * 3)
    file = tmp_path / "stracelet.yaml"
    file.write_text(f"procfs: {proc}\nsources: {{docker: off, podman: off, cri: off}}\n")
    for command in (["ps"], ["doctor"], ["trace", "-c", "--duration", "1s", "pid/17"]):
        done = run(*command, "--config", str(file))
        assert done.returncode in (0, 2, 3), done.stderr
        assert "a bug" not in done.stderr
        assert len(done.stderr.splitlines()) <= 2


def test_doctor_names_the_tracer_of_a_target() -> None:
    with (
        subprocess.Popen(["sleep", "1000"]) as sleep,
        subprocess.Popen(["strace", "-p", str(sleep.pid)], stderr=subprocess.PIPE) as strace,
    ):
        try:
            assert strace.stderr is not None
            assert b"attached" in strace.stderr.readline()
            done = run("doctor", f"pid/{sleep.pid}")
            assert done.returncode == 1
            assert f"{sleep.pid} traced by {strace.pid} (strace)" in done.stdout
        finally:
            strace.terminate()
            strace.wait()
            sleep.kill()


def test_ps_without_rights_says_what_it_does_not_see(docker: Engine) -> None:
    container = docker.run("/bin/sleep", "1000")
    done = run("ps", user=NOBODY)
    assert done.returncode == 0
    assert container[:12] in done.stdout
    assert "permission denied" in done.stderr
    assert "sudo" in done.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        ["sh", "-c", '"$0" -m stracelet.cli.main ps -o json; echo $? >&2', sys.executable],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as piped:
        assert piped.stdout is not None
        assert piped.stderr is not None
        piped.stdout.close()
        said = piped.stderr.read().decode()
    assert said.splitlines()[-1] in ("141", "0")
    assert "Traceback" not in said
    assert "Exception" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_demonstration_shows_its_calls_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    before = demonstrations()
    port = free_port()
    file = tmp_path / "stracelet.yaml"
    file.write_text(f"metrics: {{listen: '127.0.0.1:{port}'}}\napi: {{socket: off}}\n")
    with Command("demo", "--config", str(file)) as demo:
        wait_for(lambda: "ECONNREFUSED" in demo.out, what="its failing calls are shown", seconds=60)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert 'container="stracelet-demo",syscall="fsync"' in answer.read().decode()
        assert demonstrations() - before
        assert demo.interrupt(number) == (0 if number != signal.SIGKILL else -9)
    wait_for(lambda: demonstrations() <= before, what="its cgroup is gone")


@pytest.mark.parametrize("how", ["Ctrl-Z", "SIGSTOP", "SIGSTOP to all"])
def test_stopped_in_a_terminal_it_stops_no_target(how: str) -> None:
    with subprocess.Popen(["sh", "-c", "while :; do sleep 0.01; done"]) as shell, Terminal() as terminal:
        try:
            terminal.type(f"{' '.join(PROGRAM)} trace -c pid/{shell.pid}\n")
            terminal.shows("tracing")
            (trace,) = [each for each in descendants(terminal.pid) if each.parent == terminal.pid]
            if how == "Ctrl-Z":
                terminal.type("\x1a")
            elif how == "SIGSTOP":
                os.kill(trace.pid, signal.SIGSTOP)
            else:
                os.killpg(trace.pid, signal.SIGSTOP)
            terminal.shows("Stopped")
            assert longest_pause(shell.pid, seconds=3.0) < 1.0
            terminal.type("fg\n")
            wait_for(lambda: not traced_or_stopped([trace.pid]), what="it goes on")
            terminal.type("\x03")
            terminal.shows("% time")
            wait_for(lambda: not traced_or_stopped([shell.pid]), what="it runs untraced")
        finally:
            shell.kill()


class Terminal:
    """An interactive shell in a terminal of its own, as a user has it; ended with all that it has started."""

    def __enter__(self) -> Self:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {**environment(), "TERM": "dumb"})
        self.seen = ""
        self._new = 0
        return self

    def __exit__(self, *_: object) -> None:
        for pid in (*(each.pid for each in descendants(self.pid)), self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)

    def type(self, text: str) -> None:
        self._new = len(self.seen)
        os.write(self._fd, text.encode())

    def shows(self, text: str) -> None:
        """Waits until this is on the screen, after what was typed last."""

        def look() -> bool:
            if select.select([self._fd], [], [], 0.01)[0]:
                self.seen += os.read(self._fd, 65536).decode(errors="replace")
            return text in self.seen[self._new :]

        wait_for(look, what=f"{text!r} in {self.seen!r}", seconds=30)


def longest_pause(pid: int, *, seconds: float) -> float:
    """The longest time in which it made no step; looked at every 10 ms."""
    end, last, longest, seen = time.monotonic() + seconds, time.monotonic(), 0.0, switches(pid)
    while (now := time.monotonic()) < end:
        if (steps := switches(pid)) != seen:
            seen, last = steps, now
        longest = max(longest, now - last)
        time.sleep(0.01)
    return longest


def switches(pid: int) -> int:
    return int(task_status(pid)[pid]["voluntary_ctxt_switches"])
