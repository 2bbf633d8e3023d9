# SPDX-License-Identifier: Apache-2.0
"""The chart in a real cluster, by the real Helm 4, and in short by Helm 3: from its installation to its removal.

What Helm makes of it with no cluster is test_chart_renders.py's.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stracelet import __version__
from tests.cluster.charts import CHART, CRD, OURS, WAITING, Helm, Release, asked, installed
from tests.cluster.conftest import MANIFESTS, Cluster, run_pod
from tests.cluster.prometheus import Prometheus, start, wait_for_data
from tests.image import IMAGE
from tests.images import wait_for
from tests.unit.chart.queries import panels, rules

pytestmark = pytest.mark.timeout(1800)  # the first one builds the image

LEVEL = "pod-security.kubernetes.io/enforce"
SECONDS = 30.0
OFTEN = ("--set", "prometheus.discovery=scrapeConfig,prometheus.interval=2s")
ALL_AT_ONCE = ("--set", "updateStrategy.rollingUpdate.maxUnavailable=100%")
# Of a release, what belongs to no namespace.
CLUSTERS_OWN = "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
SYS_PTRACE, DAC_READ_SEARCH = 1 << 19, 1 << 2
TOKEN = "run/secrets/kubernetes.io/serviceaccount"  # /var/run is a symbolic link, which would lead out of there
SECCOMP_FILTER = "2"  # proc_pid_status(5)
# Errors that nobody expects, files that cannot be opened, opens that take their time, and much ado about nothing.
PROGRAMS = {
    "web": "while :; do kill -0 4194305 2>/dev/null; sleep 0.1; done",
    "full": "exec 2>/dev/null; ulimit -n 3; while :; do true </etc/passwd; sleep 0.1; done",
    "slow": "mkfifo /tmp/f; while :; do (sleep 0.7; echo x >/tmp/f) & read -r x </tmp/f; done",
    "busy": "while :; do i=0; while [ $i -lt 99 ]; do kill -0 4194304; i=$((i + 1)); done 2>&1; sleep 0.1; done",
}

# Rules whose condition holds of what runs here; and those where it does not, with what they look at, and why.
MET = {"StraceletResourceErrors", "StraceletErrorRatio", "StraceletSlowSyscalls", "StraceletOverhead"}
QUIET = {
    "StraceletAgentDown": ("up{job='stracelet'}", "both answer"),
    "StraceletAbsent": ("stracelet_build_info", "both are scraped"),
    "StraceletSourceDown": ("stracelet_source_up", "the API server answers"),
    "StraceletTracerRestarts": ("stracelet_tracer_restarts_total", "none has ended"),
    "StraceletAttachFailures": ("stracelet_tracees", "all could be traced"),
    "StraceletCallsUncounted": ("stracelet_calls_uncounted_total", "there is room"),
    "StraceletSeriesLimited": ("stracelet_tracees", "there are few series"),
    "StraceletContainersUnwatched": ("stracelet_cgroups_unwatched", "there are few cgroups"),
}


@pytest.fixture(scope="module")
def release(cluster: Cluster, image: str, namespace: str) -> Iterator[Release]:
    """By Helm 4; it monitors the namespace of the tests, and would monitor itself if it could."""
    assert image == IMAGE
    rules = {"include": [{"namespaces": [namespace, "stracelet-*"]}], "exclude": [{"names": ["prometheus"]}]}
    monitored = json.dumps(rules)
    helm = Helm(cluster.tools / "helm", cluster.kubeconfig)
    with installed(cluster, helm, "--set-json", f"config.monitor={monitored}", *OFTEN, *ALL_AT_ONCE) as made:
        yield made


@pytest.fixture(scope="module")
def traced(cluster: Cluster, namespace: str) -> dict[str, str]:
    """A pod on each node with all the programs: their names by node."""
    return {node: run_pod(cluster, namespace, PROGRAMS, node=node).name for node in ("node-1", "node-2")}


@pytest.fixture(scope="module")
def prometheus(release: Release, traced: dict[str, str]) -> Prometheus:
    assert traced
    return start(release)


def warnings(said: str) -> list[str]:
    """The API server's warnings, as kubectl and Helm 3 (klog) and Helm 4 (slog) pass them on."""
    return [line for line in said.splitlines() if re.search(r"warn|^W\d{4} ", line, re.IGNORECASE)]


def agents_uids(release: Release) -> set[str]:
    return {each["metadata"]["uid"] for each in release.pods() if "deletionTimestamp" not in each["metadata"]}


def processes_of(container_id: str) -> dict[int, dict[str, str]]:
    """/proc/PID/status of the machine's processes in that container's cgroup, by PID."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if container_id in (folder / "cgroup").read_text():
                lines = (folder / "status").read_text().splitlines()
                found[int(folder.name)] = {key: value.strip() for key, _, value in (x.partition(":") for x in lines)}
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_kubectl_applies_the_manifests_without_a_warning(cluster: Cluster, image: str) -> None:
    there = cluster.kubectl("get", CRD, "--ignore-not-found", "-o", "name")
    text = MANIFESTS.read_text(encoding="utf-8")
    assert text.count(f"image: stracelet:{__version__}\n") == 2
    ours = text.replace(f"image: stracelet:{__version__}\n", f"image: {image}\n")
    try:
        done = asked(cluster, "apply", "--server-side", "--warnings-as-errors", "-f", "-", data=ours)
        assert done.returncode == 0, done.stderr
        assert warnings(done.stdout + done.stderr) == []
        cluster.kubectl("rollout", "status", "daemonset/stracelet", "-n", "stracelet", "--timeout=80s")
    finally:
        kept = "CustomResourceDefinition" if there else ""
        gone = "\n---\n".join(part for part in ours.split("\n---\n") if f"kind: {kept}\n" not in part)
        cluster.kubectl("delete", "--ignore-not-found", "--timeout=80s", "-f", "-", data=gone)


@pytest.mark.parametrize(("program", "level"), [("helm", "baseline"), ("helm3", "restricted")])
def test_less_than_privileged_is_refused_at_once(cluster: Cluster, program: str, level: str) -> None:
    namespace = f"stracelet-{uuid.uuid4().hex[:8]}"
    helm = Helm(cluster.tools / program, cluster.kubeconfig)
    cluster.kubectl("create", "namespace", namespace)
    try:
        cluster.kubectl("label", "namespace", namespace, f"{LEVEL}={level}")
        began = time.monotonic()
        done = helm.call("install", "stracelet", CHART, "-n", namespace, *OURS, *WAITING)
        assert time.monotonic() - began < SECONDS
        assert done.returncode != 0
        assert f'enforces the Pod Security level "{level}"' in done.stderr
        assert f"kubectl label namespace {namespace} {LEVEL}=privileged --overwrite" in done.stderr
        assert json.loads(helm("list", "--all" if program == "helm3" else "-q", "-n", namespace, "-o", "json")) == []
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_it_is_ready_and_nobody_is_warned(release: Release) -> None:
    assert warnings(release.said) == []
    # Helm 3 does not wait for a DaemonSet's last pod: as many as maxUnavailable says may be missing.
    wait_for(lambda: all(_ready(each) for each in release.pods()), what="all pods are ready", seconds=SECONDS)
    pods = release.pods()
    assert {each["spec"]["nodeName"] for each in pods} == {"node-1", "node-2"}
    for each in pods:
        print(each["metadata"]["name"], each["metadata"]["creationTimestamp"], _ready(each))


def _ready(pod: Mapping[str, Any]) -> str:
    """Since when it is; empty: it is not."""
    conditions = {condition["type"]: condition for condition in pod["status"].get("conditions", ())}
    ready = conditions.get("Ready", {"status": "Unknown"})
    return str(ready["lastTransitionTime"]) if ready["status"] == "True" else ""


def test_its_processes_have_these_rights_and_no_other(release: Release) -> None:
    for pod in release.pods():
        ids = {each["name"]: each["containerID"].rpartition("/")[2] for each in pod["status"]["containerStatuses"]}
        assert ids.keys() == {"agent", "tracer"}
        agent, tracer = processes_of(ids["agent"]), processes_of(ids["tracer"])
        assert len(agent) == 1
        assert len(tracer) >= 2  # with its supervisor
        for status in agent.values():
            assert {status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
            assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"65532"}
        for status in tracer.values():
            assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == SYS_PTRACE | DAC_READ_SEARCH
            assert int(status["CapBnd"], 16) | int(status["CapEff"], 16) == SYS_PTRACE | DAC_READ_SEARCH
            assert int(status["CapAmb"], 16) == 0
            assert set(status["Uid"].split()) == {"0"}
        for status in (*agent.values(), *tracer.values()):
            assert status["Seccomp"] == SECCOMP_FILTER
            assert status["NoNewPrivs"] == "1"
        assert {Path(f"/proc/{pid}/root", TOKEN, "token").exists() for pid in agent} == {True}
        assert {Path(f"/proc/{pid}/root", TOKEN).exists() for pid in tracer} == {False}
        assert not [pid for pid in tracer if "serviceaccount" in Path(f"/proc/{pid}/mountinfo").read_text()]


def test_a_thread_that_traces_has_no_share_in_inotify(release: Release, traced: dict[str, str]) -> None:
    """Under the runtime's seccomp profile, which forbids unshare(2). Killed, it would let its tracees wait."""
    assert traced
    for pod in release.pods():
        (id_,) = (each["containerID"] for each in pod["status"]["containerStatuses"] if each["name"] == "tracer")
        own = [with_inotify(pid) for pid in processes_of(id_.rpartition("/")[2])]
        assert any(without and sharing for sharing, without in own), own


def with_inotify(pid: int) -> tuple[set[int], set[int]]:
    """The threads of this process that have an inotify descriptor, and those that have none."""
    sharing, without = set[int](), set[int]()
    for task in Path(f"/proc/{pid}/task").iterdir():
        links = {str(descriptor.readlink()) for descriptor in (task / "fd").iterdir()}
        (sharing if "anon_inode:inotify" in links else without).add(int(task.name))
    return sharing, without


def test_they_log_no_warning(release: Release, prometheus: Prometheus) -> None:
    """After they have found all that runs on their nodes, themselves included."""
    assert prometheus
    for pod in release.pods():
        name = pod["metadata"]["name"]
        for container in ("agent", "tracer"):
            said = release.cluster.kubectl("logs", "-n", release.namespace, name, "-c", container)
            assert warnings(said) == []


def test_prometheus_scrapes_both_nodes(release: Release, prometheus: Prometheus) -> None:
    def scraped() -> bool:
        targets = prometheus.targets()
        return len(targets) == 2 and all(each["health"] == "up" for each in targets)

    wait_for(scraped, what="both agents to be scraped", seconds=SECONDS)
    agents = {(each["metadata"]["name"], each["spec"]["nodeName"]) for each in release.pods()}
    for each in prometheus.targets():
        assert each["labels"]["job"] == "stracelet"
        assert each["labels"]["namespace"] == release.namespace
    # What is of no container has the agent's own name.
    found = {(labels["pod"], labels["node"]) for labels, _ in prometheus.query("stracelet_build_info")}
    assert found == agents


def test_what_is_traced_keeps_its_own_labels(
    release: Release, prometheus: Prometheus, traced: dict[str, str], namespace: str
) -> None:
    of_each = "stracelet_syscalls_total{syscall=~'kill|openat|open'}"
    expected = {(namespace, pod, container, node) for node, pod in traced.items() for container in PROGRAMS}

    def found() -> set[tuple[str, ...]]:
        keys = ("namespace", "pod", "container", "node")
        return {tuple(labels[key] for key in keys) for labels, _ in prometheus.query(of_each)}

    wait_for(lambda: found() >= expected, what="each traced container in Prometheus", seconds=SECONDS)
    assert found() == expected
    assert prometheus.query('{exported_namespace!=""}') == prometheus.query('{exported_pod!=""}') == []
    assert prometheus.query(f'{{namespace="{release.namespace}", __name__=~"stracelet_syscall.*"}}') == []


def test_every_panel_has_data(prometheus: Prometheus) -> None:
    for name, query in panels():
        wait_for_data(prometheus, query, what=name, seconds=SECONDS)


def test_every_rule_is_evaluated_and_meets_what_there_is(prometheus: Prometheus) -> None:
    assert prometheus.alerts().keys() == {rule["alert"] for rule in rules()} == MET | QUIET.keys()

    def as_expected() -> bool:
        return {name for name, rule in prometheus.alerts().items() if rule["state"] != "inactive"} == MET

    wait_for(as_expected, what=f"{MET} to hold, and no other", seconds=SECONDS)
    for name, rule in prometheus.alerts().items():
        assert (rule["health"], rule.get("lastError", "")) == ("ok", ""), name
    for name, (looked_at, _) in QUIET.items():
        wait_for_data(prometheus, looked_at, what=f"what {name} looks at", seconds=SECONDS)


def test_helms_test_passes(release: Release) -> None:
    def test(*flags: str) -> str:
        said = release.helm("test", "stracelet", "-n", release.namespace, *flags)
        assert re.search(r"Phase: +Succeeded", said)
        return said

    test()
    # Helm 3 looks for the logs when it has already removed the pod, as its hook asks for; Helm 4 may be too late too.
    if release.helm.program.name == "helm":
        wait_for(lambda: "2 of 2 agents are ready" in test("--logs"), what="the logs", seconds=SECONDS)


def test_a_changed_value_rolls_the_pods_and_no_change_does_not(release: Release) -> None:
    before = agents_uids(release)
    upgrade = ("upgrade", "stracelet", CHART, "-n", release.namespace, "--reuse-values", "--wait", "--timeout", "90s")
    done = release.helm.call(*upgrade)
    assert done.returncode == 0, done.stderr
    assert warnings(done.stderr) == []
    assert agents_uids(release) == before
    release.helm(*upgrade, "--set", "config.limits.containers=7")
    after = agents_uids(release)
    assert len(after) == 2
    assert not after & before


def test_what_is_uninstalled_is_gone_but_for_the_definition(release: Release) -> None:
    selector = ("-l", "app.kubernetes.io/instance=stracelet", "-o", "name")
    get = release.cluster.kubectl
    assert get("get", CLUSTERS_OWN, *selector).split()
    release.helm("uninstall", "stracelet", "-n", release.namespace, "--wait")
    assert get("get", CLUSTERS_OWN, *selector).split() == []
    all_of_it = "daemonsets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies"
    assert get("get", all_of_it, "-n", release.namespace, *selector).split() == []
    assert get("get", CRD, "-o", "name").strip() == "customresourcedefinition.apiextensions.k8s.io/traces.stracelet.io"


def test_helm_3_installs_upgrades_and_removes_it(cluster: Cluster, image: str) -> None:
    assert image == IMAGE
    with installed(cluster, Helm(cluster.tools / "helm3", cluster.kubeconfig), *ALL_AT_ONCE) as made:
        test_it_is_ready_and_nobody_is_warned(made)
        test_a_changed_value_rolls_the_pods_and_no_change_does_not(made)
        test_helms_test_passes(made)
        test_what_is_uninstalled_is_gone_but_for_the_definition(made)
