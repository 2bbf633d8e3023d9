# SPDX-License-Identifier: Apache-2.0
"""Real tracees need root, a compiler and a cgroup tree; nothing that a test started outlives it."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.native.harness.cgroup import Container, hierarchies
from tests.native.harness.recording import MODES, VARIABLE
from tests.native.harness.tracee import Programs, Start, Tracee, start
from tests.native.harness.tracing import Tracing

NATIVE = Path(__file__).resolve().parents[2] / "native"


def _missing() -> str | None:
    if not hierarchies():
        return "needs a cgroup tree that can be written"
    absent = [program for program in ("gcc", "strace") if shutil.which(program) is None]
    return f"needs {' and '.join(absent)}" if absent else None


@pytest.fixture(scope="session", autouse=True)
def _machine() -> None:
    reason = _missing()
    if reason:
        pytest.skip(f"tests/native {reason}")


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(tmp_path_factory.mktemp("tracees"))


@pytest.fixture(scope="session")
def hooked_program() -> str:
    """The native program with sanitizers, and with hooks that make it misbehave."""
    subprocess.run(["make", "-s", "-C", str(NATIVE), "sanitized-program"], check=True)
    return str(NATIVE / "build" / "hooked" / "stracelet-tracer")


@pytest.fixture(autouse=True)
def recording(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether sessions record too: counted alone, unless the test is RECORDED (harness/recording.py)."""
    mode: str = getattr(request, "param", MODES[0])
    monkeypatch.setenv(VARIABLE, os.environ.get(VARIABLE, mode))
    return mode


@pytest.fixture
def container() -> Iterator[Container]:
    with Container() as made:
        yield made


@pytest.fixture
def tracee(programs: Programs, container: Container) -> Iterator[Start]:
    """start(NAME, ARG..., bits=64, inside=True): a tracee in the test's container that has not been told to go."""
    started: list[Tracee] = []

    def run(name: str, *arguments: object, bits: int = 64, inside: Container | None = container) -> Tracee:
        process = start([programs.path(name, bits=bits), *map(str, arguments)], inside)
        started.append(process)
        process.expect("ready")
        if inside is not None:
            inside.add(process.pid)
        return process

    yield run
    container.thaw()
    for process in started:
        process.kill()


@pytest_asyncio.fixture
async def tracing() -> AsyncIterator[Tracing]:
    async with await Tracing.start() as started:
        yield started
