# SPDX-License-Identifier: Apache-2.0
"""What every source has to do, with real servers behind real sockets; and what only one of them does."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.constants import DEFAULT_DOCKER_API_VERSION
from hypothesis import given
from hypothesis import strategies as st

from stracelet import config
from stracelet.containers.cri import CriSource
from stracelet.containers.docker import DockerSource
from stracelet.containers.docker_names import parse_container, parse_created, runtime_of
from stracelet.containers.model import CREATED, EXITED, PAUSED, RUNNING, SourceState
from stracelet.containers.sockets import SocketAbsent, connect_directly
from stracelet.containers.sources import (
    Change,
    ClusterSource,
    Forgotten,
    Known,
    LazySource,
    Listing,
    Source,
    build,
    keep,
    places,
)
from stracelet.errors import SourceError, TracerError
from tests.unit.containers.servers import CriServer, DockerServer, container, pod, silent, until

A, B, P = "a" * 64, "b" * 64, "c" * 64
QUICK = 0.5
LISTED = {"Id": A, "Names": ["/web"], "Image": "nginx:1", "Labels": {"app": "web"}, "State": "running"}
KINDS: dict[str, Any] = {"docker": DockerSource, "cri": CriSource}


def a_source(kind: str, path: Path, connect: Any = connect_directly, timeout: float = 5.0) -> Source:
    source: Source = KINDS[kind](name=kind, path=str(path), connect=connect, timeout=timeout)
    return source


def a_server(kind: str) -> DockerServer | CriServer:
    """One that has the container A, called web."""
    if kind == "docker":
        docker = DockerServer()
        docker.containers = [LISTED]
        return docker
    cri = CriServer()
    cri.sandboxes = [pod(P, "web-0", "shop", [("app", "web")])]
    cri.containers = [container(A, "web", cri.sandboxes[0])]
    return cri


async def changes(source: Source, n: int, between: Callable[[], None] = lambda: None) -> list[Change]:
    """The first n changes; `between` runs after the first."""
    seen: list[Change] = []
    async with asyncio.timeout(10), aclosing(source.watch()) as stream:  # type: ignore[type-var]
        async for change in stream:
            seen.append(change)
            if len(seen) == 1:
                between()
            if len(seen) == n:
                break
    return seen


@pytest.mark.parametrize(
    ("name", "sandbox"),
    [("/k8s_POD_web-0_shop_0f3c_0", True), ("/web", False), ("/web_k8s_POD_", False), (None, False)],
)
def test_the_label_of_a_pause_container_is_believed_with_its_name_alone(name: str | None, sandbox: bool) -> None:
    """Labels may be those of an image."""
    labels = {"io.kubernetes.docker.type": "podsandbox"}
    names = [name] if name else []
    listed = parse_container({**LISTED, "Names": names, "Labels": labels}, "docker", "docker")
    assert listed is not None
    assert listed.sandbox == sandbox
    attributes = {**labels, "image": "nginx:1", **({"name": name.lstrip("/")} if name else {})}
    created = parse_created({"Actor": {"ID": A, "Attributes": attributes}}, "docker", "docker")
    assert created is not None
    assert created.sandbox == sandbox


@pytest.mark.parametrize("kind", KINDS)
async def test_a_list_over_a_socket_that_somebody_else_opens(kind: str, tmp_path: Path) -> None:
    opened: list[str] = []

    async def connect(path: str) -> socket.socket:
        opened.append(path)
        return await connect_directly(path)

    async with a_server(kind).at(tmp_path / "s"):
        found = {each.id: each for each in (await a_source(kind, tmp_path / "s", connect).list()).containers}
    assert (found[A].name, found[A].status, found[A].sources) == ("web", RUNNING, (kind,))
    assert set(opened) == {str(tmp_path / "s")}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_watch_begins_with_the_list(kind: str, tmp_path: Path) -> None:
    async with a_server(kind).at(tmp_path / "s"):
        [first] = await changes(a_source(kind, tmp_path / "s"), 1)
    assert isinstance(first, Listing)
    assert A in {each.id for each in first.containers}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["list", "watch"])
async def test_a_server_that_does_not_answer(kind: str, how: str, tmp_path: Path) -> None:
    before = time.monotonic()
    async with silent(tmp_path / "s"):
        source = a_source(kind, tmp_path / "s", timeout=QUICK)
        with pytest.raises(SourceError, match=r"s: does not answer within 0\.5 s"):
            await (source.list() if how == "list" else changes(source, 1))
        assert time.monotonic() - before < 4  # a busy machine; the default deadline is 5


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_of_something_else(kind: str, tmp_path: Path) -> None:
    other = "cri" if kind == "docker" else "docker"
    async with a_server(other).at(tmp_path / "s"):
        with pytest.raises(SourceError) as caught:
            await a_source(kind, tmp_path / "s").list()
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, requests.RequestException)


@pytest.mark.parametrize("kind", KINDS)
async def test_poked_it_looks_again(kind: str, tmp_path: Path) -> None:
    server = a_server(kind)
    async with server.at(tmp_path / "s"):
        source = a_source(kind, tmp_path / "s")

        def another() -> None:
            if isinstance(server, DockerServer):
                server.containers.append({**LISTED, "Id": B})
            else:
                server.containers.append(container(B, "db", server.sandboxes[0]))
            source.poke()

        seen = await changes(source, 2, another)
    assert isinstance(seen[1], Listing)
    assert B in {each.id for each in seen[1].containers}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turns", range(6))
async def test_poked_and_cancelled_at_once_it_ends(
    kind: str, turns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stracelet.containers.cri.source.SHORTEST_PAUSE", 0.0)
    server = CriServer(events=True) if kind == "cri" else a_server(kind)
    async with server.at(tmp_path / "s"):
        source, listed = a_source(kind, tmp_path / "s"), asyncio.Event()

        async def follow() -> None:
            async for _ in source.watch():
                listed.set()

        task = asyncio.create_task(follow())
        async with asyncio.timeout(10):
            await listed.wait()
        for _ in range(20):  # of the event loop: it now waits to be poked
            await asyncio.sleep(0)
        source.poke()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=2)
        task.cancel()
        assert done


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'HTTP/1.1 500 Oops\r\nContent-Length: 18\r\n\r\n{"message":"ouch"}', "500.*ouch"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}", "not the Docker API"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", "not the Docker API|Expecting value"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "not the Docker API"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "not the Docker API"),
        (b"\0\1\2\3\n", "s: "),
        (b"", "s: "),
    ],
)
async def test_docker_that_answers_rubbish(raw: bytes, said: str, tmp_path: Path) -> None:
    server = DockerServer()
    server.raw = raw
    async with server.at(tmp_path / "s"):
        with pytest.raises(SourceError, match=said) as caught:
            await a_source("docker", tmp_path / "s").list()
    assert "\n" not in str(caught.value)


async def test_docker_that_answers_the_first_call_alone(tmp_path: Path) -> None:
    server = DockerServer()
    server.silent_paths = {"/containers/json"}
    async with server.at(tmp_path / "s"):
        with pytest.raises(SourceError, match="does not answer"):
            await changes(a_source("docker", tmp_path / "s", timeout=QUICK), 1)


@pytest.mark.parametrize(("theirs", "spoken"), [("1.30", "1.30"), ("1.99", DEFAULT_DOCKER_API_VERSION)])
async def test_docker_is_asked_in_a_version_that_both_speak(theirs: str, spoken: str, tmp_path: Path) -> None:
    server = DockerServer({"ApiVersion": theirs})
    async with server.at(tmp_path / "s"):
        await a_source("docker", tmp_path / "s").list()
    assert server.asked == ["/version", f"/v{spoken}/containers/json"]


async def test_docker_events(tmp_path: Path) -> None:
    server = DockerServer()
    server.containers = [LISTED]
    compose = {"com.docker.compose.project": "shop", "com.docker.compose.service": "db"}

    def happen() -> None:
        server.tell("create", B, name="db", image="pg:1", **compose)
        server.tell("exec_create: sh", B, name="db")
        server.tell("start", B, name="db", image="pg:1", **compose)
        server.tell("rename", A, name="web2", image="nginx:1", oldName="/web")
        server.tell("pause", A, name="web2")
        server.tell("die", A, name="web2", exitCode="0")
        server.tell("destroy", A, name="web2")

    async with server.at(tmp_path / "s"):
        seen = (await changes(a_source("docker", tmp_path / "s"), 7, happen))[1:]
    known = [change.container for change in seen if isinstance(change, Known)]
    assert [(each.id, each.name, each.status) for each in known] == [
        (B, "db", CREATED),
        (B, "db", RUNNING),
        (A, "web2", RUNNING),
        (A, "web2", PAUSED),
        (A, "web2", EXITED),
    ]
    assert (known[0].compose_project, known[0].compose_service, known[0].image) == ("shop", "db", "pg:1")
    assert known[-1].labels == {"app": "web"}
    assert seen[-1] == Forgotten(A)


async def test_docker_that_hangs_up_ends_the_watch(tmp_path: Path) -> None:
    server = DockerServer()
    async with server.at(tmp_path / "s"):
        async with asyncio.timeout(5):
            stream = a_source("docker", tmp_path / "s").watch()
            assert isinstance(await anext(stream), Listing)
            server.hang_up()
            with pytest.raises((StopAsyncIteration, SourceError)):
                await anext(stream)


@given(
    st.dictionaries(
        st.sampled_from(["Id", "Names", "Image", "Labels", "State"]),
        st.none() | st.text() | st.just({"a": None}) | st.just(["/a/b", "/a"]) | st.just("running"),
    )
)
def test_any_entry_is_a_container_or_none(entry: dict[str, Any]) -> None:
    if isinstance(entry.get("Labels"), str | list):
        del entry["Labels"]
    found = parse_container(entry, "docker", "docker")
    assert found is None or found.id == entry["Id"] or found.id == str(entry["Id"])


def test_a_name_is_no_link_and_podman_says_so() -> None:
    found = parse_container({**LISTED, "Names": ["/other/alias", "/web"]}, "docker", "docker")
    assert found is not None
    assert found.name == "web"
    assert runtime_of({"Components": [{"Name": "Podman Engine"}]}) == "podman"
    assert runtime_of({"Components": None}) == "docker"


async def test_cri_names_pods(tmp_path: Path) -> None:
    server = a_server("cri")
    assert isinstance(server, CriServer)
    server.containers += [container(B, "old", server.sandboxes[0], state=2)]
    async with server.at(tmp_path / "s"):
        found = {each.id: each for each in (await a_source("cri", tmp_path / "s").list()).containers}
    assert set(found) == {A, P}
    web = found[A]
    assert web.pod is not None
    assert (web.pod.namespace, web.pod.name, web.pod.uid, web.pod.labels["app"]) == ("shop", "web-0", "u-1", "web")
    assert (web.runtime, web.image, web.sandbox) == ("containerd", "local/web:1", False)
    assert found[P].sandbox


async def test_cri_events_are_followed(tmp_path: Path) -> None:
    server = CriServer(events=True)

    def happen() -> None:
        server.containers.append(container(A, "web", pod(P, "web-0", "shop")))
        server.happen()

    async with server.at(tmp_path / "s"):
        before = time.monotonic()
        seen = await changes(a_source("cri", tmp_path / "s"), 2, happen)
    assert isinstance(seen[1], Listing)
    assert [each.id for each in seen[1].containers] == [A]
    assert time.monotonic() - before < 2  # sooner than by asking every few seconds


async def test_cri_that_speaks_only_v1alpha2(tmp_path: Path) -> None:
    async with CriServer("runtime.v1alpha2.RuntimeService").at(tmp_path / "s"):
        with pytest.raises(SourceError, match="speaks only CRI v1alpha2, and v1 is needed") as caught:
            await a_source("cri", tmp_path / "s").list()
    assert not isinstance(caught.value, SocketAbsent)
    assert "1.6" in caught.value.help_text


async def test_a_containerd_without_cri_is_absent(tmp_path: Path) -> None:
    async with CriServer("containerd.services.version.v1.Version").at(tmp_path / "s"):
        with pytest.raises(SocketAbsent, match="serves no CRI"):
            await a_source("cri", tmp_path / "s").list()


def test_places() -> None:
    usual = places(config.load("").sources)
    assert {place.kind for place in usual} == {"cri", "docker", "podman"}
    assert len({place.name for place in usual}) == len(usual)
    given_ = places(config.load("sources: {cri: off, docker: [/a, /b], podman: /c}").sources)
    assert [(place.name, place.path, place.given) for place in given_] == [
        ("docker", "/a", True),
        ("docker:/b", "/b", True),
        ("podman", "/c", True),
    ]


async def test_a_usual_socket_may_be_absent_but_not_a_given_one(tmp_path: Path) -> None:
    text = f"sources: {{kubernetes: off, cri: off, podman: off, docker: {tmp_path}/none}}"
    [given_] = build(config.load(text).sources)
    with pytest.raises(SourceError, match="no such socket") as caught:
        await given_.list()
    assert not isinstance(caught.value, SocketAbsent)
    usual = LazySource(places(config.load("").sources)[0], _absent)
    with pytest.raises(SocketAbsent):
        await usual.list()


async def _absent(path: str) -> socket.socket:
    raise FileNotFoundError(2, "No such file or directory", path)


async def test_a_supervisor_that_cannot_connect_is_a_failure_of_the_source(tmp_path: Path) -> None:
    async def connect(path: str) -> socket.socket:
        raise TracerError("the supervisor does not answer")

    [one] = build(
        config.load(f"sources: {{kubernetes: off, cri: off, podman: off, docker: {tmp_path}/s}}").sources, connect
    )
    with pytest.raises(SourceError, match="s: the supervisor does not answer"):
        await one.list()
    with pytest.raises(SourceError, match="the supervisor does not answer"):
        await a_source("docker", tmp_path / "s", connect).list()


async def test_a_socket_that_we_may_not_open(tmp_path: Path) -> None:
    async def connect(path: str) -> socket.socket:
        raise PermissionError(13, "Permission denied", path)

    [one] = build(
        config.load(f"sources: {{kubernetes: off, cri: off, podman: off, docker: {tmp_path}/s}}").sources, connect
    )
    with pytest.raises(SourceError, match="s: permission denied") as caught:
        await one.list()
    assert "as root" in caught.value.help_text


async def test_why_a_socket_cannot_be_had(tmp_path: Path) -> None:
    dead = tmp_path / "dead"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(dead))
    full = tmp_path / "full"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as first:
        server.bind(str(full))
        server.listen(0)
        first.connect(str(full))
        [one] = build(config.load(f"sources: {{kubernetes: off, cri: off, podman: off, docker: {dead}}}").sources)
        with pytest.raises(SourceError, match="nobody listens"):
            await one.list()
        [one] = build(config.load(f"sources: {{kubernetes: off, cri: off, podman: off, docker: {full}}}").sources)
        with pytest.raises(SourceError, match="does not answer: its queue of connections is full"):
            await one.list()


class Failing:
    """A source that fails, then answers, then is gone."""

    name = "failing"

    def __init__(self) -> None:
        self.tries = 0

    def poke(self) -> None: ...

    async def list(self) -> Listing:
        return Listing(())

    async def watch(self) -> AsyncIterator[Change]:
        self.tries += 1
        if self.tries == 1:
            raise SourceError("broken")
        if self.tries == 2:
            yield Listing(())
            return
        raise SocketAbsent("gone")


async def test_a_source_is_kept_going(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stracelet.containers.sources.FIRST_PAUSE", 0.01)
    applied: list[Change] = []
    states: list[SourceState] = []
    task = asyncio.create_task(
        keep(Failing(), lambda _, change: applied.append(change), lambda _, state: states.append(state))
    )
    await until(lambda: len(states) >= 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert applied == [Listing(())]
    assert [(state.up, state.present, state.error) for state in states] == [
        (False, True, "broken"),
        (True, True, ""),
        (False, True, "the connection was closed"),
        (False, False, "gone"),
    ]


def test_a_cluster_that_is_off_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert not ClusterSource(config.Sources(kubernetes="off")).there
    assert ClusterSource(config.Sources(kubernetes="/a/kubeconfig")).there
