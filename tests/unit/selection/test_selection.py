# SPDX-License-Identifier: Apache-2.0
"""What is asked of the tracer, after events, names, rules and time, in any order."""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stracelet.containers.model import Pod
from stracelet.errors import TargetNotFound
from stracelet.native import SLOT_ENDED, SLOT_PROVISIONAL, SLOT_TRACED
from stracelet.tracing import protocol
from stracelet.tracing.selection import ADOPTION_NS, MAX_ENDED, Kept, Selection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SECOND = 10**9
LINGER = 120 * SECOND


@dataclass(frozen=True)
class Named:
    """What this module needs of a Container."""

    id: str
    name: str
    status: str = "running"
    pod: None = None


@dataclass(frozen=True)
class FakeSlot:
    slot: int
    serial: int
    id: str
    state: int
    end_ns: int = 0


@dataclass
class Tracer:
    """Does what a tracer does with requests, as far as state goes; a new one remembers nothing."""

    traced: set[str] = field(default_factory=set)
    discarded: list[str] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    new_containers: bool = False
    silent: set[str] = field(default_factory=set)
    new_are_silent: bool = False
    no_such: set[int] = field(default_factory=set)

    def trace(self, container_id: str, *, silent: bool = False) -> None:
        (self.silent.add if silent else self.silent.discard)(container_id)
        self.traced.add(container_id)

    def trace_pid(self, pid: int, *, silent: bool = False) -> str:
        if pid in self.no_such:
            raise TargetNotFound(f"no process has the PID {pid}")
        self.trace(f"pid:{pid}", silent=silent)
        return f"pid:{pid}"

    def drop(self, container_id: str, *, discard: bool = False) -> None:
        self.traced.discard(container_id)
        if discard:
            self.discarded.append(container_id)

    def forget(self, container_id: str) -> None:
        self.forgotten.append(container_id)

    def release(self, slot: int, serial: int) -> None:
        self.released.append(serial)

    def policy(self, *, new_containers: bool, silent: bool = False) -> None:
        self.new_containers, self.new_are_silent = new_containers, silent

    async def events(self) -> AsyncIterator[protocol.Event]:
        for event in ():
            yield event


@dataclass
class FakeInventory:
    known: dict[str, Named] = field(default_factory=dict)
    tell: list[Callable[[str], None]] = field(default_factory=list)
    cgroup_only: set[str] = field(default_factory=set)

    def containers(self) -> dict[str, Named]:
        return self.known

    def get(self, container_id: str) -> Named | None:
        return self.known.get(container_id)

    def named(self, container_id: str) -> bool:
        return container_id in self.known and container_id not in self.cgroup_only

    def seen(self, container_id: str, path: str) -> None: ...

    def gone(self, container_id: str) -> None:
        self.known.pop(container_id, None)

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        self.tell.append(callback)
        return lambda: self.tell.remove(callback)


@dataclass
class Wanted:
    names: frozenset[str] = frozenset({"web"})
    new: bool = True
    numbers: tuple[int, ...] = ()
    counted: frozenset[str] = frozenset({"web"})
    recorded: frozenset[str] = frozenset()

    def wants(self, container: Named) -> bool:
        return container.name in self.names

    def could_want(self, container_id: str, pod: Pod | None) -> bool:
        return self.new and not container_id.startswith("never")

    def wants_new(self) -> bool:
        return self.new

    def counts(self, container: Named) -> bool:
        return container.name in self.counted

    def records(self, container: Named) -> bool:
        return container.name in self.recorded

    def records_new(self) -> bool:
        return bool(self.recorded)

    def pids(self) -> tuple[int, ...]:
        return self.numbers


class World:
    """A Selection with all that it looks at."""

    def __init__(self, wanted: Wanted | None = None, linger_ns: int | None = LINGER) -> None:
        self.tracer, self.inventory, self.wanted = Tracer(), FakeInventory(), wanted or Wanted()
        self.slots: list[FakeSlot] = []
        self.now = 1000 * SECOND
        self.retired: list[list[int]] = []
        self.selection = Selection(
            requests=self.tracer,
            slots=lambda: self.slots,
            inventory=self.inventory,
            wanted=self.wanted,
            linger_ns=linger_ns,
            retire=self._retire,
            clock=lambda: self.now,
            wall_clock=lambda: self.now,
        )

    async def _retire(self) -> None:
        self.retired.append(list(self.tracer.released))

    def kept(self, container_id: str) -> Kept:
        found = self.selection.kept(container_id)
        assert found is not None
        return found

    def hello(self, generation: int = 1) -> None:
        self.tracer.traced, self.tracer.new_containers = set(), False
        self.selection.handle(protocol.Hello(generation=generation, pid=9))

    def new(self, container_id: str) -> None:
        self.selection.handle(protocol.New(slot=0, serial=1, id=container_id, text="/x"))

    def name(self, container_id: str, name: str) -> None:
        self.inventory.known[container_id] = Named(container_id, name)
        self.selection._decide(container_id)


@pytest.fixture
def world() -> World:
    made = World()
    made.hello()
    return made


def test_what_runs_already_is_asked_for_at_the_first_hello() -> None:
    world = World()
    world.inventory.known = {"a": Named("a", "web"), "b": Named("b", "db")}
    world.hello()
    assert (world.tracer.traced, world.tracer.new_containers) == ({"a"}, True)
    assert world.selection.kept("a")
    assert world.selection.kept("b") is None


def test_a_new_container_is_kept_once_it_has_a_wanted_name(world: World) -> None:
    world.new("a")
    assert world.selection.kept("a") is None
    world.name("a", "web")
    assert world.tracer.traced == {"a"}
    assert world.selection.kept("a")


@pytest.mark.parametrize(
    "event", [protocol.New(slot=0, serial=1, id="a", text="/x"), protocol.Timeout(slot=0, serial=1, id="a")]
)
def test_a_tracer_that_forgot_a_request_gets_it_again(world: World, event: protocol.Event) -> None:
    world.name("a", "web")
    world.tracer.traced.clear()
    world.selection.handle(event)
    assert world.tracer.traced == {"a"}


def test_a_new_container_with_another_name_is_thrown_away(world: World) -> None:
    world.new("a")
    world.name("a", "db")
    assert (world.tracer.traced, world.tracer.discarded) == (set(), ["a"])
    assert world.selection.kept("a") is None


def test_what_nothing_could_want_is_thrown_away_at_once(world: World) -> None:
    world.new("never")
    assert world.tracer.discarded == ["never"]


async def test_a_name_is_waited_for_two_seconds(world: World) -> None:
    world.new("a")
    world.inventory.cgroup_only.add("a")
    world.name("a", "")  # the cgroup tree knows of it, and nobody its name
    world.now += 2 * SECOND - 1
    await world.selection.tick()
    assert world.tracer.discarded == []
    world.now += 1
    await world.selection.tick()
    assert world.tracer.discarded == ["a"]


async def test_a_name_that_comes_too_late_still_starts_a_trace(world: World) -> None:
    world.new("a")
    world.now += 3 * SECOND
    await world.selection.tick()
    world.name("a", "web")
    assert world.tracer.traced == {"a"}


def test_a_rename_ends_a_trace_and_begins_one(world: World) -> None:
    world.name("a", "web")
    world.name("a", "old")
    assert (world.tracer.traced, world.tracer.discarded) == (set(), [])
    assert world.selection.kept("a").container.name == "old"
    world.name("a", "web")
    assert world.tracer.traced == {"a"}


def test_a_later_tracer_is_asked_for_everything_again(caplog: pytest.LogCaptureFixture) -> None:
    world = World(Wanted(numbers=(7,)))
    world.hello()
    world.name("a", "web")
    world.selection.handle(protocol.TracerEnded(pid=9, reason=protocol.END_DIED, status=11))
    assert not world.selection.answering
    world.name("b", "web")  # while nobody is there to ask
    world.hello(2)
    assert world.tracer.traced == {"a", "b", "pid:7"}
    assert world.tracer.new_containers
    assert world.selection.answering
    assert world.selection.restarts == {protocol.END_DIED: 1, protocol.END_STALLED: 0, protocol.END_LOST: 0}
    assert "the tracer was ended by SIGSEGV; its targets go on, and another one is started" in caplog.messages


def test_a_tracers_container_that_comes_again_is_asked_for_everything_again(world: World) -> None:
    world.name("a", "web")
    world.selection.handle(protocol.SupervisorLost())
    assert not world.selection.answering
    world.slots = []
    world.hello()
    assert world.tracer.traced == {"a"}
    assert world.selection.answering
    assert world.selection.restarts[protocol.END_LOST] == 1


async def test_what_an_earlier_agent_asked_for_is_adopted_or_let_go() -> None:
    world = World()
    world.inventory.known = {"a": Named("a", "web"), "b": Named("b", "db")}
    world.slots = [FakeSlot(0, 1, "a", SLOT_TRACED), FakeSlot(1, 2, "b", SLOT_TRACED), FakeSlot(2, 3, "c", SLOT_TRACED)]
    await world.selection.tick()
    assert world.tracer.released == []  # nobody has answered yet
    world.hello()
    await world.selection.tick()
    assert (world.tracer.traced, world.tracer.discarded, world.tracer.released) == ({"a"}, ["b"], [2])
    world.now += ADOPTION_NS
    world.slots = [FakeSlot(0, 1, "a", SLOT_TRACED), FakeSlot(2, 3, "c", SLOT_TRACED)]
    await world.selection.tick()
    assert (world.tracer.traced, world.tracer.discarded, world.tracer.released) == ({"a"}, ["b", "c"], [2, 3])


def test_what_is_adopted_waits_for_its_name(world: World) -> None:
    world.slots = [FakeSlot(0, 1, "a", SLOT_TRACED)]
    world.hello()
    world.now += ADOPTION_NS - 1
    world.name("a", "web")
    assert (world.tracer.traced, world.tracer.discarded) == ({"a"}, [])


async def test_a_slot_that_ends_twice_is_released_twice(world: World) -> None:
    world.name("a", "web")
    for _ in range(2):
        world.slots = [FakeSlot(0, 1, "a", SLOT_ENDED, end_ns=world.now)]
        world.now += LINGER + 1
        await world.selection.tick()
        world.slots = [FakeSlot(0, 1, "a", SLOT_TRACED)]
        world.name("a", "web")
        await world.selection.tick()
    assert world.tracer.released == [1, 1]


def test_a_process_that_has_gone_is_not_asked_for_again() -> None:
    world = World(Wanted(numbers=(7, 8)))
    world.hello()
    assert world.tracer.traced == {"pid:7", "pid:8"}
    world.tracer.no_such.add(7)
    world.hello(2)
    assert world.tracer.traced == {"pid:8"}


def test_a_process_that_a_source_knows_is_asked_for_again_until_it_ends(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """What it is not: named by its PID."""
    world.name("pid:7", "web")
    world.name("pid:8", "web")
    world.hello(2)
    assert world.tracer.traced == {"pid:7", "pid:8"}
    world.inventory.gone("pid:7")
    world.tracer.no_such.add(8)
    world.hello(3)
    assert world.tracer.traced == set()
    assert not [message for message in caplog.messages if "no process" in message], "it is soon forgotten"


async def test_a_process_that_a_source_knew_is_forgotten(world: World) -> None:
    world.name("pid:7", "web")
    world.slots = [FakeSlot(0, 1, "pid:7", SLOT_ENDED, end_ns=world.now)]
    world.inventory.gone("pid:7")
    world.now += LINGER + 1
    await world.selection.tick()
    assert (world.tracer.traced, world.tracer.released) == (set(), [1])
    world.slots = []
    assert world.tracer.forgotten == []
    await world.selection.tick()
    assert world.selection.kept("pid:7") is None
    assert world.tracer.forgotten == ["pid:7"], "another one may have its PID"


async def test_a_process_that_was_named_is_never_another_one() -> None:
    world = World(Wanted(numbers=(7,)))
    world.name("pid:7", "web")
    world.hello()
    world.slots = [FakeSlot(0, 1, "pid:7", SLOT_ENDED, end_ns=world.now)]
    world.inventory.gone("pid:7")
    world.now += LINGER + 1
    for _ in range(2):
        await world.selection.tick()
        world.slots = []
    assert world.tracer.forgotten == []


def test_the_end_that_was_asked_for_is_no_restart(world: World) -> None:
    world.selection.handle(protocol.TracerEnded(pid=9, reason=protocol.END_EXITED, status=0))
    assert set(world.selection.restarts.values()) == {0}


@pytest.mark.parametrize("lost", ["overflow", "restart"])
async def test_a_provisional_slot_whose_event_was_lost_gets_its_answer(world: World, lost: str) -> None:
    world.slots = [FakeSlot(0, 1, "a", SLOT_PROVISIONAL)]
    if lost == "overflow":
        world.selection.handle(protocol.Overflow())
    else:
        world.hello(2)
    world.now += 2 * SECOND
    await world.selection.tick()
    assert world.tracer.discarded == ["a"]


async def test_an_ended_slot_is_released_after_the_linger_and_not_before_it_is_counted(world: World) -> None:
    world.name("a", "web")
    world.slots = [FakeSlot(0, 5, "a", SLOT_ENDED, end_ns=world.now)]
    world.now += LINGER
    await world.selection.tick()
    assert world.tracer.released == []
    world.now += 1
    await world.selection.tick()
    await world.selection.tick()  # it is still there: the request is on its way
    assert (world.tracer.released, world.retired) == ([5], [[]])


async def test_what_has_ended_is_no_longer_waited_for_until_it_starts_again(world: World) -> None:
    world.name("a", "web")
    world.slots = [FakeSlot(0, 5, "a", SLOT_ENDED, end_ns=world.now)]
    world.inventory.known["a"] = Named("a", "web", "exited")
    world.now += LINGER + 1
    await world.selection.tick()
    world.selection._decide("a")
    assert (world.tracer.traced, world.tracer.released) == (set(), [5])
    world.name("a", "web")
    assert world.tracer.traced == {"a"}


def test_a_short_life_that_is_over_when_its_name_comes_is_kept(world: World) -> None:
    world.new("a")
    world.inventory.known["a"] = Named("a", "web", "exited")
    world.selection._decide("a")
    assert world.selection.kept("a")


async def test_a_stranger_s_slot_is_released_at_once_and_counted_nowhere(world: World) -> None:
    world.slots = [FakeSlot(0, 5, "x", SLOT_ENDED, end_ns=world.now)]
    await world.selection.tick()
    assert (world.tracer.released, world.retired) == ([5], [])


async def test_an_ended_slot_waits_for_its_name(world: World) -> None:
    world.new("a")
    world.slots = [FakeSlot(0, 5, "a", SLOT_ENDED, end_ns=world.now)]
    await world.selection.tick()
    assert world.tracer.released == []
    world.name("a", "web")
    await world.selection.tick()
    assert world.tracer.released == []
    assert world.selection.kept("a")


async def test_many_short_lives_do_not_fill_the_arena(world: World) -> None:
    for i in range(MAX_ENDED + 3):
        world.name(str(i), "web")
        world.slots.append(FakeSlot(i, i + 1, str(i), SLOT_ENDED, end_ns=world.now - i))
    await world.selection.tick()
    assert sorted(world.tracer.released) == [MAX_ENDED + 1, MAX_ENDED + 2, MAX_ENDED + 3]


async def test_without_a_linger_nothing_of_ours_is_released() -> None:
    world = World(linger_ns=None)
    world.hello()
    world.name("a", "web")
    world.slots = [FakeSlot(0, 5, "a", SLOT_ENDED, end_ns=1)]
    world.now += 10 * LINGER
    await world.selection.tick()
    assert world.tracer.released == []


async def test_who_is_gone_and_released_is_forgotten(world: World) -> None:
    world.name("a", "web")
    world.slots = [FakeSlot(0, 5, "a", SLOT_ENDED, end_ns=world.now)]
    world.selection.handle(protocol.Gone(id="a"))
    await world.selection.tick()
    assert world.selection.kept("a")
    world.slots = []
    await world.selection.tick()
    assert world.selection.kept("a") is None
    assert world.tracer.traced == set()


def test_other_rules_start_and_end_traces(world: World) -> None:
    world.name("a", "web")
    world.name("b", "db")
    world.selection.rewanted(Wanted(names=frozenset({"db"}), new=False))
    assert (world.tracer.traced, world.tracer.new_containers) == ({"b"}, False)


events = st.lists(
    st.tuples(
        st.sampled_from(["new", "name", "gone", "ended", "hello", "overflow", "tick", "refused"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["web", "db"]),
    ),
    max_size=40,
)


@settings(deadline=None)  # the machine may be busy
@given(events)
async def test_after_anything_exactly_what_is_wanted_is_traced(steps: list[tuple[str, str, str]]) -> None:
    world, generation = World(), 1
    world.hello()
    for step, container_id, name in steps:
        match step:
            case "new":
                world.new(container_id)
            case "name":
                world.name(container_id, name)
            case "gone":
                world.selection.handle(protocol.Gone(id=container_id))
                world.selection._decide(container_id)
            case "ended":
                world.selection.handle(protocol.TracerEnded(pid=9, reason=protocol.END_STALLED, status=9))
            case "hello":
                generation += 1
                world.hello(generation)
            case "overflow":
                world.selection.handle(protocol.Overflow())
            case "refused":
                world.selection.handle(refused(container_id))
            case "tick":
                world.now += SECOND
                await world.selection.tick()
    world.hello(generation + 1)
    world.now += 3 * SECOND
    await world.selection.tick()
    wanted = {key for key, value in world.inventory.known.items() if value.name == "web"}
    assert world.tracer.traced == wanted
    assert all(world.selection.kept(key) for key in wanted)


def test_that_the_tree_cannot_be_watched_is_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    for error in (errno.ENOSPC, 0, errno.EMFILE):
        world.selection.handle(protocol.Unwatched(error))
        assert world.selection.unwatched == bool(error)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [text.split(" and ")[0] for text in said] == [
        "the cgroup tree cannot be watched (No space left on device (ENOSPC))"
    ]
    world.hello(2)
    assert not world.selection.unwatched


def test_a_failure_is_said_once_for_a_container_and_a_reason(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.name("a", "web")
    caplog.clear()
    event = protocol.Failed(slot=0, serial=1, id="a", pid=5, reason=0, detail=77, text="")
    for pid in range(3):
        world.selection.handle(event._replace(pid=pid))
    world.selection.handle(event._replace(reason=1, detail=1))
    world.selection.handle(event._replace(id="stranger"))
    assert len(caplog.records) == 2


def refused(container_id: str, error: int = errno.ENOSPC) -> protocol.Refused:
    return protocol.Refused(id=container_id, pid=0, error=error, text="the table of containers is full")


async def later(world: World, seconds: int) -> bool:
    """Whether anything was asked for by then that was not before."""
    before = set(world.tracer.traced)
    world.now += seconds * SECOND
    await world.selection.tick()
    return world.tracer.traced > before


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.ENOMEM])
async def test_what_there_was_no_room_for_is_asked_for_again_ever_later(world: World, error: int) -> None:
    world.name("a", "web")
    for pause in (4, 8, 16, 32, 64, 64):
        world.selection.handle(refused("a", error))
        assert world.tracer.traced == set()
        assert not await later(world, pause - 1)
        world.name("a", "web")  # it has changed in some other way
        assert world.tracer.traced == set()
        assert await later(world, 1)
    world.selection.handle(protocol.Attached(slot=0, serial=1, id="a", tasks=1, pending=0))
    assert not await later(world, 1000)
    world.selection.handle(refused("a"))
    assert await later(world, 4)


async def test_the_lack_of_room_is_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.name("a", "web")
    for _ in range(3):
        world.selection.handle(refused("a"))
        await later(world, 64)
    assert caplog.messages == [
        "traced",
        "refused: the table of containers is full (No space left on device (ENOSPC))",
    ]
    world.selection.handle(protocol.Waiting(id="a"))
    assert caplog.messages[2:] == ["there is room for it now"]


async def test_what_is_refused_for_another_reason_is_not_asked_for_again(world: World) -> None:
    world.name("a", "web")
    world.tracer.traced.clear()
    world.selection.handle(refused("a", errno.EINVAL))
    assert not await later(world, 1000)


async def test_who_is_not_wanted_any_more_is_not_asked_for_again(world: World) -> None:
    for container_id in ("renamed", "gone", "asked"):
        world.name(container_id, "web")
        world.selection.handle(refused(container_id))
    world.name("renamed", "db")
    world.selection.handle(protocol.Gone(id="gone"))
    await later(world, 4)
    assert world.tracer.traced == {"asked"}
    world.name("asked", "db")
    assert not await later(world, 1000)
    assert world.tracer.traced == set()
    assert not any(container_id in world.selection._retries for container_id in ("renamed", "gone", "asked"))


async def test_a_later_tracer_is_asked_at_once_for_what_there_was_no_room_for(world: World) -> None:
    world.name("a", "web")
    world.selection.handle(refused("a"))
    world.hello(2)
    assert world.tracer.traced == {"a"}


async def test_a_process_that_there_was_no_room_for_is_asked_for_again(caplog: pytest.LogCaptureFixture) -> None:
    world = World(Wanted(numbers=(7,)))
    world.hello()
    for pause in (4, 8):
        world.selection.handle(refused("pid:7"))
        assert await later(world, pause)
    world.selection.handle(refused("pid:7"))
    world.tracer.no_such.add(7)
    await later(world, 64)
    await later(world, 64)
    assert caplog.messages.count("no process has the PID 7") == 1


def test_what_is_only_counted_is_silent_until_a_trace_wants_it_and_again_after() -> None:
    world = World()
    world.hello()
    world.name("a", "web")
    assert world.tracer.traced == {"a"}
    assert world.tracer.silent == {"a"}
    assert world.tracer.new_are_silent
    world.wanted.recorded = frozenset({"web"})
    world.selection.rewanted(world.wanted)
    assert world.tracer.silent == set()
    assert not world.tracer.new_are_silent
    world.hello(generation=2)
    assert world.tracer.silent == set()
    world.wanted.recorded = frozenset()
    world.selection.rewanted(world.wanted)
    assert world.tracer.silent == {"a"}
    assert world.tracer.traced == {"a"}


def test_a_process_is_as_silent_as_a_container() -> None:
    world = World(Wanted(numbers=(7,)))
    world.name("pid:7", "web")  # which the inventory may know before a tracer is there
    world.hello()
    assert (world.tracer.traced, world.tracer.silent) == ({"pid:7"}, {"pid:7"})
    for recorded, silent in (({"web"}, set()), (set(), {"pid:7"})):
        world.wanted.recorded = frozenset(recorded)
        world.selection.rewanted(world.wanted)
        assert world.tracer.silent == silent
        world.tracer.silent = set()
        world.hello(generation=2)
        assert world.tracer.silent == silent
    container = world.kept("pid:7").container
    assert container is not None
    assert container.name == "web"


def test_what_was_once_wanted_for_its_counts_is_counted_to_its_end() -> None:
    world = World(Wanted(counted=frozenset()))
    world.hello()
    world.name("a", "web")
    assert not world.kept("a").counted
    world.wanted.counted = frozenset({"web"})
    world.selection.rewanted(world.wanted)
    assert world.kept("a").counted
    world.wanted.counted = frozenset()
    world.selection.rewanted(world.wanted)
    assert world.kept("a").counted
