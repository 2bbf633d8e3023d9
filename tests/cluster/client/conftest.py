# SPDX-License-Identifier: Apache-2.0
"""The chart, installed once for all tests of this folder: it is gone before others install theirs, since two agents on
a node would be in each other's way."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cluster.charts import Helm, Release, installed
from tests.cluster.conftest import Cluster

PER_USER = 3


@pytest.fixture(scope="package")
def agents(cluster: Cluster, image: str) -> Iterator[Release]:
    """Whatever a test does, they are the same at the end, and none has been restarted."""
    monitor = json.dumps({"include": [{"labels": "monitored=yes"}]})
    limits = json.dumps({"traces_per_user": PER_USER})
    options = ("--set-json", f"config.monitor={monitor}", "--set-json", f"config.limits={limits}")
    with installed(cluster, Helm(cluster.tools / "helm", cluster.kubeconfig), *options) as made:
        restarts = restarted(made)
        yield made
        assert restarted(made) == restarts == {(pod, 0) for pod, _ in restarts}


def restarted(agents: Release) -> set[tuple[str, int]]:
    """The agents' pods, and how often their containers were restarted."""
    return {
        (pod["metadata"]["uid"], sum(each["restartCount"] for each in pod["status"]["containerStatuses"]))
        for pod in agents.pods()
    }
