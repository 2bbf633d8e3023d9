# SPDX-License-Identifier: Apache-2.0
"""`stracelet trace`: lines of containers, processes and commands, and sinks that fail; the target never notices."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command import PROGRAM, Command, environment, run
from tests.images import Engine, wait_for
from tests.processes import task_status, traced_or_stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

# Opens a file 20 times a second, and says so where one asks.
OPENS = "import time\nwhile True: open('/etc/hostname').close(); time.sleep(0.05)"
STORM = "import os\nwhile True: os.getppid()"
THREADS = """
import threading, time
for _ in range(200): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
print("ready", flush=True); time.sleep(1000)
"""


class Target:
    """A process to be traced; at the end it is looked at, and killed."""

    def __init__(self, code: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE)
        self.name = f"pid/{self.process.pid}"

    def unharmed(self) -> None:
        pid = self.process.pid
        wait_for(lambda: traced_or_stopped([pid]) == [], what="it is let go")
        before = switches(pid)
        wait_for(lambda: switches(pid) > before, what="it makes progress")

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def switches(pid: int) -> int:
    status = task_status(pid)[pid]
    return int(status["voluntary_ctxt_switches"]) + int(status["nonvoluntary_ctxt_switches"])


@pytest.fixture
def opens() -> Iterator[Target]:
    target = Target(OPENS)
    yield target
    target.close()


@pytest.fixture
def storm() -> Iterator[Target]:
    target = Target(STORM)
    yield target
    target.close()


@pytest.fixture
def container(docker: Engine) -> str:
    name = f"lines-{uuid.uuid4().hex[:8]}"
    docker.run("/bin/sh", "-c", "while :; do cat /etc/none; sleep 0.05; done", options=["--name", name])
    return f"docker/{name}"


def test_lines_of_a_container_by_name(container: str) -> None:
    done = run("trace", container, "-e", "trace=openat,open", "-Z", "--limit", "3")

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) == 3
    assert any(re.search(r'open(at)?\(.*"/etc/none", O_RDONLY.*\) += -1 ENOENT \(No such', line) for line in lines)
    assert f"stracelet: tracing {container}" in done.stderr


def test_the_same_as_data(container: str) -> None:
    done = run("trace", container, "-e", "trace=openat,open", "-Z", "--format", "json", "--limit", "30")
    records = [json.loads(line) for line in done.stdout.splitlines()]

    calls = [each for each in records if each["type"] == "syscall"]
    assert calls
    for each in calls:
        assert each["container"] == container.removeprefix("docker/")
        assert re.fullmatch(r"[0-9a-f]{64}", each["container_id"])
        assert each["node"] == os.uname().nodename
        assert (each["errno"], each["ret"]) == ("ENOENT", -1)
        assert each["vpid"] < each["pid"]


def test_two_containers_are_told_apart(docker: Engine) -> None:
    names = [f"lines-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        docker.run("/bin/sh", "-c", "while :; do sleep 0.02; done", options=["--name", name])
    done = run("trace", *(f"docker/{name}" for name in names), "--duration", "1s", "-e", "nanosleep,clock_nanosleep")

    assert all(any(name in line for line in done.stdout.splitlines()) for name in names)


def test_a_new_container_from_its_first_exec(docker: Engine) -> None:
    name = f"lines-{uuid.uuid4().hex[:8]}"
    with Command("trace", "--wait", f"docker/{name}") as trace:
        trace.says("waiting")
        docker.run("/bin/sh", "-c", "cat /etc/none", options=["--name", name])
        trace.says("ended")
        assert trace.interrupt() == 0
        lines = trace.out.splitlines()
    assert any(re.search(r'execve\("/bin/sh", \["/bin/sh", "-c", "cat /etc/none"\]', line) for line in lines[:3])
    assert any('"/etc/none"' in line for line in lines)
    assert sum("+++ exited with" in line for line in lines) >= 1


def test_ctrl_c_ends_it_and_all_that_was_seen_is_there(opens: Target) -> None:
    with Command("trace", opens.name, "-e", "openat") as trace:
        wait_for(lambda: trace.out.count("openat") > 3, what="lines")
        assert trace.interrupt() == 0
        assert trace.out.endswith("\n")
    opens.unharmed()


def test_ctrl_c_lets_200_threads_go_at_once() -> None:
    target = Target(THREADS)
    try:
        assert target.process.stdout.readline() == b"ready\n"  # type: ignore[union-attr]
        tasks = [int(tid) for tid in os.listdir(f"/proc/{target.process.pid}/task")]
        with Command("trace", target.name) as trace:
            wait_for(lambda: len(traced(tasks)) == 201, what="all are traced", seconds=30)
            began = time.monotonic()
            trace.process.send_signal(signal.SIGINT)
            wait_for(lambda: not traced(tasks), what="all are let go")
            took = time.monotonic() - began
            assert trace.wait() == 0
        assert took < 3.0, took  # how long it takes on an idle machine is for a benchmark
    finally:
        target.close()


def traced(tids: list[int]) -> list[int]:
    return [tid for tid in tids if "TracerPid:\t0" not in Path(f"/proc/{tid}/status").read_text()]


def test_a_closed_pipe_is_quiet(opens: Target) -> None:
    line = [*PROGRAM, "trace", opens.name]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 128 + signal.SIGPIPE
        assert process.stderr.read().splitlines()[1:] == []
    opens.unharmed()


def test_a_closed_pipe_is_noticed_though_nothing_is_written() -> None:
    target = Target("import time; time.sleep(1000)")
    line = [*PROGRAM, "trace", target.name, "-e", "openat", "-q"]
    try:
        with subprocess.Popen(line, stdout=subprocess.PIPE, env=environment()) as process:
            assert process.stdout is not None
            wait_for(lambda: traced([target.process.pid]), what="it is traced")
            process.stdout.close()
            assert process.wait(20) == 128 + signal.SIGPIPE
    finally:
        target.close()


def test_a_full_disk_is_one_line(storm: Target, small: Path) -> None:
    done = run("trace", storm.name, "-q", "-o", str(small / "out"))

    assert done.returncode == 1
    assert done.stderr == f"stracelet: {small}/out: cannot be written: No space left on device\n"
    storm.unharmed()


def test_a_full_disk_of_records_is_one_line(storm: Target, small: Path) -> None:
    done = run("record", storm.name, "-q", "-w", str(small / "out"))

    assert done.returncode == 1
    assert done.stderr == f"stracelet: -w {small}/out: cannot be written: No space left on device\n"
    storm.unharmed()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few pages."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "none", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("-e", "trace=opennat"), 2, "-e trace: unknown syscall 'opennat' (near: openat, openat2, open)"),
        (("-e", "trace=%nett"), 2, "-e trace: unknown class '%nett' (near: %net"),
        (("-e", "/("), 2, "-e trace: not a regular expression: '('"),
        (("-e", "status=odd"), 2, "-e status: unknown 'odd'"),
        (("-e", "inject=read"), 2, "-e inject=read: stracelet never changes what a call does"),
        (("--mask", "("), 2, "--mask: not a regular expression: ("),
        (("-s", "-1"), 2, "argument -s/--string-limit: expected a number of 0 or more, found '-1'"),
        (("-X", "odd"), 2, "argument -X/--const-print-style: invalid choice: 'odd'"),
        (("-o", "/none/out"), 1, "/none/out: cannot be written: No such file or directory"),
        (("-w", "/none/out"), 1, "/none/out: cannot be written: No such file or directory"),
        (("-ff", "-c", "-o", "x"), 2, "-ff with -o and -c or -C do not go together"),
        (("-b", "execve"), 2, "-b: a traced process is never let go at an exec"),
        (("-w", "-"), 2, "-w - is standard output, where the lines go"),
        (("--rotate-size", "10M"), 2, "--rotate-size is of the file of -w"),
    ],
)
def test_what_is_wrong_is_one_line(opens: Target, arguments: tuple[str, ...], status: int, message: str) -> None:
    done = run("trace", *arguments, opens.name)

    assert done.returncode == status
    assert done.stderr.startswith(f"stracelet: {message}")
    assert done.stdout == ""


def test_a_reader_that_takes_nothing_holds_nobody(storm: Target) -> None:
    line = [*PROGRAM, "trace", storm.name]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        wait_for(lambda: traced([storm.process.pid]), what="it is traced")
        time.sleep(1.0)  # the pipe and the ring are full
        before = switches(storm.process.pid)
        wait_for(lambda: switches(storm.process.pid) > before + 1000, what="it makes progress")
        process.send_signal(signal.SIGINT)
        wait_for(lambda: not traced([storm.process.pid]), what="it is let go")
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert b"the output's reader takes nothing: the last lines are not written" in process.stderr.read()
    storm.unharmed()


def test_what_a_slow_reader_makes_us_drop_is_said(tmp_path: Path) -> None:
    target = Target("import os\nf = os.open('/dev/null', 1)\nd = bytes(65536)\nwhile True: os.write(f, d)")
    try:
        command = f"|sleep 3; cat >{tmp_path}/out"
        done = run("trace", target.name, "-s", "65536", "--duration", "5s", "-o", command)
        target.unharmed()
    finally:
        target.close()
    said = re.search(r"stracelet: (\d+) records were dropped: the output took them more slowly", done.stderr)
    told = re.findall(r"!!! (\d+) records? lost here !!!", (tmp_path / "out").read_text())

    assert done.returncode == 0
    assert said is not None
    assert 0 < sum(map(int, told)) <= int(said[1])


def test_a_file_for_each_task(container: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    done = run("trace", "-ff", "-o", str(tmp_path / "out"), "--duration", "1s", container)

    assert done.returncode == 0
    files = sorted(tmp_path.iterdir())
    assert len(files) >= 3
    assert all(re.fullmatch(r"out\.\d+", path.name) for path in files)
    for path in files:
        assert not path.read_text().startswith("[pid")


def test_lines_and_then_the_table(opens: Target) -> None:
    done = run("trace", "-C", "-e", "openat", "--duration", "500ms", opens.name)
    table = done.stdout.index("% time")
    lines = done.stdout[:table].splitlines()
    count = re.search(r" (\d+) +openat", done.stdout[table:])

    assert count is not None
    assert len(lines) == int(count[1]) > 3


def test_data_and_masks(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = "echo secret-1 >f; cat f; exec echo --password=secret-2"
    run("trace", "--no-data", "--mask", "secret-[0-9]", "-o", str(out), "--", "sh", "-c", f"cd {tmp_path}; {script}")
    assert "secret-" not in out.read_text()
    assert "[masked]" in out.read_text()

    (tmp_path / "c.yaml").write_text("trace: {data: false, mask_exec: true, mask: ['^/etc/ld']}\n")
    run("trace", "--config", str(tmp_path / "c.yaml"), "-o", str(out), "--", "sh", "-c", f"cd {tmp_path}; {script}")
    assert "secret-" not in out.read_text()
    assert "/etc/ld" not in out.read_text()


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -USR1 $$", -signal.SIGUSR1)])
def test_a_command_ends_as_it_would_have(script: str, status: int) -> None:
    done = run("trace", "--", "sh", "-c", f"echo out; {script}")

    assert done.returncode == status
    assert done.stdout == "out\n"
    assert done.stderr.startswith('execve("')
    ending = f"+++ exited with {status} +++" if status >= 0 else "+++ killed by SIGUSR1 +++"
    assert done.stderr.splitlines()[-1] == ending


def test_a_command_loses_no_line_to_a_slow_reader(tmp_path: Path) -> None:
    count = 30_000
    code = f"import os\nfor _ in range({count}): os.getppid()"
    out = tmp_path / "out"
    done = run("trace", "-e", "getppid", "-o", f"|sleep 2; cat >{out}", "--", sys.executable, "-S", "-c", code)

    assert done.returncode == 0
    assert out.read_text().count("getppid()") == count
