# SPDX-License-Identifier: Apache-2.0
"""What starts under trace is counted from its first exec to its last syscall, and its runtime's set-up is not."""

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from stracelet import native
from stracelet.tracing.protocol import Attached, Ended, Failed, Hello, New, Seen, Timeout, Waiting
from stracelet.tracing.session import Session
from tests.native.harness import proc
from tests.native.harness.cgroup import ROOT, Container, hierarchies
from tests.native.harness.proc import until
from tests.native.harness.strace import Strace
from tests.native.harness.tracee import Programs, Start, Tracee, start
from tests.native.harness.tracing import Tracing

Runtime = Callable[..., "Starting"]


class Starting:
    """A process that has joined a container and waits before it becomes its program."""

    def __init__(self, tracee: Tracee, gate: int) -> None:
        self.tracee = tracee
        self._gate = gate
        tracee.expect("entered")

    def go_on(self) -> None:
        os.write(self._gate, b"1")

    def release(self) -> None:
        self.go_on()
        os.close(self._gate)


@pytest_asyncio.fixture
async def runtime(programs: Programs) -> AsyncIterator[Runtime]:
    """runtime(CONTAINER, LEVELS, NAME, ARG...): what a container runtime does up to its last exec."""
    started: list[Tracee] = []

    def run(container: Container, levels: int, name: str, *arguments: object, how: Sequence[str] = ()) -> Starting:
        gate_in, gate_out = os.pipe()
        command = [programs.path("enter"), str(levels), str(gate_in), *container.procs, "--", *how]
        tracee = start([*command, programs.path(name), *map(str, arguments)], container, pass_fds=[gate_in])
        os.close(gate_in)
        started.append(tracee)
        return Starting(tracee, gate_out)

    yield run
    for tracee in started:
        tracee.kill()


@pytest.fixture
def unborn() -> Iterator[Container]:
    """A container whose cgroup is not there yet."""
    container = Container()
    yield container
    container.remove()


@pytest.fixture
def reference(programs: Programs, tmp_path: Path) -> Counter[str]:
    """What `shortlived` calls from its exec on, by strace, and the exit_group that strace leaves out."""
    calls = Strace.counts([programs.path("shortlived")], tmp_path / "reference")
    calls["exit_group"] = 1
    assert calls["getpgid"] == 1000
    return calls


def _where() -> list[object]:
    one = [path for path in hierarchies() if path.name in ("pids", "unified", ROOT.name)]
    return [pytest.param([path], id=path.name) for path in one] + [pytest.param(None, id="all")]


@pytest.mark.parametrize("where", _where())
@pytest.mark.parametrize("levels", [0, 1])
async def test_from_its_first_exec(
    tracing: Tracing, runtime: Runtime, reference: Counter[str], where: list[Path] | None, levels: int
) -> None:
    container = Container(where)
    tracing.trace(container)
    await tracing.event(Waiting, lambda event: event.id == container.id)
    with container:
        starting = runtime(container, levels, "shortlived")
        await until(lambda: proc.all_traced(container.pids()), "the runtime's process is seized", 1.0)
        starting.release()
        assert starting.tracee.wait() == 7
        counted = await tracing.over(container)
        assert counted.calls == reference
        assert counted.errors["openat", "ENOENT"] == 10
    await tracing.event(Ended, lambda event: event.id == container.id)


async def test_threads_of_a_set_up_are_no_calls_of_the_container(
    tracing: Tracing, container: Container, tracee: Start, runtime: Runtime, reference: Counter[str]
) -> None:
    """A look at the container may find one before the stop that tells of its birth."""
    tracee("echo")
    tracing.trace(container)
    await tracing.event(Attached, lambda event: event.tasks == 1 and not event.pending)
    before = tracing.counted(container).calls
    starting = runtime(container, 0, "shortlived", how=["threads"])
    await until(lambda: proc.all_traced(container.pids()), "the runtime's process is seized", 1.0)
    starting.go_on()
    end = time.monotonic() + 0.5  # what has not exec'ed after 2 s is taken as it is
    while time.monotonic() < end:
        container.add(starting.tracee.pid)  # each makes the tracer look
        await asyncio.sleep(0.002)
    starting.release()
    assert starting.tracee.wait() == 7
    await until(lambda: (slot := tracing.slot(container.id)) and slot.tracees == 1, "it has left")
    assert tracing.counted(container).calls - before == reference


@pytest.mark.parametrize("levels", [0, 1])
async def test_a_process_that_enters_later(
    tracing: Tracing, container: Container, tracee: Start, runtime: Runtime, reference: Counter[str], levels: int
) -> None:
    tracee("echo")
    await tracing.attach(container)
    before = tracing.counted(container).calls
    for turn in range(1, 6):
        starting = runtime(container, levels, "shortlived")
        await until(lambda: proc.all_traced(container.pids()), "the process that entered is seized", 1.0)
        starting.release()
        assert starting.tracee.wait() == 7
        wanted = Counter({name: calls * turn for name, calls in reference.items()})
        await until(lambda n=wanted: tracing.counted(container).calls - before == n, "the same again")  # type: ignore[misc]


async def test_one_that_enters_in_the_midst_of_an_exec(
    tracing: Tracing, container: Container, tracee: Start, programs: Programs, reference: Counter[str]
) -> None:
    """A seize waits for the exec (ptrace(2) takes cred_guard_mutex), longer than others can wait for the seize."""
    tracee("echo")
    await tracing.attach(container)
    before = tracing.counted(container).calls
    gate_in, gate_out = os.pipe()
    last = ["slowly", programs.path("shortlived")]
    entering = start(
        [programs.path("enter"), "0", str(gate_in), *container.procs, "--", *last], container, pass_fds=[gate_in]
    )
    os.close(gate_in)
    try:
        starting = Starting(entering, gate_out)
        await until(lambda: proc.all_traced(container.pids()), "it is seized after its exec", 0.6)
        starting.release()
        assert entering.wait() == 7
    finally:
        entering.kill()
    await until(lambda: tracing.counted(container).calls - before == reference, "from its first exec to its last call")


async def test_a_program_in_memory_is_the_containers(
    tracing: Tracing, container: Container, tracee: Start, programs: Programs, tmp_path: Path
) -> None:
    """Not the runtime's copy of itself, which is made before the container's root is (CVE-2019-5736)."""
    tracee("echo")
    await tracing.attach(container)
    gate_in, gate_out = os.pipe()
    last = ["in-memory", tmp_path, programs.path("shortlived", static=True)]
    command = [programs.path("enter"), "0", str(gate_in), *container.procs, "--", *last]
    entering = start(command, container, pass_fds=[gate_in])
    os.close(gate_in)
    try:
        starting = Starting(entering, gate_out)
        await until(lambda: proc.all_traced(container.pids()), "the process that entered is seized", 1.0)
        starting.release()
        assert entering.wait() == 7
    finally:
        entering.kill()
    await until(lambda: tracing.counted(container).calls["exit_group"] == 1, "its end is counted")
    counted = tracing.counted(container)
    assert counted.calls["getpgid"] == 1000
    assert counted.calls["execve"] + counted.calls["execveat"] == 1


@pytest.fixture
def files() -> Iterator[Path]:
    """A folder on a file system of its own, as a container's root is."""
    where = Path("/dev/shm")
    if where.stat().st_dev == Path("/").stat().st_dev:
        pytest.skip("needs a file system that is not the root's at /dev/shm")
    with tempfile.TemporaryDirectory(dir=where) as made:
        yield Path(made)


async def _assert_caught_late(tracing: Tracing, container: Container, entering: Tracee) -> None:
    """`shortlived 500000` is traced from its midst to its end, which is said once."""
    late = await tracing.event(Failed, lambda event: event.reason == native.constants.STL_FAIL_LATE)
    assert late.pid == entering.pid
    assert entering.wait() == 7
    await until(lambda: tracing.counted(container).calls["exit_group"] == 1, "its end is counted")
    assert 0 < tracing.counted(container).calls["getpgid"] < 500000
    slot = tracing.slot(container.id)
    assert slot is not None
    assert slot.failures[native.constants.STL_FAIL_LATE] == 1


async def test_one_that_was_faster_than_the_tracer_is_traced_and_said(
    container: Container,
    tracee: Start,
    programs: Programs,
    files: Path,
    hooked_program: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What has exec'ed before it was found goes on, and would never exec again: it is traced from there on."""
    monkeypatch.setenv("STRACELET_LOOK_LATE", "1")
    shutil.copy(programs.path("shortlived", static=True), files / "program")
    async with await Tracing.start(program=hooked_program) as tracing:
        tracee("echo")
        await tracing.attach(container)
        last = ["inside", files, "/program", "500000"]
        entering = start([programs.path("enter"), "0", "-1", *container.procs, "--", *last], container)
        try:
            entering.expect("entered")
            await _assert_caught_late(tracing, container, entering)
        finally:
            entering.kill()


async def test_where_a_set_up_must_be_left_alone(
    container: Container, tracee: Start, programs: Programs, hooked_program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SELinux may want it: the program is traced from after its exec on, and that is said."""
    monkeypatch.setenv("STRACELET_LATE_START", "1")
    async with await Tracing.start(program=hooked_program) as tracing:
        tracee("echo")
        await tracing.attach(container)
        gate_in, gate_out = os.pipe()
        last = [programs.path("shortlived"), "500000"]
        entering = start(
            [programs.path("enter"), "0", str(gate_in), *container.procs, "--", *last], container, pass_fds=[gate_in]
        )
        os.close(gate_in)
        try:
            starting = Starting(entering, gate_out)
            await asyncio.sleep(0.3)  # time in which it would have been seized
            assert not proc.tracers([entering.pid])
            starting.release()
            await _assert_caught_late(tracing, container, entering)
        finally:
            entering.kill()


@pytest.mark.parametrize("levels", [0, 1])
async def test_four_enter_at_once(
    tracing: Tracing, container: Container, tracee: Start, runtime: Runtime, reference: Counter[str], levels: int
) -> None:
    tracee("echo")
    await tracing.attach(container)
    four = [runtime(container, levels, "shortlived") for _ in range(4)]
    await until(lambda: proc.all_traced(container.pids()), "all that entered are seized", 1.0)
    for starting in four:
        starting.release()
    for starting in four:
        assert starting.tracee.wait() == 7
    wanted = Counter({name: calls * 4 for name, calls in reference.items()})
    await until(lambda: tracing.counted(container).calls == wanted, f"{wanted}; {tracing.counted(container).calls}")


@pytest.mark.parametrize("levels", [0, 1])
async def test_a_provisional_container_is_kept(
    tracing: Tracing, unborn: Container, runtime: Runtime, reference: Counter[str], levels: int
) -> None:
    await tracing.policy(new_containers=True)
    unborn.create()
    starting = runtime(unborn, levels, "shortlived")
    await tracing.event(New, lambda event: event.id == unborn.id)
    await until(lambda: proc.all_traced(unborn.pids()), "the runtime's process is seized", 1.0)
    starting.release()
    tracing.trace(unborn)
    assert starting.tracee.wait() == 7
    assert (await tracing.over(unborn)).calls == reference


async def test_a_provisional_container_is_let_go(tracing: Tracing, unborn: Container, runtime: Runtime) -> None:
    await tracing.policy(new_containers=True)
    unborn.create()
    starting = runtime(unborn, 0, "echo")
    await tracing.event(New, lambda event: event.id == unborn.id)
    starting.release()
    starting.tracee.expect("ready")
    await tracing.event(Timeout, lambda event: event.id == unborn.id, deadline=3.0)
    starting.tracee.tell()  # it is let go when it wakes
    assert starting.tracee.line() == "pong 0"
    await until(lambda: not proc.tracers(unborn.pids()), "nobody traces it")
    await until(lambda: tracing.slot(unborn.id) is None, "its counts are thrown away")


async def test_those_that_nobody_asked_for_leave_room_to_one_that_is(tmp_path: Path, tracee: Start) -> None:
    (tmp_path / "cgroup.procs").touch()  # a tree that costs the machine nothing
    wanted, asleep = secrets.token_hex(32), tracee("echo", inside=None)
    (tmp_path / wanted).mkdir()
    (tmp_path / wanted / "cgroup.procs").write_text(f"{asleep.pid}\n")
    async with Tracing(await Session.start(cgroup_root=str(tmp_path))) as tracing:
        await tracing.event(Hello)
        await tracing.policy(new_containers=True)
        for _ in range(native.SLOTS + 100):
            (tmp_path / secrets.token_hex(32)).mkdir()
        tracing.session.trace(wanted)
        await until(lambda: proc.tracers([asleep.pid]), "what was asked for is traced")
        assert tracing.session.reader.info().slots_used <= native.SLOTS * 3 // 4 + 1
    asleep.tell()
    assert asleep.line() == "pong 0"


async def test_without_the_policy_nothing_new_is_traced(tracing: Tracing, unborn: Container, runtime: Runtime) -> None:
    unborn.create()
    starting = runtime(unborn, 0, "echo")
    await tracing.event(Seen, lambda event: event.id == unborn.id)
    starting.release()
    starting.tracee.expect("ready")
    assert not proc.tracers(unborn.pids())
