# SPDX-License-Identifier: Apache-2.0
"""Who is let in by the key of a Trace object."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from stracelet.cluster import gate as gates
from stracelet.cluster.gate import TraceGate
from stracelet.containers.model import Container, Pod
from stracelet.errors import SourceError
from stracelet.traces.admission import Claim, Denied

KEY = bytes(range(32))
NOW = 1_700_000_000.0
MADE, EXPIRES = "2023-11-14T22:10:00Z", "2023-11-14T22:20:00Z"  # NOW is 22:13:20


class Objects:
    """An API server's."""

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], dict[str, Any]] = {}
        self.asked = 0
        self.deleted: list[tuple[str, str, str]] = []
        self.answers = True
        self.swept = asyncio.Event()

    def put(self, namespace: str, name: str, **spec: Any) -> None:
        self.there[namespace, name] = {
            "metadata": {"namespace": namespace, "name": name, "uid": f"uid-{name}", "creationTimestamp": MADE},
            "spec": {
                "user": "alice",
                "target": {"pods": ["web-0"]},
                "filter": ["-y"],
                "expires": EXPIRES,
                "keyHash": hashlib.sha256(KEY).hexdigest(),
                **spec,
            },
        }

    async def get(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        self.asked += 1
        if not self.answers:
            raise SourceError("the Kubernetes API does not answer")
        return self.there.get((namespace, name))

    async def delete(self, namespace: str, name: str, uid: str) -> None:
        self.deleted.append((namespace, name, uid))
        if len(self.deleted) == 4:
            self.swept.set()

    async def all(self) -> AsyncIterator[Mapping[str, Any]]:
        for found in list(self.there.values()):
            yield found


def made(objects: Objects, now: float = NOW) -> TraceGate:
    return TraceGate(objects, clock=lambda: now)


async def admit(gate: TraceGate, trace: str = "shop/t1", key: bytes = KEY) -> Any:
    return await gate.admit(Claim(trace, f"Bearer {key.hex()}"))


def container(namespace: str, pod: str, name: str = "web") -> Container:
    return Container(id="a" * 64, name=name, pod=Pod(namespace, pod, "uid", {"app": "web"}))


async def test_the_key_lets_in_to_what_the_object_means() -> None:
    objects = Objects()
    objects.put("shop", "t1")
    admission = await admit(made(objects))
    assert (admission.name, admission.user, admission.flags) == ("shop/t1", "alice", ["-y"])
    assert admission.target.means(container("shop", "web-0"))
    assert not admission.target.means(container("shop", "web-1"))
    assert not admission.target.means(container("other", "web-0"))
    assert not admission.target.means(Container(id="b" * 64, name="web-0"))


@pytest.mark.parametrize(
    ("trace", "authorization"),
    [
        ("shop/t1", f"Bearer {bytes(32).hex()}"),
        ("shop/t2", f"Bearer {KEY.hex()}"),
        ("other/t1", f"Bearer {KEY.hex()}"),
        ("shop/t1", ""),
        ("shop/t1", f"Basic {KEY.hex()}"),
        ("shop/t1", f"Bearer {KEY.hex()}00"),
        ("shop/../t1", f"Bearer {KEY.hex()}"),
        ("shop", f"Bearer {KEY.hex()}"),
        ("", ""),
    ],
)
async def test_nothing_else_does(trace: str, authorization: str) -> None:
    objects = Objects()
    objects.put("shop", "t1")
    with pytest.raises(Denied) as denied:
        await made(objects).admit(Claim(trace, authorization))
    assert denied.value.status == 401


async def test_one_that_has_expired_does_not_and_none_lasts_for_more_than_an_hour() -> None:
    objects = Objects()
    objects.put("shop", "t1")
    with pytest.raises(Denied, match="expired"):
        await admit(made(objects, now=NOW + 401))
    objects.put("shop", "t2", expires="2033-01-01T00:00:00Z")
    assert (await admit(made(objects), "shop/t2")).expires == NOW - 200 + 3600


async def test_a_selector_means_what_it_matches() -> None:
    objects = Objects()
    objects.put("shop", "t1", target={"selector": "app=web", "containers": ["web"]})
    target = (await admit(made(objects))).target
    assert target.means(container("shop", "any"))
    assert not target.means(container("shop", "any", "sidecar"))
    assert target.could_mean("a", None)
    assert not target.could_mean("a", Pod("shop", "x", "uid", {"app": "db"}))


@pytest.mark.parametrize("target", [{"selector": "a=b=c"}, {"pods": "web-0"}, {"pods": ["a"], "selector": "b"}])
async def test_a_target_that_makes_no_sense_is_said_to(target: dict[str, Any]) -> None:
    objects = Objects()
    objects.put("shop", "t1", target=target)
    with pytest.raises(Denied) as denied:
        await admit(made(objects))
    assert denied.value.status == 400
    assert "shop/t1" in str(denied.value)


async def test_who_guesses_costs_the_server_one_request_a_second() -> None:
    objects, now = Objects(), [0.0]
    objects.put("shop", "t1")
    gate = TraceGate(objects, clock=lambda: NOW, ticks=lambda: now[0])
    for _ in range(100):
        with pytest.raises(Denied):
            await admit(gate, key=bytes(32))
    assert objects.asked == 1
    now[0] = 1.5
    await admit(gate)
    assert objects.asked == 2


async def test_it_is_withdrawn_when_it_is_deleted_replaced_or_expired() -> None:
    objects = Objects()
    objects.put("shop", "t1")
    gate = made(objects)
    admission = await admit(gate)
    assert await gate.withdrawn(admission) == ""
    objects.there["shop", "t1"]["metadata"]["uid"] = "another"
    assert await gate.withdrawn(admission) == "deleted"
    del objects.there["shop", "t1"]
    assert await gate.withdrawn(admission) == "deleted"
    assert await made(objects, now=NOW + 500).withdrawn(admission) == "expired"


async def test_while_the_server_does_not_answer_what_it_said_holds() -> None:
    objects = Objects()
    objects.put("shop", "t1")
    gate = made(objects)
    admission = await admit(gate)
    objects.answers = False
    assert await gate.withdrawn(admission) == ""


async def test_it_is_deleted_where_it_is_over_for_all() -> None:
    objects = Objects()
    for name in ("t1", "t2", "t3"):
        objects.put("shop", name)
    gate = made(objects)
    for name, reason in (("t1", "expired"), ("t2", "client"), ("t3", "unacknowledged")):
        gate.ended(await admit(gate, f"shop/{name}"), reason)
    await asyncio.gather(*gate._tasks)
    assert objects.deleted == [("shop", "t1", "uid-t1")], "of the others, other agents may still serve them"


@pytest.mark.parametrize("expires", ["9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+23:59", "soon", None, []])
async def test_a_time_that_there_is_not_is_over(expires: object) -> None:
    objects = Objects()
    objects.put("shop", "t1", expires=expires)
    with pytest.raises(Denied, match="expired"):
        await admit(made(objects))


async def test_what_is_long_over_is_swept_away_whatever_else_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "SWEEP_SECONDS", 0.01)
    objects = Objects()
    objects.put("shop", "t1", expires="9999-12-31T23:59:59-00:01")
    objects.there["shop", "t2"] = {"metadata": {"namespace": "shop", "name": "t2", "uid": "uid-t2"}, "spec": None}
    objects.put("shop", "t3", expires="2033-01-01T00:00:00Z")
    sweeping = asyncio.create_task(made(objects).sweep_for_ever())
    async with asyncio.timeout(10):
        await objects.swept.wait()
    assert not sweeping.done()
    sweeping.cancel()
    assert set(objects.deleted) == {("shop", "t1", "uid-t1"), ("shop", "t2", "uid-t2")}


async def test_those_who_ask_at_once_cost_one_request() -> None:
    objects = Objects()
    objects.put("shop", "t1")
    gate = made(objects)
    await asyncio.gather(*(admit(gate) for _ in range(50)))
    assert objects.asked <= gates.MOST_AT_ONCE
