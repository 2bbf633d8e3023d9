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

from tests.cluster.charts import Release, asked
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
    """Runs it in the release's namespace, with which it goes; it knows the agents that there are now."""
    if shutil.which(NAME) is None:
        pytest.skip("prometheus is not installed (Debian: prometheus)")
    where = ("-n", release.namespace)
    kubectl = release.cluster.kubectl
    made = json.loads(kubectl("get", "configmap", "stracelet-scrape", *where, "-o", "json"))["data"]
    (scrape,) = yaml.safe_load(made["stracelet.yaml"])["scrape_configs"]
    scrape["static_configs"] = _discovered(release, scrape.pop("kubernetes_sd_configs"))
    # Prometheus reads the chart's file itself from 2.43 on (scrape_config_files); Debian has 2.42.
    config = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": ["/etc/prometheus/rules.yaml"],
        "scrape_configs": [scrape],
    }
    files = {"prometheus.yaml": json.dumps(config), "rules.yaml": made["rules.yaml"]}
    for each in (_object("v1", "ConfigMap", data=files), _pod()):
        kubectl("create", *where, "-f", "-", data=json.dumps(each))
    ready = ("wait", "--for=condition=Ready", f"pod/{NAME}", *where, f"--timeout={STARTING_SECONDS:g}s")
    waited = asked(release.cluster, *ready)
    assert waited.returncode == 0, waited.stderr + kubectl("logs", NAME, *where)
    return Prometheus(kubectl("get", "pod", NAME, *where, "-o", "jsonpath={.status.podIP}"))


def wait_for_data(prometheus: Prometheus, query: str, *, what: str, seconds: float) -> None:
    wait_for(lambda: prometheus.query(query), what=f"data for {what}: {query}", seconds=seconds)


def _object(version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": NAME}, **fields}


def _discovered(release: Release, discovery: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Debian's is built without the discovery of pods: what that gives for the same query, a target for each port.

    Of a container without a port it gives a target too, which the chart's own rules have to leave out.
    """
    (pods,) = discovery
    (selector,) = pods["selectors"]
    assert (pods["role"], selector["role"], pods["namespaces"]["names"]) == ("pod", "pod", [release.namespace])
    get = ("get", "pods", "-n", release.namespace, "-l", selector["label"], "-o", "json")
    found = []
    for pod in json.loads(release.cluster.kubectl(*get))["items"]:
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", [{}]):
                about = {
                    "namespace": release.namespace,
                    "pod_name": pod["metadata"]["name"],
                    "pod_node_name": pod["spec"]["nodeName"],
                    "pod_container_name": container["name"],
                    "pod_container_port_name": port.get("name", ""),
                }
                address = ":".join(filter(None, [pod["status"]["podIP"], str(port.get("containerPort", ""))]))
                labels = {f"__meta_kubernetes_{key}": value for key, value in about.items()}
                found.append({"targets": [address], "labels": labels})
    return found


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
        "automountServiceAccountToken": False,
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
