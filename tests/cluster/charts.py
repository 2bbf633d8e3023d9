# SPDX-License-Identifier: Apache-2.0
"""Helm, our chart, and our image in the cluster."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.conftest import Cluster
from tests.image import IMAGE, TAG

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/stracelet"
OURS = ("--set", f"image.repository={IMAGE.removesuffix(f':{TAG}')}", "--set", f"image.tag={TAG}")
# Of which cluster is not known; a Helm that was built without saying so takes it for a very old one.
TEMPLATE = ("template", "stracelet", CHART, "--namespace", "stracelet", "--kube-version", "1.30.0")
SECONDS = 180.0
CRD = "crd/traces.stracelet.io"
WAITING = ("--take-ownership", "--wait", "--timeout", "90s")
PRIVILEGED = "pod-security.kubernetes.io/enforce=privileged"


@dataclass(frozen=True)
class Helm:
    """A Helm by the path of its program; with a kubeconfig if it is to reach a cluster."""

    program: Path
    kubeconfig: Path | None = None

    def call(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        where = ["--kubeconfig", str(self.kubeconfig)] if self.kubeconfig else []
        return subprocess.run(
            [self.program, *arguments, *where], capture_output=True, text=True, timeout=SECONDS, check=False
        )

    def __call__(self, *arguments: str | Path) -> str:
        """Its standard output. Fails with what it said."""
        done = self.call(*arguments)
        assert done.returncode == 0, f"{self.program.name} {arguments[0]}: {done.stderr.strip()}"
        return done.stdout

    def rendered(self, *options: str) -> list[dict[str, Any]]:
        """The chart's objects."""
        return documents(self(*TEMPLATE, "--no-hooks", *options))


def asked(cluster: Cluster, *arguments: str, data: str = "") -> subprocess.CompletedProcess[str]:
    """`kubectl ARGUMENTS`, which may be refused."""
    command = [cluster.tools / "kubectl", "--kubeconfig", cluster.kubeconfig, *arguments]
    return subprocess.run(command, input=data, capture_output=True, text=True, timeout=SECONDS, check=False)


def documents(text: str) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all(text) if found]


def of_kind(objects: Sequence[Mapping[str, Any]], kind: str, name: str = "") -> Mapping[str, Any]:
    """The one of that kind, and of that name if it is given."""
    found = [each for each in objects if each["kind"] == kind and name in ("", each["metadata"]["name"])]
    assert len(found) == 1, f"{kind} {name}: {[each['metadata']['name'] for each in found]}"
    return found[0]


def requests(rules: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """(verb, group, resource) of all that RBAC's rules allow."""
    return {
        (verb, group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def audited(cluster: Cluster, user: str) -> set[tuple[str, str, str]]:
    """(verb, group, resource) of all that this user asked of the API server, as its audit log has it."""
    found = set()
    for line in (cluster.kubeconfig.parent / "log/audit.log").read_text().splitlines():
        event = json.loads(line)
        asked = event.get("objectRef")
        if event["user"].get("username") == user and asked:
            resource = "/".join(filter(None, [asked["resource"], asked.get("subresource")]))
            found.add((event["verb"], asked.get("apiGroup", ""), resource))
    return found


@dataclass(frozen=True)
class Release:
    """The chart as it is installed under the name `stracelet`."""

    cluster: Cluster
    helm: Helm
    namespace: str
    said: str

    def pods(self) -> list[dict[str, Any]]:
        selector = "app.kubernetes.io/name=stracelet,app.kubernetes.io/component=agent"
        found = self.cluster.kubectl("get", "pods", "-n", self.namespace, "-l", selector, "-o", "json")
        items: list[dict[str, Any]] = json.loads(found)["items"]
        return items


class installed:  # noqa: N801 - a context manager
    """Installs it in a namespace of its own, and removes all of it; its CRD too, unless that was there before."""

    def __init__(self, cluster: Cluster, helm: Helm, *options: str) -> None:
        self.cluster, self.helm, self.options = cluster, helm, options
        self.namespace = f"stracelet-{uuid.uuid4().hex[:8]}"

    def __enter__(self) -> Release:
        self.cluster.kubectl("create", "namespace", self.namespace)
        self.cluster.kubectl("label", "namespace", self.namespace, PRIVILEGED)
        self.crd = self.cluster.kubectl("get", CRD, "--ignore-not-found", "-o", "name")
        done = self.helm.call("install", "stracelet", CHART, "-n", self.namespace, *OURS, *self.options, *WAITING)
        if done.returncode != 0:
            said = self.cluster.kubectl("describe", "pods", "-n", self.namespace)
            self.__exit__()
            raise AssertionError(f"{done.stderr.strip()}\n{said}")
        return Release(self.cluster, self.helm, self.namespace, done.stderr)

    def __exit__(self, *_: object) -> None:
        self.helm.call("uninstall", "stracelet", "-n", self.namespace, "--wait")
        if not self.crd:
            self.cluster.kubectl("delete", CRD, "--ignore-not-found")
        self.cluster.remove(self.namespace)
