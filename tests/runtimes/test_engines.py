# SPDX-License-Identifier: Apache-2.0
"""Real Docker (cgroup v1, and v2 alone) and Podman: names and PIDs, through all that happens to a container."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from stracelet import config
from stracelet.containers.cgroups import Cgroups, hierarchies
from stracelet.containers.inventory import Inventory
from stracelet.containers.model import EXITED, PAUSED, RUNNING, Container
from stracelet.containers.procfs import Procfs
from stracelet.containers.sources import build
from stracelet.containers.targets import parse_target, resolve
from tests.images import Engine, wait_for
from tests.unit.containers.servers import silent

ENGINES = ["docker", "docker-v2", "podman"]
every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)
COMPOSE = ["-l", "com.docker.compose.project=shop", "-l", "com.docker.compose.service=db", "-l", "app=cache"]


def kind(engine: Engine) -> str:
    return "podman" if engine.name == "podman" else "docker"


def inventory_of(engine: Engine) -> Inventory:
    """An inventory that knows this engine alone."""
    kinds = {"cri": "off", "docker": "off", "podman": "off", kind(engine): engine.socket}
    settings = config.load(f"sources: {{{', '.join(f'{key}: {value}' for key, value in kinds.items())}}}")
    return Inventory(
        sources=build(settings.sources), cgroups=Cgroups(Path("/sys/fs/cgroup")), procfs=Procfs(Path("/proc"))
    )


@contextlib.asynccontextmanager
async def running(inventory: Inventory) -> AsyncIterator[None]:
    task = asyncio.create_task(inventory.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(inventory: Inventory, container_id: str, holds: Callable[[Container], bool]) -> Container:
    """Waits until the inventory says so of that container."""
    changed = asyncio.Event()
    unsubscribe = inventory.subscribe(lambda _: changed.set())
    try:
        async with asyncio.timeout(60):
            while (container := inventory.get(container_id)) is None or not holds(container):
                changed.clear()
                await changed.wait()
    finally:
        unsubscribe()
    return container


@every_engine
async def test_names_labels_and_pids(engine: Engine) -> None:
    name = f"t-{uuid.uuid4().hex[:8]}"
    command = ["sh", "-c", "sleep 1000 & exec sleep 1000"]
    container_id = engine.run(*command, options=["--name", name, *COMPOSE])
    inventory = inventory_of(engine)
    await inventory.refresh()
    container = inventory.containers()[container_id]
    assert (container.name, container.runtime, container.status) == (name, kind(engine), RUNNING)
    assert (container.compose_project, container.compose_service) == ("shop", "db")
    assert container.labels["app"] == "cache"
    assert container.image.endswith("stracelet-test/busybox:1")
    assert container.sources == (kind(engine), "cgroup")
    wait_for(lambda: len(engine.pids(container_id)) == 2, what="both processes run")
    assert set(inventory.pids(container_id)) == engine.pids(container_id)
    for text in (f"{kind(engine)}/{name}", name, container_id[:12]):
        assert resolve([parse_target(text)], inventory.containers().values()) == [container]


@every_engine
async def test_processes_that_enter_later(engine: Engine) -> None:
    container_id = engine.run("sleep", "1000")
    inventory = inventory_of(engine)
    await inventory.refresh()
    before = set(inventory.pids(container_id))
    with engine.exec(container_id, "sh", "-c", "echo ready; exec cat") as entered:
        assert entered.stdout is not None
        assert entered.stdout.readline() == b"ready\n"
        inside = set(inventory.pids(container_id))
        assert inside == engine.pids(container_id)
        [pid] = inside - before
        process = Procfs(Path("/proc")).process(pid)
        assert process is not None
        assert process.inside != pid
        assert (pid, pid) in inventory.tasks(container_id)
        entered.communicate(timeout=30)
    assert wait_for(lambda: set(inventory.pids(container_id)) == before, what="it has left")


@every_engine
async def test_restart_rename_pause_and_kill(engine: Engine) -> None:
    inventory = inventory_of(engine)
    old, new = (f"t-{uuid.uuid4().hex[:8]}" for _ in range(2))
    async with running(inventory):
        container_id = await asyncio.to_thread(engine.run, "sleep", "1000", options=["--name", old])
        await until(inventory, container_id, lambda c: c.name == old and bool(c.cgroups))
        assert inventory.pids(container_id) == [await asyncio.to_thread(engine.pid, container_id)]

        await asyncio.to_thread(engine.call, "rename", container_id, new)
        await until(inventory, container_id, lambda c: c.name == new)

        await asyncio.to_thread(engine.call, "pause", container_id)
        await until(inventory, container_id, lambda c: c.status == PAUSED)
        assert len(inventory.pids(container_id)) == 1
        await asyncio.to_thread(engine.call, "unpause", container_id)
        await until(inventory, container_id, lambda c: c.status == RUNNING)

        first = inventory.pids(container_id)
        await asyncio.to_thread(engine.call, "restart", "-t", "0", container_id)
        await until(inventory, container_id, lambda c: bool(c.cgroups) and inventory.pids(c.id) not in ([], first))
        assert inventory.pids(container_id) == [await asyncio.to_thread(engine.pid, container_id)]
        container = inventory.get(container_id)
        assert container is not None
        assert container.name == new

        await asyncio.to_thread(engine.call, "kill", container_id)
        await until(inventory, container_id, lambda c: c.status == EXITED and not c.cgroups)
        assert container_id not in inventory.containers()
        assert inventory.pids(container_id) == []
        await asyncio.to_thread(engine.remove, container_id)
        async with asyncio.timeout(15):
            while inventory.get(container_id) is not None:  # noqa: ASYNC110 what has gone tells nobody
                await asyncio.sleep(0.01)


@every_engine
async def test_the_name_is_there_as_soon_as_the_cgroup(engine: Engine) -> None:
    """What the tracer tells of a new cgroup has a name within 2 s, while the container is still being started."""
    inventory = inventory_of(engine)
    name = f"t-{uuid.uuid4().hex[:8]}"
    root = hierarchies(Path("/sys/fs/cgroup"))[0].root
    async with running(inventory):
        await until_up(inventory, kind(engine))
        container_id = await asyncio.to_thread(engine.create, "sleep", "1000", options=["--name", name])
        starting = asyncio.create_task(asyncio.to_thread(engine.call, "start", container_id))
        async with asyncio.timeout(15):
            while not (found := list(root.glob(f"**/*{container_id}*"))):  # noqa: ASYNC110 the tracer has inotify
                await asyncio.sleep(0.002)
        inventory.seen(container_id, str(found[0].relative_to(root)))
        async with asyncio.timeout(2):
            await until(inventory, container_id, lambda c: c.name == name)
        assert inventory.named(container_id)
        await starting


async def until_up(inventory: Inventory, source: str) -> None:
    async with asyncio.timeout(15):
        while not ((state := inventory.states().get(source)) and state.up):  # noqa: ASYNC110 states tell nobody
            await asyncio.sleep(0.01)


async def test_one_engine_that_hangs_does_not_hold_up_the_other(docker: Engine, tmp_path: Path) -> None:
    container_id = docker.run("sleep", "1000")
    path = tmp_path / "podman.sock"
    settings = config.load(f"sources: {{cri: off, docker: {docker.socket}, podman: {path}}}")
    inventory = Inventory(
        sources=build(settings.sources), cgroups=Cgroups(Path("/sys/fs/cgroup")), procfs=Procfs(Path("/proc"))
    )
    async with silent(path), running(inventory):
        await until(inventory, container_id, lambda c: "docker" in c.sources)
        assert "podman" not in inventory.states()
        async with asyncio.timeout(8):
            while "podman" not in inventory.states():  # noqa: ASYNC110 states tell nobody
                await asyncio.sleep(0.05)
    assert inventory.states()["docker"].up
    assert "does not answer within 5 s" in inventory.states()["podman"].error
