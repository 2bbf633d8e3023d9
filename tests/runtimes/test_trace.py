# SPDX-License-Identifier: Apache-2.0
"""`stracelet trace -c` on real containers: names in, exact counts out, and targets that notice nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command import Command, calls, run, sections
from tests.images import Engine, wait_for
from tests.processes import task_status, traced_or_stopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IMAGE = "stracelet-test/known:1"
ENGINES = ["docker", "docker-v2", "podman"]
NOBODY = 65534
HANGS_SECONDS = 10.0
every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)
NO_RIGHTS = ["--user", "65534:65534", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
as_root_and_without_rights = pytest.mark.parametrize("rights", [[], NO_RIGHTS], ids=["root", "no-rights"])


@pytest.fixture
def image(engine: Engine, known: Path) -> Iterator[str]:
    """An image with the program, made anew: an earlier run's may hold another one."""
    engine.call("rmi", "-f", IMAGE, check=False)
    yield engine.make_image(IMAGE, [known])
    # Its containers go first, in the engine's own teardown; the image's name may go before.
    engine.call("rmi", "-f", IMAGE, check=False)


@pytest.fixture
def config(engine: Engine, tmp_path: Path) -> str:
    """A configuration that knows this engine's socket alone, under its own kind."""
    kind = "podman" if engine.name == "podman" else "docker"
    other = "docker" if kind == "podman" else "podman"
    file = tmp_path / "stracelet.yaml"
    file.write_text(f"sources: {{{kind}: {engine.socket}, {other}: off, cri: off}}\n")
    return str(file)


def kind(engine: Engine) -> str:
    return "podman" if engine.name == "podman" else "docker"


def new_name() -> str:
    return f"known-{uuid.uuid4().hex[:8]}"


def strace_counts(known: Path) -> dict[str, tuple[int, int]]:
    """What strace counts of the program itself, less `exit_group`, which it does not count (strace(1), -c)."""
    done = subprocess.run(
        ["strace", "-f", "-c", "-w", known, "once"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 7
    return calls(done.stderr)


@every_engine
@as_root_and_without_rights
def test_a_container_traced_by_name_from_before_it_starts(
    engine: Engine, image: str, config: str, known: Path, rights: list[str]
) -> None:
    name = new_name()
    with Command("trace", "-c", "--wait", "--config", config, f"{kind(engine)}/{name}") as trace:
        trace.says("waiting")
        container = engine.run("/bin/known", "once", options=["--name", name, *rights], image=image)
        assert engine.call("wait", container) == "7"
        trace.says("ended")
        assert trace.interrupt() == 0
        found = calls(trace.out)
        assert "getppid" in found, "none of its calls was counted"
    assert found["getppid"] == (1000, 0)
    assert found["openat"] == (10, 10)
    assert found["execve"] == (1, 0)
    assert found["exit_group"] == (1, 0)
    theirs = strace_counts(known)
    for table in (found, theirs):
        for key in ("total", "exit_group"):
            table.pop(key, None)
    assert found == theirs


@every_engine
@as_root_and_without_rights
def test_a_running_container_until_it_ends(engine: Engine, image: str, config: str, rights: list[str]) -> None:
    name = new_name()
    container = engine.run("/bin/known", options=["--name", name, *rights], image=image)
    pid = engine.pid(container)
    with Command("trace", "-c", "--config", config, f"{kind(engine)}/{name}") as trace:
        trace.says("tracing")
        wait_for(lambda: task_status(pid)[pid]["TracerPid"] != "0", what="it is traced")
        before = voluntary(pid)
        wait_for(lambda: voluntary(pid) > before + 8000, what="it goes round twice")
        engine.call("kill", "-s", "KILL", container)
        assert trace.wait() == 0
        found = calls(trace.out)
    assert found["getppid"][0] >= 1000
    assert found["openat"][0] == found["openat"][1] >= 10
    assert engine.call("wait", container) == "137"


@every_engine
def test_after_its_duration_the_target_runs_on_untraced(engine: Engine, image: str, config: str) -> None:
    container = engine.run("/bin/known", options=["--name", new_name()], image=image)
    pid = engine.pid(container)
    done = run("trace", "-c", "--config", config, "--duration", "2s", container[:12])
    assert done.returncode == 0
    found = calls(done.stdout)
    assert found["getppid"][0] >= 1000
    assert found["openat"][0] == found["openat"][1] > 0
    assert set(found) == {"getppid", "openat", "clock_nanosleep", "total"}
    assert traced_or_stopped([pid]) == []
    before = voluntary(pid)
    wait_for(lambda: voluntary(pid) > before, what="it makes progress")


def voluntary(pid: int) -> int:
    return int(task_status(pid)[pid]["voluntary_ctxt_switches"])


@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_several_containers_have_a_table_each_and_a_total(engine: Engine, image: str, config: str) -> None:
    names = [new_name(), new_name()]
    for name in names:
        engine.run("/bin/known", options=["--name", name], image=image)
    done = run("trace", "-c", "--config", config, "--duration", "2s", *(f"docker/{name}" for name in names))
    assert done.returncode == 0
    found = sections(done.stdout)
    headings = list(found)
    assert [heading.split()[0] for heading in headings] == [*sorted(f"docker/{name}" for name in names), "total"]
    first, second, total = (found[heading]["getppid"][0] for heading in headings)
    assert total == first + second > 0


@every_engine
@pytest.mark.parametrize("paused", ["before", "while"])
def test_ctrl_c_and_a_paused_container(engine: Engine, image: str, config: str, paused: str) -> None:
    container = engine.run("/bin/known", options=["--name", new_name()], image=image)
    pid = engine.pid(container)
    if paused == "before":
        engine.call("pause", container)
    with Command("trace", "-c", "--config", config, container) as trace:
        trace.says("tracing")
        if paused == "while":
            engine.call("pause", container)
        trace.process.send_signal(signal.SIGINT)
        assert trace.wait(HANGS_SECONDS) == 0
    engine.call("unpause", container)
    wait_for(lambda: not traced_or_stopped([pid]), what="it runs untraced")
    before = voluntary(pid)
    wait_for(lambda: voluntary(pid) > before, what="it makes progress")


# Podman's conmon stays for five minutes after an exec; the hard case, a populated v2 cgroup, is Docker's too.
@pytest.mark.parametrize("engine", ["docker", "docker-v2"], indirect=True)
@as_root_and_without_rights
def test_what_enters_a_running_container_is_traced_too(
    engine: Engine, image: str, config: str, rights: list[str]
) -> None:
    container = engine.run("/bin/sleep", "1000", options=["--name", new_name(), *rights], image=image)
    with Command("trace", "-c", "--config", config, container) as trace:
        trace.says("tracing")
        entered = engine.exec(container, "/bin/known", "once")
        assert entered.wait(30) == 7
        for stream in (entered.stdin, entered.stdout):
            assert stream is not None
            stream.close()
        assert trace.interrupt() == 0
        found = calls(trace.out)
    assert found["getppid"] == (1000, 0)
    assert found["openat"] == (10, 10)


@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_wrong_targets_are_one_line_and_a_status(engine: Engine, config: str) -> None:
    absent = run("trace", "-c", "--config", config, "docker/no-such-container")
    assert absent.returncode == 3
    assert "no-such-container" in absent.stderr.splitlines()[0]
    twice = [engine.run("/bin/sleep", "1000", options=["--label", "com.docker.compose.project=twice"]) for _ in "ab"]
    both = run("trace", "-c", "--config", config, "--duration", "1s", "compose/twice")
    assert both.returncode == 0, both.stderr
    assert len(twice) == 2


@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_a_user_without_rights_gets_one_line(engine: Engine, config: str) -> None:
    name = new_name()
    container = engine.run("/bin/sleep", "1000", options=["--name", name])
    Path(config).chmod(0o644)
    Path(config).parent.chmod(0o755)
    for target in (f"docker/{name}", container[:12], f"pid/{engine.pid(container)}"):
        done = run("trace", "-c", target, user=NOBODY)
        assert done.returncode == 4, done.stderr
        told, mend = done.stderr.splitlines()
        assert told.startswith("stracelet: ")
        assert "sudo" in mend


@every_engine
def test_ps_and_trace_agree_about_pids(engine: Engine, config: str) -> None:
    container = engine.run("/bin/sh", "-c", "sleep 1000 & wait", options=["--name", new_name()])
    wait_for(lambda: len(engine.pids(container)) == 2, what="its processes")
    done = run("ps", "--config", config, "-o", "json", container)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["containers"]
    assert {process["pid"] for process in found["processes"]} == engine.pids(container)


def test_an_ambiguous_name_is_one_line_that_lists_them(sockets: Mapping[str, str], tmp_path: Path) -> None:
    name, engines = new_name(), [Engine(each, sockets[each]) for each in ("docker", "podman")]
    file = tmp_path / "stracelet.yaml"
    file.write_text(f"sources: {{docker: {sockets['docker']}, podman: {sockets['podman']}, cri: off}}\n")
    try:
        ids = []
        for each in engines:
            each.make_image()
            ids.append(each.run("/bin/sleep", "1000", options=["--name", name]))
        for command in (["trace", "-c"], ["ps"]):
            done = run(*command, "--config", str(file), name)
            assert done.returncode == 2, done.stderr
            first, *rest = done.stderr.splitlines()
            assert first.startswith(f"stracelet: {name}")
            assert all(id_[:12] in done.stderr for id_ in ids)
            assert len(rest) <= 1 + len(ids)
    finally:
        for each in engines:
            each.close()


def test_a_process_by_its_pid() -> None:
    with subprocess.Popen(["sleep", "1000"]) as sleep:
        try:
            done = run("trace", "-c", "--duration", "1s", f"pid/{sleep.pid}")
            assert done.returncode == 0, done.stderr
            assert sleep.poll() is None
            assert traced_or_stopped([sleep.pid]) == []
        finally:
            sleep.kill()


def test_a_process_that_ends_ends_the_trace() -> None:
    with subprocess.Popen(["sh", "-c", "read line; exit 3"], stdin=subprocess.PIPE) as shell:
        with Command("trace", "-c", f"pid/{shell.pid}") as trace:
            trace.says("tracing")
            assert shell.stdin is not None
            shell.stdin.close()
            assert trace.wait() == 0
            assert calls(trace.out)["exit_group"] == (1, 0)
        assert shell.wait(10) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_usual_signals_end_a_trace_with_its_table(number: signal.Signals) -> None:
    with subprocess.Popen(["sh", "-c", "while :; do sleep 0.01; done"]) as shell:
        try:
            with Command("trace", "-c", f"pid/{shell.pid}") as trace:
                trace.says("tracing")
                wait_for(lambda: task_status(shell.pid)[shell.pid]["TracerPid"] != "0", what="it is traced")
                assert trace.interrupt(number) == 0
                assert "% time" in trace.out or "no system calls" in trace.err
            wait_for(lambda: not traced_or_stopped([shell.pid]), what="it runs untraced")
            assert shell.poll() is None
        finally:
            shell.kill()
