# SPDX-License-Identifier: Apache-2.0
"""The chart in a real cluster of two nodes, with the real image: what it installs, what that may; what is refused."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cluster.charts import CHART, OURS, PRIVILEGED, Helm, asked, audited, documents, of_kind, requests
from tests.cluster.conftest import Cluster
from tests.images import wait_for

pytestmark = pytest.mark.timeout(1800)  # the first one builds the image

CRD = "crd/traces.stracelet.io"
APPLY = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--warnings-as-errors", "-f", "-")
WAITING = ("--take-ownership", "--wait", "--timeout", "90s")
READY_SECONDS = 10.0
USERS = ("alice", "bob")


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


@pytest.fixture(scope="module", params=["helm", "helm3"])
def release(request: pytest.FixtureRequest, cluster: Cluster, image: str) -> Iterator[Release]:
    with installed(cluster, Helm(cluster.tools / request.param, cluster.kubeconfig)) as made:
        yield made


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
        self.cluster.kubectl("delete", "namespace", self.namespace, "--wait", "--timeout=80s")


def test_the_api_server_warns_of_nothing(release: Release) -> None:
    assert "warn" not in release.said.lower(), release.said
    rendered = release.helm("get", "manifest", "stracelet", "-n", release.namespace)
    dry = asked(release.cluster, *APPLY, data=rendered)
    assert dry.returncode == 0, dry.stderr
    assert "Warning" not in dry.stderr


def test_each_node_has_an_agent_that_is_soon_ready(release: Release) -> None:
    pods = release.pods()
    assert {pod["spec"]["nodeName"] for pod in pods} == {"node-1", "node-2"}
    for pod in pods:
        assert {each["ready"] for each in pod["status"]["containerStatuses"]} == {True}
        assert {each["restartCount"] for each in pod["status"]["containerStatuses"]} == {0}
        (ready,) = (each for each in pod["status"]["conditions"] if each["type"] == "Ready")
        took = when(ready["lastTransitionTime"]) - when(pod["status"]["startTime"])
        assert took <= timedelta(seconds=READY_SECONDS)


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_helm_test_asks_each_agent(release: Release) -> None:
    said = release.helm("test", "stracelet", "-n", release.namespace, "--timeout", "80s")
    assert "Succeeded" in said


def test_only_the_tracer_has_capabilities_and_only_the_agent_a_token(release: Release) -> None:
    pod = release.pods()[0]
    name = pod["metadata"]["name"]

    def inside(container: str, *command: str) -> str:
        return release.cluster.kubectl("exec", "-n", release.namespace, name, "-c", container, "--", *command)

    status = {each: inside(each, "sh", "-c", "grep Cap /proc/self/status; id -u") for each in ("agent", "tracer")}
    assert "65532" in status["agent"].splitlines()
    assert set(status["agent"].split()) & {"0000000000080004"} == set()
    assert (
        status["tracer"].count("0000000000080004") == 3
    )  # permitted, effective, bounding: SYS_PTRACE, DAC_READ_SEARCH
    token = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    assert inside("agent", "sh", "-c", f"test -r {token} && echo there") == "there\n"
    assert inside("tracer", "sh", "-c", f"test -e {token} || echo none") == "none\n"
    for container in ("agent", "tracer"):
        assert inside(container, "sh", "-c", "touch /here 2>/dev/null || echo refused") == "refused\n"
        assert inside(container, "sh", "-c", "mkdir /host/cgroup/here 2>/dev/null || echo refused") == "refused\n"


def test_what_an_agent_asks_is_what_its_role_allows(release: Release) -> None:
    role = of_kind(
        documents(release.helm("get", "manifest", "stracelet", "-n", release.namespace)),
        "ClusterRole",
        "stracelet-agent",
    )
    account = f"system:serviceaccount:{release.namespace}:stracelet"
    wait_for(lambda: ("watch", "", "pods") in audited(release.cluster, account), what="a watch on pods", seconds=60)
    done = audited(release.cluster, account)
    assert done <= requests(role["rules"])
    assert done >= {("list", "", "pods"), ("watch", "", "pods")}


def trace(**changed: Any) -> dict[str, Any]:
    """A Trace of alice's, with these fields of its spec changed; those that are None are left out."""
    spec = {
        "user": "alice",
        "target": {"pods": ["web-0"]},
        "filter": ["-e", "trace=network"],
        "expires": (datetime.now(UTC) + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "keyHash": "0" * 64,
    }
    spec |= changed
    return {
        "apiVersion": "stracelet.io/v1alpha1",
        "kind": "Trace",
        "metadata": {"name": f"trace-{uuid.uuid4().hex[:8]}"},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


@pytest.fixture(scope="module")
def shop(release: Release) -> Iterator[str]:
    """A namespace where alice and bob may trace."""
    name = f"shop-{uuid.uuid4().hex[:8]}"
    release.cluster.kubectl("create", "namespace", name)
    users = [f"--user={user}" for user in USERS]
    release.cluster.kubectl("create", "rolebinding", "tracers", "-n", name, "--clusterrole=stracelet-tracer", *users)
    yield name
    release.cluster.kubectl("delete", "namespace", name, "--wait", "--timeout=80s")


def refusal(release: Release, namespace: str, verb: str, made: dict[str, Any], *, user: str = "alice") -> str:
    """`kubectl VERB` of that object as that user; "" or what was said against it."""
    done = asked(release.cluster, "--as", user, "-n", namespace, verb, "-f", "-", data=json.dumps(made))
    return done.stderr.strip() if done.returncode else ""


@pytest.fixture(scope="module")
def policed(release: Release, shop: str) -> str:
    """The namespace, once the policy is in force: the API server takes a new one up within seconds."""

    def refused() -> bool:
        made = trace(user="somebody")
        said = refusal(release, shop, "create", made)
        return "somebody" in said

    wait_for(refused, what="the admission policy is in force", seconds=30)
    return shop


def test_a_trace_names_who_asks(release: Release, policed: str) -> None:
    made = trace()
    said = refusal(release, policed, "create", made, user="bob")
    assert 'spec.user is "alice", and the Trace is created by "bob"' in said
    assert refusal(release, policed, "create", made) == ""
    assert refusal(release, policed, "create", trace(user="carol"), user="carol").count("forbidden") >= 1, (
        "no right at all"
    )
    listed = release.cluster.kubectl("get", "traces", "-n", policed)
    assert listed.split()[:6] == ["NAME", "USER", "WORKLOAD", "SELECTOR", "EXPIRES", "AGE"]
    assert refusal(release, policed, "delete", made) == ""


def test_a_trace_cannot_be_changed(release: Release, policed: str) -> None:
    made = trace()
    assert refusal(release, policed, "create", made) == ""
    patch = ("patch", "trace", made["metadata"]["name"], "-n", policed, "--type=merge", "-p")
    for change in ({"target": {"pods": ["db-0"]}}, {"keyHash": "1" * 64}, {"filter": None}):
        with pytest.raises(AssertionError, match="cannot be changed"):
            release.cluster.kubectl(*patch, json.dumps({"spec": change}))
    release.cluster.kubectl(*patch, json.dumps({"metadata": {"labels": {"seen": "yes"}}}))
    assert refusal(release, policed, "delete", made) == ""


ACCEPTED: list[dict[str, Any]] = [
    {"target": {}},
    {"target": {"selector": "app=web,tier!=cache", "workload": {"kind": "Deployment", "name": "web"}}},
    {"target": {"pods": ["web-0", "web.1"], "containers": ["app"]}},
    {"filter": None},
    {"filter": ["-e", "trace=/^open"] * 32},
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"user": None}, "spec.user: Required"),
    ({"user": ""}, "spec.user"),
    ({"target": None}, "spec.target: Required"),
    ({"target": {"pods": ["web-0"], "selector": "app=web"}}, "exclude one another"),
    ({"target": {"pods": ["UPPER"]}}, "spec.target.pods[0]"),
    ({"target": {"pods": [f"web-{i}" for i in range(257)]}}, "Too many"),
    ({"target": {"selector": "a" * 4097}}, "Too long"),
    ({"target": {"containers": ["a_b"]}}, "spec.target.containers[0]"),
    ({"target": {"workload": {"kind": "Deployment"}}}, "name: Required"),
    ({"filter": ["-e"] * 65}, "Too many"),
    ({"filter": "trace=network"}, "spec.filter"),
    ({"expires": "tomorrow"}, "spec.expires"),
    ({"expires": None}, "spec.expires: Required"),
    ({"keyHash": "0" * 63}, "spec.keyHash"),
    ({"keyHash": "G" * 64}, "spec.keyHash"),
    ({"keyHash": "A" * 64}, "spec.keyHash"),
    ({"unknown": 1}, "unknown field"),
]


@pytest.mark.parametrize("changed", ACCEPTED)
def test_the_schema_accepts(release: Release, policed: str, changed: dict[str, Any]) -> None:
    made = trace(**changed)
    assert refusal(release, policed, "create", made) == ""
    assert refusal(release, policed, "delete", made) == ""


@pytest.mark.parametrize(("changed", "why"), REFUSED)
def test_the_schema_refuses(release: Release, policed: str, changed: dict[str, Any], why: str) -> None:
    assert why in refusal(release, policed, "create", trace(**changed))


def test_an_upgrade_upgrades_the_crd_and_an_uninstall_keeps_it(release: Release, policed: str) -> None:
    cluster, helm, namespace = release.cluster, release.helm, release.namespace
    made = trace(user="admin")
    cluster.kubectl("create", "-n", policed, "-f", "-", data=json.dumps(made))
    # As if it were an older release's: a column less.
    cluster.kubectl(
        "patch", CRD, "--type=json", "-p", '[{"op": "remove", "path": "/spec/versions/0/additionalPrinterColumns/0"}]'
    )
    # The patch made kubectl the owner of that field (server-side apply, Helm 4's way).
    force = ("--force-conflicts",) if helm.program.name == "helm" else ()
    helm("upgrade", "stracelet", CHART, "-n", namespace, *OURS, *force, "--wait", "--timeout", "120s")
    columns = cluster.kubectl("get", CRD, "-o", "jsonpath={.spec.versions[0].additionalPrinterColumns[*].name}")
    assert columns.split()[0] == "User"
    helm("uninstall", "stracelet", "-n", namespace, "--wait")
    wait_for(lambda: not release.pods(), what="the agents have gone", seconds=60)
    assert cluster.kubectl("get", "traces", "-n", policed, "-o", "name").split() == [
        f"trace.stracelet.io/{made['metadata']['name']}"
    ]
    helm("install", "stracelet", CHART, "-n", namespace, *OURS, *WAITING)
    cluster.kubectl("delete", "-n", policed, "trace", made["metadata"]["name"])


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_a_namespace_that_forbids_it_is_named_at_once(cluster: Cluster, level: str) -> None:
    namespace = f"strict-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", namespace)
    try:
        cluster.kubectl("label", "namespace", namespace, f"pod-security.kubernetes.io/enforce={level}")
        began = time.monotonic()
        for program in ("helm", "helm3"):
            helm = Helm(cluster.tools / program, cluster.kubeconfig)
            done = helm.call("install", "stracelet", CHART, "-n", namespace, *OURS, "--wait", "--timeout", "60s")
            assert done.returncode != 0
            assert f"kubectl label namespace {namespace} {PRIVILEGED} --overwrite" in done.stderr
        assert time.monotonic() - began < 20
        assert cluster.kubectl("get", "all", "-n", namespace, "-o", "name") == ""
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait", "--timeout=80s")
