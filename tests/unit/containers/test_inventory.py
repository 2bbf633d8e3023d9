# SPDX-License-Identifier: Apache-2.0
"""What the sources know is added up, as they come, fail and vanish."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from stracelet.containers.cgroups import Cgroups
from stracelet.containers.inventory import Inventory
from stracelet.containers.model import CREATED, EXITED, PAUSED, RUNNING, Container, Pod, Workload
from stracelet.containers.procfs import Procfs
from stracelet.containers.sockets import SocketAbsent
from stracelet.containers.sources import Change, Forgotten, Known, Listing
from stracelet.errors import SourceError
from tests.unit.containers.servers import until
from tests.unit.containers.trees import Tree, mount

A, B = "a" * 64, "b" * 64
WEB = Container(A, "docker", "web", "nginx:1", {"app": "web"}, sources=("docker",))


class Script:
    """A source whose changes the test tells."""

    def __init__(self, name: str = "docker") -> None:
        self.name = name
        self.known: list[Container] = []
        self.fails: SourceError | None = None
        self.stale = ""
        self.changes: asyncio.Queue[Change | None] = asyncio.Queue()
        self.pokes = 0

    def poke(self) -> None:
        self.pokes += 1

    async def list(self) -> Listing:
        if self.fails:
            raise self.fails
        return Listing(tuple(self.known), stale=self.stale)

    async def watch(self) -> AsyncIterator[Change]:
        yield await self.list()
        while (change := await self.changes.get()) is not None:
            yield change


class World:
    """An inventory over a cgroup tree in a folder, and what it told its subscriber."""

    def __init__(self, root: Path, *sources: Script, list_unnamed: bool = True) -> None:
        self.root = root
        mount(Tree({"user": [1]}, {}), root / "cgroup", "v2")
        self.now = 100.0
        self.inventory = Inventory(
            sources=sources,
            cgroups=Cgroups(root / "cgroup"),
            procfs=Procfs(root / "proc"),
            list_unnamed=list_unnamed,
            clock=lambda: self.now,
        )
        self.told: list[str] = []
        self.end = self.inventory.subscribe(self.told.append)

    def cgroup(self, container_id: str, *pids: int) -> str:
        path = self.root / "cgroup/docker" / container_id
        path.mkdir(parents=True, exist_ok=True)
        (path / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
        return f"/docker/{container_id}"


@pytest.fixture
def docker() -> Script:
    return Script()


@pytest.fixture
def world(tmp_path: Path, docker: Script) -> World:
    return World(tmp_path, docker)


async def test_names_and_pids_are_added_up(world: World, docker: Script) -> None:
    world.cgroup(A, 11, 10)
    docker.known = [WEB]
    await world.inventory.refresh()
    container = world.inventory.containers()[A]
    assert (container.name, container.sources, container.status) == ("web", ("docker", "cgroup"), RUNNING)
    assert container.cgroups == (str(world.root / "cgroup/docker" / A),)
    assert world.inventory.pids(A) == [10, 11]
    assert world.inventory.pids(B) == []
    assert {name: state.up for name, state in world.inventory.states().items()} == {"docker": True, "cgroup": True}


async def test_a_cgroup_that_appears_is_a_container_without_a_name(world: World, docker: Script) -> None:
    await world.inventory.refresh()
    world.inventory.seen(A, world.cgroup(A, 10))
    assert world.told == [A]
    assert docker.pokes == 1
    assert world.inventory.containers()[A] == Container(
        A, cgroups=(str(world.root / "cgroup/docker" / A),), sources=("cgroup",)
    )
    assert not world.inventory.named(A)
    docker.known = [WEB]
    await world.inventory.refresh()
    assert world.inventory.named(A)
    assert world.told == [A, A]


async def test_many_new_ones_poke_the_sources_a_few_times(world: World, docker: Script) -> None:
    for i in range(50):
        world.inventory.seen(f"{i:064x}", world.cgroup(f"{i:064x}", 10))
    assert docker.pokes == 1
    await until(lambda: docker.pokes == 2)
    world.now += 1
    world.inventory.seen(A, world.cgroup(A, 10))
    assert docker.pokes == 3


async def test_a_source_of_processes_will_name_no_container(tmp_path: Path) -> None:
    world = World(tmp_path, Script("process"))
    await world.inventory.refresh()
    assert world.inventory.named(A)


async def test_without_a_source_that_answers_nothing_will_be_named(world: World, docker: Script) -> None:
    docker.fails = SourceError("broken")
    await world.inventory.refresh()
    world.inventory.seen(A, world.cgroup(A, 10))
    assert world.inventory.named(A)
    state = world.inventory.states()["docker"]
    assert (state.up, state.present, state.error) == (False, True, "broken")


async def test_one_that_fails_keeps_its_names_and_the_others_go_on(tmp_path: Path) -> None:
    docker, cri = Script(), Script("cri")
    world = World(tmp_path, cri, docker)
    docker.known, cri.known = [WEB], [replace(WEB, id=B, name="db", sources=("cri",))]
    await world.inventory.refresh()
    docker.fails, cri.known = SourceError("broken"), []
    await world.inventory.refresh()
    assert set(world.inventory.containers()) == {A}
    docker.fails = SocketAbsent("gone")
    await world.inventory.refresh()
    assert set(world.inventory.containers()) == set()


async def test_what_a_source_knew_before_names_while_it_is_away(world: World, docker: Script) -> None:
    world.cgroup(A, 10)
    docker.known, docker.stale = [WEB], "it does not answer"
    await world.inventory.refresh()
    assert world.inventory.containers()[A].name == "web"
    state = world.inventory.states()["docker"]
    assert (state.up, state.present, state.error) == (False, True, "it does not answer")
    running = asyncio.create_task(world.inventory.run())
    docker.known, docker.stale = [replace(WEB, name="db")], ""
    await until(lambda: world.inventory.containers()[A].name == "db")
    assert world.inventory.states()["docker"].up
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_first_source_counts_before_the_second(tmp_path: Path) -> None:
    cri, docker = Script("cri"), Script()
    world = World(tmp_path, cri, docker)
    pod = Pod("shop", "web-0", "u")
    cri.known = [Container(A, "docker", "nginx", labels={"x": "1"}, pod=pod, sources=("cri",))]
    docker.known = [replace(WEB, name="k8s_nginx_web-0", labels={"x": "2", "y": "2"})]
    await world.inventory.refresh()
    container = world.inventory.containers()[A]
    assert (container.name, container.pod, container.image) == ("nginx", pod, "nginx:1")
    assert container.labels == {"x": "1", "y": "2"}
    assert container.sources == ("cri", "docker")


async def test_sandboxes_and_what_has_ended_are_known_but_not_listed(world: World, docker: Script) -> None:
    docker.known = [replace(WEB, sandbox=True), replace(WEB, id=B, status=EXITED)]
    await world.inventory.refresh()
    assert world.inventory.containers() == {}
    pause, ended = world.inventory.get(A), world.inventory.get(B)
    assert pause is not None
    assert ended is not None


@pytest.mark.parametrize("first", ["cri", "docker"])
@pytest.mark.parametrize(
    ("named", "hidden"),
    [
        (WEB, False),
        (replace(WEB, name="k8s_POD_web-0", sandbox=True), True),
        (replace(WEB, name=""), True),
        (None, True),
    ],
)
async def test_no_source_hides_a_container_of_another_one(
    first: str, named: Container | None, hidden: bool, tmp_path: Path
) -> None:
    """CRI's pause containers, which have no name there, are left out, and so where the tree shows them too."""
    cri, docker = Script("cri"), Script()
    cri.known = [Container(A, "containerd", pod=Pod("shop", "web-0", "u"), sandbox=True, sources=("cri",))]
    docker.known = [named] if named else []
    world = World(tmp_path, *((cri, docker) if first == "cri" else (docker, cri)))
    for _ in range(2):
        await world.inventory.refresh()
        assert (A not in world.inventory.containers()) == hidden
        world.cgroup(A, 10)


async def test_unnamed_ones_can_be_left_out(tmp_path: Path) -> None:
    world = World(tmp_path, list_unnamed=False)
    world.inventory.seen(A, world.cgroup(A, 10))
    assert world.inventory.containers() == {}
    assert world.inventory.pids(A) == [10]


async def test_a_container_with_a_cgroup_runs_whatever_its_runtime_says(world: World, docker: Script) -> None:
    docker.known = [replace(WEB, status=CREATED)]
    await world.inventory.refresh()
    assert world.inventory.containers()[A].status == CREATED
    world.inventory.seen(A, world.cgroup(A, 10))
    assert world.inventory.containers()[A].status == RUNNING
    assert docker.pokes == 0
    docker.known = [replace(WEB, status=PAUSED)]
    await world.inventory.refresh()
    assert world.inventory.containers()[A].status == PAUSED


async def test_the_cgroup_goes(world: World, docker: Script) -> None:
    docker.known = [WEB]
    world.cgroup(A, 10)
    await world.inventory.refresh()
    world.inventory.gone(A)
    assert world.inventory.containers()[A].cgroups != ()  # it is still there
    shutil.rmtree(world.root / "cgroup/docker" / A)
    world.inventory.gone(A)
    assert world.inventory.containers()[A].cgroups == ()
    assert world.inventory.pids(A) == []


async def test_changes_while_it_runs(world: World, docker: Script) -> None:
    docker.known = [WEB]
    running = asyncio.create_task(world.inventory.run())

    async def until_told(count: int) -> None:
        await until(lambda: len(world.told) >= count)

    await until_told(1)
    docker.changes.put_nowait(Known(replace(WEB, name="web2")))
    await until_told(2)
    assert world.inventory.containers()[A].name == "web2"
    world.cgroup(B, 20)
    docker.changes.put_nowait(Known(replace(WEB, id=B, name="db")))
    await until_told(4)  # by the source, then by the tree, which is read again as it starts
    assert world.inventory.pids(B) == [20]
    docker.changes.put_nowait(Forgotten(A))
    await until_told(5)
    assert world.inventory.get(A) is None
    assert world.told == [A, A, B, B, A]
    world.end()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: others cannot give a directory away")
@pytest.mark.parametrize("order", [("docker", "user"), ("user", "docker")])
async def test_a_cgroup_that_a_user_named_after_a_container_is_not_its(order: tuple[str, str], world: World) -> None:
    forged = f"/user/{A}"
    (world.root / "cgroup" / forged[1:]).mkdir()
    (world.root / "cgroup" / forged[1:] / "cgroup.procs").write_text("66\n")
    os.chown(world.root / "cgroup/user", 1000, 1000)
    paths = {"docker": world.cgroup(A, 10), "user": forged}
    for each in order:
        world.inventory.seen(A, paths[each])
    assert world.inventory.pids(A) == [10]


async def test_no_cgroup_tree_is_a_state(tmp_path: Path) -> None:
    world = World(tmp_path)
    shutil.rmtree(tmp_path / "cgroup")
    await world.inventory.refresh()
    state = world.inventory.states()["cgroup"]
    assert (state.up, state.present) == (False, True)
    assert "cannot be read" in state.error
    world.inventory.seen(A, "/docker/x")
    assert world.inventory.get(A) is None


async def test_our_own_container_by_its_path(world: World) -> None:
    (world.root / "proc/self").mkdir(parents=True)
    (world.root / "proc/self/cgroup").write_text(f"0::/docker/{A}\n")
    assert world.inventory.own() == {A}


async def test_our_own_pod_in_a_cgroup_namespace_of_our_own(world: World, docker: Script) -> None:
    (world.root / "proc/self").mkdir(parents=True)
    (world.root / "proc/self/cgroup").write_text("0::/\n")
    pod = Pod("stracelet", "stracelet-x", "u-1")
    docker.known = [replace(WEB, pod=pod), replace(WEB, id=B, pod=pod), replace(WEB, id="c" * 64)]
    world.cgroup(A, os.getpid())
    await world.inventory.refresh()
    assert world.inventory.own() == {A, B}


async def test_the_container_of_a_process_by_its_path_or_by_the_tree(world: World) -> None:
    (world.root / "proc/7").mkdir(parents=True)
    (world.root / "proc/7/cgroup").write_text(f"0::/../{B}\n")
    world.cgroup(A, 8)
    await world.inventory.refresh()
    assert [world.inventory.container_of(pid) for pid in (7, 8, 9)] == [B, A, ""]


async def test_on_a_plain_host_we_are_in_none(world: World) -> None:
    assert world.inventory.own() == frozenset()


async def test_tasks(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.inventory.seen(A, world.cgroup(A, 10, 11))
    for task in ("10/task/10", "10/task/12", "10/task/junk"):
        (tmp_path / "proc" / task).mkdir(parents=True)
    assert sorted(world.inventory.tasks(A)) == [(10, 10), (10, 12)]


UID = "11111111-2222-3333-4444-555555555555"
OF_POD = Pod("shop", "web-0", UID, {"app": "web"}, workload=Workload("Deployment", "web"), cgroup_uid=UID)


def _pods_cgroup(world: World, container_id: str) -> str:
    path = f"kubepods/burstable/pod{UID}/{container_id}"
    (world.root / "cgroup" / path).mkdir(parents=True)
    (world.root / "cgroup" / path / "cgroup.procs").write_text("10\n")
    return f"/{path}"


async def test_a_container_is_its_pods_before_it_has_a_name(world: World, docker: Script) -> None:
    running = asyncio.create_task(world.inventory.run())
    try:
        await until(lambda: world.inventory.following)
        world.inventory.seen(A, _pods_cgroup(world, A))
        assert world.inventory.get(A) == Container(
            A, cgroups=(str(world.root / f"cgroup/kubepods/burstable/pod{UID}/{A}"),), sources=("cgroup",)
        )
        docker.changes.put_nowait(Listing((), (OF_POD,)))
        await until(lambda: (found := world.inventory.get(A)) is not None and found.pod == OF_POD)
        found = world.inventory.get(A)
        assert found is not None
        assert found.nameless
        assert not world.inventory.named(A)
        assert A not in world.inventory.containers(), "it may be the pause container"
        named = Container(A, "containerd", "web", pod=OF_POD, sources=("docker",))
        docker.changes.put_nowait(Listing((named,), (OF_POD,)))
        await until(lambda: A in world.inventory.containers())
        assert world.inventory.named(A)
        docker.changes.put_nowait(Listing((), ()))
        await until(lambda: (found := world.inventory.get(A)) is not None and found.pod is None)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_of_the_same_pod_two_sources_are_added_up(tmp_path: Path) -> None:
    docker, cri = Script("kubernetes"), Script("cri")
    world = World(tmp_path, cri, docker)
    world.cgroup(A, 10)
    known = Pod("shop", "web-0", UID, {"of": "the runtime"})
    cri.known = [Container(A, "containerd", "web", pod=known, sources=("cri",))]
    docker.known = [Container(A, "containerd", "web", pod=OF_POD, sources=("kubernetes",))]
    await world.inventory.refresh()
    pod = world.inventory.containers()[A].pod
    assert pod is not None
    assert (pod.workload, pod.labels) == (OF_POD.workload, {"app": "web", "of": "the runtime"})


async def test_what_the_api_knows_of_a_pod_counts_where_the_runtime_was_quicker(tmp_path: Path) -> None:
    api, cri = Script("kubernetes"), Script("cri")
    world = World(tmp_path, api, cri)
    running = asyncio.create_task(world.inventory.run())
    try:
        await until(lambda: world.inventory.following)
        api.changes.put_nowait(Listing((), (OF_POD,)))
        world.inventory.seen(A, _pods_cgroup(world, A))
        quick = Container(A, "containerd", "web", pod=Pod("shop", "web-0", UID), sources=("cri",))
        cri.changes.put_nowait(Known(quick))
        await until(lambda: world.inventory.named(A))
        pod = world.inventory.containers()[A].pod
        assert pod is not None
        assert (pod.workload, pod.labels) == (OF_POD.workload, OF_POD.labels)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_status_that_claims_another_pods_container_is_not_believed(world: World, docker: Script) -> None:
    false = replace(OF_POD, name="false", uid="22222222-2222-3333-4444-555555555555", cgroup_uid="22222222")
    _pods_cgroup(world, A)
    docker.known = [Container(A, "containerd", "web", pod=false, sources=("docker",))]
    await world.inventory.refresh()
    assert A not in {key for key, each in world.inventory.containers().items() if each.pod == false}


async def test_a_mirror_that_is_claimed_again_stays_with_its_pod(world: World, docker: Script) -> None:
    running = asyncio.create_task(world.inventory.run())
    try:
        await until(lambda: world.inventory.following)
        world.inventory.seen(A, _pods_cgroup(world, A))
        docker.changes.put_nowait(Listing((), (OF_POD,)))
        await until(lambda: (found := world.inventory.get(A)) is not None and found.pod == OF_POD)
        false = replace(OF_POD, name="false", uid="another")
        docker.changes.put_nowait(Listing((WEB,), (false, OF_POD)))
        await until(lambda: world.inventory.named(A))
        docker.changes.put_nowait(Listing((), (false, OF_POD)))
        await until(lambda: not world.inventory.named(A))
        found = world.inventory.get(A)
        assert found is not None
        assert found.pod == OF_POD
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
