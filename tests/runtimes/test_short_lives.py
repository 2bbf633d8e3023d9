# SPDX-License-Identifier: Apache-2.0
"""Lines of containers on real engines: lives of some milliseconds, what enters later, a `trace` that is killed."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.command import Command
from tests.images import Engine, wait_for
from tests.processes import traced_or_stopped

KNOWN_IMAGE = "stracelet-test/known:1"
FOREVER = "while :; do sleep 0.02; done"


@pytest.fixture
def docker(docker: Engine, known: Path) -> Engine:
    """With the image of the program whose calls are known, too."""
    docker.make_image(KNOWN_IMAGE, [known])
    return docker


def _name() -> str:
    return f"short-{uuid.uuid4().hex[:8]}"


def test_a_life_of_30_ms_from_its_first_exec_to_its_end(docker: Engine, tmp_path: Path) -> None:
    name, output = _name(), tmp_path / "lines"
    with Command("trace", "--wait", "--lossless", "-o", str(output), f"docker/{name}") as trace:
        trace.says("waiting")
        docker.run("/bin/known", "once", options=["--name", name], image=KNOWN_IMAGE)
        trace.says("ended")
        assert trace.interrupt() == 0
    # Whoever waits may get more than one, so each line says whose it is.
    lines = [line.removeprefix(f"{name} | ") for line in output.read_text().splitlines()]

    assert re.match(r'\d+ +execve\("/bin/known", \["/bin/known", "once"\], .*\) = 0$', lines[0])
    assert re.match(r"\d+ +\+\+\+ exited with 7 \+\+\+$", lines[-1])
    assert sum(re.match(r"\d+ +getppid\(\) += 0$", line) is not None for line in lines) == 1000
    assert sum('"/nonexistent", O_RDONLY) = -1 ENOENT' in line for line in lines) == 10


def test_what_enters_a_container_is_its_own(docker: Engine, tmp_path: Path) -> None:
    name, output = _name(), tmp_path / "objects"
    container_id = docker.run("/bin/sh", "-c", FOREVER, options=["--name", name])
    with Command("trace", "--format", "json", "-o", str(output), f"docker/{name}") as trace:
        trace.says("tracing")
        with docker.exec(container_id, "cat", "/etc/entered") as entered:
            entered.communicate(timeout=30)
        assert entered.returncode != 0
        wait_for(lambda: _opens(output), what="the entered process's line")
        assert trace.interrupt() == 0
    opened = _opens(output)[0]

    assert (opened["container"], opened["container_id"], opened["errno"]) == (name, container_id, "ENOENT")
    assert 1 < opened["vpid"] < opened["pid"]
    assert opened["comm"] == "cat"


def _opens(output: Path) -> list[dict[str, Any]]:
    """Whole lines alone: the last one may be being written."""
    lines = [line for line in output.read_text().split("\n")[:-1] if "/etc/entered" in line and '"open' in line]
    return [json.loads(line) for line in lines]


def test_a_trace_that_is_killed_leaves_its_targets_untraced(docker: Engine) -> None:
    name = _name()
    container_id = docker.run("/bin/sh", "-c", FOREVER, options=["--name", name])
    with Command("trace", f"docker/{name}") as trace:
        wait_for(lambda: trace.out.count("\n") > 10, what="lines")
        trace.process.kill()
        trace.wait()
    pid = docker.pid(container_id)
    wait_for(lambda: traced_or_stopped(docker.pids(container_id)) == [], what="they are let go")
    before = docker.pids(container_id)
    wait_for(lambda: docker.pids(container_id) - before, what="it goes on to start others")
    assert docker.pid(container_id) == pid
