# SPDX-License-Identifier: Apache-2.0
"""Who is let in on a host, to what; and when a trace of what was there is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stracelet.containers.model import Container
from stracelet.containers.request import Meant, Request
from stracelet.errors import UsageError
from stracelet.traces.admission import Claim, Denied, Peer
from stracelet.traces.host import PATIENCE_SECONDS, HostGate

REDIS = Container("a" * 64, runtime="docker", name="redis")
WEB = Container("b" * 64, runtime="docker", name="web", compose_project="shop", labels={"app": "web"})
ROOT = Peer(77, 0)


class Inventory:
    def __init__(self, *containers: Container) -> None:
        self.known = {each.id: each for each in containers}
        self.looks = 0
        self.looked = asyncio.Event()
        self.callbacks: list[Callable[[str], None]] = []

    def containers(self) -> dict[str, Container]:
        return self.known

    def look_again(self) -> None:
        self.looks += 1
        self.looked.set()

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def add(self, container: Container) -> None:
        self.known[container.id] = container
        for callback in self.callbacks:
            callback(container.id)


def asked(begins: bool = True, **wanted: Any) -> Claim:
    return Claim(peer=ROOT, wanted=wanted, begins=begins)


async def test_a_target_is_what_it_was_as_it_was_asked_for() -> None:
    inventory = Inventory(REDIS, WEB)
    admission = await HostGate(inventory).admit(asked(targets=["docker/redis"], flags=["-y"]))
    assert (admission.user, admission.name, admission.described) == ("root", "pid/77", "docker/redis")
    assert admission.flags == ["-y"]
    assert admission.host
    assert admission.target.expected == {REDIS.id}
    assert admission.target.means(REDIS)
    assert not admission.target.means(WEB)
    assert not admission.target.could_mean("c" * 64, None)
    assert admission.lines == {"container": False, "always_pid": False, "colour": False}
    assert not inventory.callbacks


async def test_what_has_no_end_means_what_is_to_come() -> None:
    gate = HostGate(Inventory(REDIS))
    for wanted in ({"targets": ["docker/web"], "wait": True}, {"selector": "app=web"}, {"targets": ["compose/shop"]}):
        gate = HostGate(Inventory(REDIS, WEB))
        admission = await gate.admit(asked(**wanted))
        assert admission.target.expected is None
        assert admission.target.means(WEB)
        assert not admission.target.means(REDIS)
        assert admission.target.could_mean("c" * 64, None)
        assert admission.lines["container"]


async def test_of_processes_those_that_the_agent_was_started_with_are_there() -> None:
    process = Container("pid:7", name="app")
    gate = HostGate(Inventory(REDIS, process))
    admission = await gate.admit(asked(targets=["pid/7"]))
    assert admission.target.expected == {"pid:7"}
    assert admission.target.means(process)
    assert not admission.target.means(REDIS)
    with pytest.raises(Denied, match="pid/8: of processes the agent traces those alone that it was") as caught:
        await gate.admit(asked(targets=["docker/redis", "pid/8"]))
    assert caught.value.status == 404


async def test_a_name_that_is_about_to_be_told_is_waited_for() -> None:
    inventory = Inventory(REDIS)
    admitting = asyncio.create_task(HostGate(inventory).admit(asked(targets=["docker/web"])))
    await inventory.looked.wait()
    inventory.add(WEB)
    assert (await admitting).target.expected == {WEB.id}
    assert inventory.looks == 1


async def test_what_is_not_there_is_404_and_what_means_several_400() -> None:
    inventory = Inventory(REDIS, Container("c" * 64, runtime="podman", name="redis"))
    gate = HostGate(inventory)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(Denied, match="docker/web: no such container") as caught:
        await gate.admit(asked(targets=["docker/web"]))
    assert caught.value.status == 404
    assert loop.time() - began >= PATIENCE_SECONDS
    with pytest.raises(UsageError, match="several things have that name"):
        await gate.admit(asked(targets=["redis"]))
    assert not inventory.callbacks


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"targets": []},
        {"targets": "docker/redis"},
        {"targets": ["docker/redis"], "wait": "yes"},
        {"targets": ["docker/redis"], "more": 1},
        {"targets": ["docker/redis"] * 257},
        {"targets": ["a/b/c/d"]},
        {"selector": "a in"},
    ],
    ids=str,
)
async def test_what_makes_no_sense_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        await HostGate(Inventory(REDIS)).admit(asked(**wanted))


async def test_a_list_of_nothing_in_particular_is_of_all() -> None:
    admission = await HostGate(Inventory(REDIS)).admit(asked(begins=False))
    assert admission.target.means(REDIS)


async def test_who_comes_by_no_unix_socket_is_not_let_in() -> None:
    with pytest.raises(Denied) as caught:
        await HostGate(Inventory(REDIS)).admit(Claim(wanted={"targets": ["redis"]}, begins=True))
    assert caught.value.status == 401


def test_a_request_without_end_expects_nobody() -> None:
    assert Meant(Request.of(["redis"]), frozenset("a")).expected == {"a"}
    assert Meant(Request.of(["redis"], wait=True), frozenset("a")).expected is None
