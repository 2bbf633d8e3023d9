# SPDX-License-Identifier: Apache-2.0
"""Real containerd through CRI: pods' names from labels, PIDs from the cgroup tree, pause containers left out."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from stracelet import config
from stracelet.containers.cgroups import Cgroups, hierarchies
from stracelet.containers.inventory import Inventory
from stracelet.containers.model import RUNNING
from stracelet.containers.procfs import Procfs
from stracelet.containers.selectors import parse_selector
from stracelet.containers.sources import build
from stracelet.containers.targets import parse_target, resolve
from tests.runtimes.cri_pods import CGROUPS, IMAGE, Pods
from tests.runtimes.test_engines import running, until, until_up


@pytest.fixture
def inventory(containerd: str) -> Inventory:
    settings = config.load(f"sources: {{docker: off, podman: off, cri: {containerd}}}")
    return Inventory(sources=build(settings.sources), cgroups=Cgroups(CGROUPS), procfs=Procfs(Path("/proc")))


async def test_pods_by_name_and_label(pods: Pods, inventory: Inventory) -> None:
    name = f"web-{uuid.uuid4().hex[:8]}"
    sandbox = pods.run_pod(name, "shop", app=name)
    nginx, sidecar = (pods.run(sandbox, each, "/bin/sleep", "1000") for each in ("nginx", "sidecar"))
    await inventory.refresh()
    assert inventory.states()["cri"].up
    container = inventory.containers()[nginx]
    assert container.pod is not None
    assert (container.pod.namespace, container.pod.name, container.name) == ("shop", name, "nginx")
    assert (container.runtime, container.image, container.status) == ("containerd", IMAGE, RUNNING)
    assert sandbox not in inventory.containers()
    pause = inventory.get(sandbox)
    assert pause is not None
    assert pause.sandbox
    assert len(inventory.pids(nginx)) == 1

    def found(text: str, **options: str) -> set[str]:
        known = inventory.containers().values()
        return {each.id for each in resolve([parse_target(text)], known, **options)}  # type: ignore[arg-type]

    assert found(f"pod/{name}") == found(name, namespace="shop") == {nginx, sidecar}
    assert found(f"pod/{name}/sidecar") == {sidecar}
    selected = resolve([], inventory.containers().values(), selector=parse_selector(f"app={name}"))
    assert {each.id for each in selected} == {nginx, sidecar}


async def test_exec_and_end(pods: Pods, inventory: Inventory) -> None:
    sandbox = pods.run_pod(f"job-{uuid.uuid4().hex[:8]}", "shop")
    container_id = pods.run(sandbox, "main", "/bin/sh", "-c", "while :; do sleep 1000; done")
    async with running(inventory):
        await until(inventory, container_id, lambda c: bool(c.name and c.cgroups))
        # `exec` waits for the process it started; the one that is left behind stays in the container.
        await asyncio.to_thread(pods.exec, container_id, "/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 & sleep 0")
        comms = [p.comm for pid in inventory.pids(container_id) if (p := Procfs(Path("/proc")).process(pid))]
        assert sorted(comms) == ["sh", "sleep", "sleep"]
        await asyncio.to_thread(pods.remove, container_id)
        inventory.gone(container_id)
        assert inventory.pids(container_id) == []


async def test_a_new_container_is_named_when_its_cgroup_is_seen(pods: Pods, inventory: Inventory) -> None:
    """This containerd has no events: the tracer's word is what makes the list be read again, long before the poll."""
    sandbox = pods.run_pod(f"web-{uuid.uuid4().hex[:8]}", "shop")
    async with running(inventory):
        await until_up(inventory, "cri")
        container_id = await asyncio.to_thread(pods.run, sandbox, "late", "/bin/sleep", "1000")
        [path, *_] = Cgroups(CGROUPS).scan()[container_id]
        inventory.seen(container_id, str(Path(path).relative_to(hierarchies(CGROUPS)[0].root)))
        async with asyncio.timeout(2):
            container = await until(inventory, container_id, lambda c: c.name == "late")
    assert container.sources == ("cri", "cgroup")
