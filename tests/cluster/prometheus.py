# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus in the cluster, with the scrape configuration and the rules that the chart has made."""

from __future__ import annotations

import json
import math
import shutil
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.cluster.charts import Release
from tests.image import IMAGE
from tests.images import wait_for

NAME = "prometheus"
PORT = 9090
STARTING_SECONDS = 60.0


@dataclass(frozen=True)
class Prometheus:
    """A running one, which is asked at its pod's address."""

    address: str

    def get(self, path: str, **parameters: str) -> Any:
        """The data of the answer to `GET /api/v1/PATH`."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        with urllib.request.urlopen(f"http://{self.address}:{PORT}/api/v1/{path}{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, text: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an instant query; none that is no number."""
        found = [(each["metric"], float(each["value"][1])) for each in self.get("query", query=text)["result"]]
        return [(labels, value) for labels, value in found if not math.isnan(value)]

    def targets(self) -> list[dict[str, Any]]:
        active: list[dict[str, Any]] = self.get("targets", state="active")["activeTargets"]
        return active

    def alerts(self) -> dict[str, dict[str, Any]]:
        """Each alert's rule, with its health and state, by name."""
        return {rule["name"]: rule for group in self.get("rules")["groups"] for rule in group["rules"]}


def start(release: Release) -> Prometheus:
    """Runs it in the release's namespace, with which it goes. It may read pods of that namespace and nothing else."""
    if shutil.which(NAME) is None:
        pytest.skip("prometheus is not installed (Debian: prometheus)")
    where = ("-n", release.namespace)
    kubectl = release.cluster.kubectl
    made = json.loads(kubectl("get", "configmap", "stracelet-scrape", *where, "-o", "json"))["data"]
    # Prometheus reads the file itself from 2.43 on (scrape_config_files); Debian has 2.42.
    config = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": ["/etc/prometheus/rules.yaml"],
        **yaml.safe_load(made["stracelet.yaml"]),
    }
    files = {"prometheus.yaml": json.dumps(config), "rules.yaml": made["rules.yaml"]}
    for each in (*_account(release.namespace), _object("v1", "ConfigMap", data=files), _pod()):
        kubectl("create", *where, "-f", "-", data=json.dumps(each))
    kubectl("wait", "--for=condition=Ready", f"pod/{NAME}", *where, f"--timeout={STARTING_SECONDS:g}s")
    return Prometheus(kubectl("get", "pod", NAME, *where, "-o", "jsonpath={.status.podIP}"))


def wait_for_data(prometheus: Prometheus, query: str, *, what: str, seconds: float) -> None:
    wait_for(lambda: prometheus.query(query), what=f"data for {what}: {query}", seconds=seconds)


def _object(version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": NAME}, **fields}


def _account(namespace: str) -> list[dict[str, Any]]:
    """What the chart says that it needs."""
    rbac = "rbac.authorization.k8s.io"
    who = {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}
    return [
        _object("v1", "ServiceAccount"),
        _object(f"{rbac}/v1", "Role", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]),
        _object(
            f"{rbac}/v1",
            "RoleBinding",
            roleRef={"apiGroup": rbac, "kind": "Role", "name": NAME},
            subjects=[who],
        ),
    ]


def _pod() -> dict[str, Any]:
    """The nodes have the machine's files, so its program needs no image of its own; ours has the C library for it."""
    container = {
        "name": NAME,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/usr/bin/prometheus"],
        "args": ["--config.file=/etc/prometheus/prometheus.yaml", "--storage.tsdb.path=/data"],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": PORT}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "program", "mountPath": "/usr/bin/prometheus", "readOnly": True},
            {"name": "config", "mountPath": "/etc/prometheus"},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    spec = {
        "serviceAccountName": NAME,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsUser": 65532, "fsGroup": 65532},
        "containers": [container],
        "volumes": [
            {"name": "program", "hostPath": {"path": shutil.which(NAME), "type": "File"}},
            {"name": "config", "configMap": {"name": NAME}},
            {"name": "data", "emptyDir": {}},
        ],
    }
    return _object("v1", "Pod", spec=spec)
