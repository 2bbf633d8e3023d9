# SPDX-License-Identifier: Apache-2.0
"""Real tracees need root, a compiler and a cgroup tree; nothing that a test started outlives it."""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from harness.cgroup import Container, hierarchies
from harness.proc import command_name, descendants
from harness.tracee import Programs, Start, Tracee, start
from harness.tracing import Tracing


def _missing() -> str | None:
    if os.geteuid() != 0:
        return "needs root"
    if not hierarchies():
        return "needs a cgroup tree that can be written"
    absent = [program for program in ("gcc", "strace") if shutil.which(program) is None]
    return f"needs {' and '.join(absent)}" if absent else None


@pytest.fixture(scope="session", autouse=True)
def _machine() -> None:
    reason = _missing()
    if reason and os.environ.get("STRACELET_NO_SKIP") == "1":
        pytest.fail(f"tests/native {reason}, and nothing may be skipped here")
    if reason:
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = set(descendants(os.getpid()))
    yield
    left = {pid: command_name(pid) for pid in set(descendants(os.getpid())) - before}
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(tmp_path_factory.mktemp("tracees"))


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
