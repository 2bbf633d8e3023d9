# SPDX-License-Identifier: Apache-2.0
"""What the pods of a node are listed from: the API server's cache, which knows nodes, and not all pods in etcd."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from stracelet.containers.kubernetes.api import Ahead, by_kubeconfig
from stracelet.containers.kubernetes.checkpoint import Checkpoint
from stracelet.containers.kubernetes.source import KubernetesSource
from stracelet.containers.sources import Listing
from tests.cluster.conftest import Cluster
from tests.images import wait_for

LISTS = 'apiserver_storage_list_total{group="",index="f:spec.nodeName",resource="pods",storage="watchcache"}'


def lists(cluster: Cluster, node: str) -> list[str]:
    """The requests for lists of that node's pods, as the audit log has them."""
    log = cluster.kubeconfig.parent / "log/audit.log"
    if not log.exists():
        pytest.skip(f"no audit log at {log}")
    found: list[Mapping[str, str]] = [json.loads(line) for line in log.read_text().splitlines() if node in line]
    return [each["requestURI"] for each in found if each["verb"] == "list"]


def from_cache(cluster: Cluster) -> int:
    lines = cluster.kubectl("get", "--raw", "/metrics").splitlines()
    return next((int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(LISTS)), 0)


async def test_a_list_that_must_not_be_older_is_from_the_cache(cluster: Cluster, readable: Path) -> None:
    node = f"relist-{uuid.uuid4().hex[:8]}"
    api = by_kubeconfig(str(readable))
    try:
        _, version = await api.list(node)
        before = from_cache(cluster)
        _, newer = await api.list(node, since=version)
    finally:
        api.close()
    assert int(newer) >= int(version)
    assert from_cache(cluster) > before
    wait_for(lambda: len(lists(cluster, node)) == 2, what="the lists are in the audit log", seconds=10)
    assert f"resourceVersion={version}&resourceVersionMatch=NotOlderThan" in lists(cluster, node)[1]


async def test_what_the_servers_cache_cannot_have_is_read_from_etcd(
    cluster: Cluster, readable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After etcd has been restored from a backup it may be so for ever."""
    node = f"relist-{uuid.uuid4().hex[:8]}"
    api = by_kubeconfig(str(readable))
    try:
        _, version = await api.list(node)
        ahead = str(int(version) + 10**9)
        with pytest.raises(Ahead, match="Too large resource version"):
            await api.list(node, since=ahead)
    finally:
        api.close()
    source = KubernetesSource(
        name="kubernetes", node=node, connect=partial(by_kubeconfig, str(readable)), checkpoint=Checkpoint("", node)
    )
    monkeypatch.setattr(source, "_since", ahead)
    assert await source.list() == Listing(())
    wait_for(lambda: len(lists(cluster, node)) == 4, what="the lists are in the audit log", seconds=10)
    assert f"resourceVersion={ahead}" in lists(cluster, node)[2]
    assert "resourceVersion" not in lists(cluster, node)[3]
