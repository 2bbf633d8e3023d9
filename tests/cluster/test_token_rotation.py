# SPDX-License-Identifier: Apache-2.0
"""A pod's token is replaced while it is in use, as the kubelet does, and the one before is revoked."""

from __future__ import annotations

import asyncio
import base64
import datetime
import http.client
import json
import ssl
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest
from kubernetes.config import incluster_config

from stracelet.cluster.objects import TraceObjects
from stracelet.containers.kubernetes import api, source
from stracelet.containers.model import SourceState
from stracelet.containers.sources import Change, Listing, keep
from stracelet.errors import SourceError
from tests.cluster.conftest import Cluster
from tests.images import wait_for

DEADLINE = 60.0
RULES = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": ["stracelet.io"], "resources": ["traces"], "verbs": ["get"]},
]


class Account:
    """A service account that may do what an agent does, and its tokens, each of which can be revoked."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._log = cluster.kubeconfig.parent / "log/audit.log"
        self._begin = self._log.stat().st_size

    def token(self) -> str:
        """A new one, that is as good as the Secret of its ID's name is there."""
        name = f"token-{uuid.uuid4().hex[:8]}"
        self._cluster.kubectl("create", "secret", "generic", name, "-n", self._namespace)
        bound = ("--bound-object-kind=Secret", f"--bound-object-name={name}", "--duration=10m")
        token = self._cluster.kubectl("create", "token", "default", "-n", self._namespace, *bound).strip()
        assert _claims(token)["kubernetes.io"]["secret"]["name"] == name
        return token

    def revoke(self, token: str) -> None:
        """Until the server refuses it: it remembers for some seconds whom it has let in."""
        secret = _claims(token)["kubernetes.io"]["secret"]["name"]
        self._cluster.kubectl("delete", "secret", "-n", self._namespace, secret)
        wait_for(lambda: self._answer(token) == http.HTTPStatus.UNAUTHORIZED, what="it is refused", seconds=DEADLINE)

    def _answer(self, token: str) -> int:
        server, authority = _server(self._cluster)
        context = ssl.create_default_context(cadata=authority.decode())
        connection = http.client.HTTPSConnection(str(server.hostname), server.port, timeout=10, context=context)
        try:
            connection.request("GET", "/api", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def used(self, token: str) -> bool:
        """Whether a watch was begun with it."""
        identity = f"JTI={_claims(token)['jti']}"
        with self._log.open("rb") as log:
            log.seek(self._begin)
            whole = [line for line in log if line.endswith(b"\n") and identity.encode() in line]
        for event in map(json.loads, whole):
            if event["verb"] == "watch" and event["objectRef"]["resource"] == "pods":
                return True
        return False


def _server(cluster: Cluster) -> tuple[SplitResult, bytes]:
    """Its address, and who vouches for it."""
    (view,) = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json"))["clusters"]
    found = view["cluster"]
    return urlsplit(found["server"]), base64.b64decode(found["certificate-authority-data"])


def _claims(token: str) -> Mapping[str, Any]:
    part = token.split(".")[1]
    found: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> Iterator[Account]:
    name = f"stracelet-{uuid.uuid4().hex[:8]}"
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": RULES,
    }
    cluster.kubectl("create", "-f", "-", data=json.dumps(role))
    try:
        whom = f"--serviceaccount={namespace}:default"
        cluster.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", whom)
        yield Account(cluster, namespace)
    finally:
        cluster.kubectl("delete", "clusterrolebinding,clusterrole", name, "--ignore-not-found")


@pytest.fixture
def mounted(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a pod has its token; what else it has to have is there."""
    server, authority = _server(cluster)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(server.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    (tmp_path / "ca.crt").write_bytes(authority)
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    return tmp_path / "token"


def _put(file: Path, token: str) -> None:
    """In the place of the one before, at once."""
    file.with_suffix(".new").write_text(token)
    file.with_suffix(".new").replace(file)


async def test_a_watch_and_the_traces_go_on_with_the_new_token(
    account: Account, mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "WATCH_SECONDS", (2, 0))
    first, second, third = [await asyncio.to_thread(account.token) for _ in range(3)]
    _put(mounted, first)
    traces = TraceObjects(api.in_cluster)
    assert await traces.get("default", "none") is None
    states: list[SourceState] = []

    def applied(_: str, change: Change) -> None:
        assert isinstance(change, Listing)

    _read_again_each_second(monkeypatch)
    watch = source(name="kubernetes", node="node-1")
    keeping = asyncio.create_task(keep(watch, applied, lambda _, state: states.append(state)))
    try:
        await _until(lambda: account.used(first), "the first token is used")
        _put(mounted, second)
        await _until(lambda: account.used(second), "the second one is used")
        assert [state for state in states if not state.up] == []

        _put(mounted, third)
        await asyncio.to_thread(account.revoke, first)
        await asyncio.to_thread(account.revoke, second)
        await _until(lambda: account.used(third) and states[-1].up, "the third one is used")
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    with pytest.raises(SourceError, match="Unauthorized"):
        await traces.get("default", "none")
    assert await traces.get("default", "none") is None


def _read_again_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library does so each minute, long before the kubelet's tokens expire."""
    made = incluster_config.InClusterConfigLoader.__init__

    def initialise(loader: Any, *arguments: Any, **named: Any) -> None:
        made(loader, *arguments, **named)
        loader._token_refresh_period = datetime.timedelta(seconds=1)

    monkeypatch.setattr(incluster_config.InClusterConfigLoader, "__init__", initialise)


async def _until(true: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_for, true, what=what, seconds=DEADLINE)
