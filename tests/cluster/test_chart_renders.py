# SPDX-License-Identifier: Apache-2.0
"""The chart as Helm 4 and Helm 3 render it, with no cluster."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stracelet import config
from tests.cluster.charts import CHART, ROOT, TEMPLATE, Helm, of_kind, requests
from tests.cluster.conftest import unpacked

LOCAL = ROOT / "manifests/stracelet.yaml"
EVERYTHING = (
    *("--set", "prometheus.discovery=serviceMonitor,prometheus.rules=true,grafana.dashboards=true,openshift.scc=true"),
    *("--set", "cri.socket=/run/containerd/containerd.sock,tls.secretName=certificate,config.metrics.auth=kubernetes"),
    *("--set", "rbac.aggregateTo={admin,edit},priorityClassName=high,podLabels.team=a,image.digest=sha256:" + "0" * 64),
)
NOBODY_KNOWS = ("--set-string", "config.sources.kubernetes=off", "--set", "cri.socket=/run/containerd/containerd.sock")


@pytest.fixture(scope="module")
def tools() -> Path:
    return unpacked()


@pytest.fixture(scope="module", params=["helm", "helm3"])
def helm(request: pytest.FixtureRequest, tools: Path) -> Helm:
    return Helm(tools / request.param)


@pytest.mark.parametrize("options", [(), EVERYTHING, NOBODY_KNOWS], ids=["defaults", "everything", "by CRI"])
def test_lint_finds_nothing(helm: Helm, options: tuple[str, ...]) -> None:
    said = helm("lint", "--strict", CHART, *options)
    assert "0 chart(s) failed" in said
    assert "[WARNING]" not in said


def test_the_manifests_are_the_charts(tools: Path) -> None:
    made = subprocess.run(
        [ROOT / "tools/manifests"],
        env={**os.environ, "HELM": str(tools / "helm")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert LOCAL.read_text() == made, "make manifests"


def test_both_helms_make_the_same(tools: Path) -> None:
    assert Helm(tools / "helm").rendered(*EVERYTHING) == Helm(tools / "helm3").rendered(*EVERYTHING)


def test_every_object_has_the_recommended_labels(helm: Helm) -> None:
    wanted = {
        f"app.kubernetes.io/{each}" for each in ("name", "instance", "component", "part-of", "version", "managed-by")
    }
    objects = helm.rendered(*EVERYTHING)
    assert len(objects) > 15
    assert {each["kind"]: wanted - each["metadata"]["labels"].keys() for each in objects} == {
        each["kind"]: set() for each in objects
    }


def test_an_agent_has_these_rights_and_no_other(helm: Helm) -> None:
    role = of_kind(helm.rendered(), "ClusterRole", "stracelet-agent")
    traces = {(verb, "stracelet.io", "traces") for verb in ("get", "list", "delete")}
    assert requests(role["rules"]) == {("list", "", "pods"), ("watch", "", "pods"), *traces}
    asking = of_kind(helm.rendered("--set", "config.metrics.auth=kubernetes"), "ClusterRole", "stracelet-agent")
    assert requests(asking["rules"]) - requests(role["rules"]) == {
        ("create", "authentication.k8s.io", "tokenreviews"),
        ("create", "authorization.k8s.io", "subjectaccessreviews"),
    }


def test_by_cri_alone_it_has_no_token_and_the_sockets_group(helm: Helm) -> None:
    objects = helm.rendered(*NOBODY_KNOWS)
    assert not [each for each in objects if each["kind"] in ("ClusterRole", "ClusterRoleBinding", "Role")]
    pod = of_kind(objects, "DaemonSet")["spec"]["template"]["spec"]
    assert pod["securityContext"]["supplementalGroups"] == [0]
    mounts = {each["name"]: {mount["name"] for mount in each["volumeMounts"]} for each in pod["containers"]}
    assert mounts == {"agent": {"config", "run", "cgroup", "cri"}, "tracer": {"run", "cgroup"}}
    reviewing = helm.rendered(*NOBODY_KNOWS, "--set", "config.metrics.auth=kubernetes")
    assert {resource for _, _, resource in requests(of_kind(reviewing, "ClusterRole", "stracelet-agent")["rules"])} == {
        "tokenreviews",
        "subjectaccessreviews",
    }


def test_without_traces_nobody_has_a_right_to_them(helm: Helm) -> None:
    objects = helm.rendered("--set-string", "config.api.listen=off")
    role = of_kind(objects, "ClusterRole")
    assert requests(role["rules"]) == {("list", "", "pods"), ("watch", "", "pods")}


@pytest.mark.parametrize("options", [(), EVERYTHING, NOBODY_KNOWS], ids=["defaults", "everything", "by CRI"])
def test_the_agent_understands_its_configuration(helm: Helm, options: tuple[str, ...]) -> None:
    settings = config.load(of_kind(helm.rendered(*options), "ConfigMap", "stracelet")["data"]["config.yaml"])
    assert (settings.tracer_socket, settings.cgroup_root) == ("/run/stracelet/tracer.sock", "/host/cgroup")
    assert settings.checkpoint == ("" if options == NOBODY_KNOWS else "/var/lib/stracelet/pods.json")
    assert settings.sources.kubernetes == ("off" if options == NOBODY_KNOWS else "auto")
    assert settings.api.listen == ("off" if options == NOBODY_KNOWS else "127.0.0.1:9478")
    assert settings.sources.cri == (("/run/containerd/containerd.sock",) if options else "off")
    assert (settings.metrics.tls is not None) == (options == EVERYTHING)
    assert settings.metrics.auth == ("kubernetes" if options == EVERYTHING else "none")


def test_who_traces_needs_these_rights(helm: Helm) -> None:
    objects = helm.rendered()
    role = of_kind(objects, "ClusterRole", "stracelet-tracer")
    assert requests(role["rules"]) == {
        *((verb, "", "pods") for verb in ("get", "list", "watch")),
        *(("get", "apps", kind) for kind in ("deployments", "statefulsets", "daemonsets")),
        ("get", "batch", "jobs"),
        *((verb, "stracelet.io", "traces") for verb in ("create", "get", "delete")),
    }
    assert not [label for label in role["metadata"]["labels"] if "aggregate" in label]
    forward = of_kind(objects, "Role", "stracelet-portforward")
    assert requests(forward["rules"]) == {
        *((verb, "", "pods") for verb in ("get", "list")),
        *((verb, "", "pods/portforward") for verb in ("get", "create")),
    }


def test_a_pod_has_what_it_needs_and_no_more(helm: Helm) -> None:
    pod = of_kind(helm.rendered(), "DaemonSet")["spec"]["template"]["spec"]
    agent, tracer = (each["securityContext"] for each in pod["containers"])
    assert pod["hostPID"] is True
    assert not pod.keys() & {"hostNetwork", "hostIPC", "tolerations", "priorityClassName"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert agent["capabilities"] == {"drop": ["ALL"]}
    assert (agent["runAsUser"], agent["runAsNonRoot"]) == (65532, True)
    assert tracer["capabilities"] == {"drop": ["ALL"], "add": ["SYS_PTRACE", "DAC_READ_SEARCH"]}
    for each in (agent, tracer):
        assert each["readOnlyRootFilesystem"] is True
        assert each["allowPrivilegeEscalation"] is False
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    mounts = {each["name"]: {mount["name"] for mount in each["volumeMounts"]} for each in pod["containers"]}
    assert mounts == {"agent": {"config", "run", "cgroup", "state", "token"}, "tracer": {"run", "cgroup"}}
    assert [each["hostPath"]["path"] for each in pod["volumes"] if "hostPath" in each] == ["/sys/fs/cgroup"]


def test_the_rule_object_is_the_plain_file(helm: Helm) -> None:
    rule = of_kind(helm.rendered("--set", "prometheus.rules=true"), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((CHART / "rules/stracelet.yaml").read_text())


@pytest.mark.parametrize("discovery", ["podMonitor", "serviceMonitor", "scrapeConfig"])
def test_prometheus_keeps_the_labels_of_the_traced(helm: Helm, discovery: str) -> None:
    objects = helm.rendered("--set", f"prometheus.discovery={discovery}")
    config: Any
    if discovery == "scrapeConfig":
        data = of_kind(objects, "ConfigMap", "stracelet-scrape")["data"]
        (config,) = yaml.safe_load(data["stracelet.yaml"])["scrape_configs"]
        assert config["honor_labels"] is True
        assert yaml.safe_load(data["rules.yaml"]) == yaml.safe_load((CHART / "rules/stracelet.yaml").read_text())
        return
    monitor = of_kind(objects, "PodMonitor" if discovery == "podMonitor" else "ServiceMonitor")
    (config,) = monitor["spec"]["podMetricsEndpoints" if discovery == "podMonitor" else "endpoints"]
    assert config["honorLabels"] is True


def test_where_readers_are_asked_for_a_token_prometheus_sends_one(helm: Helm) -> None:
    own = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    subject = "--set=rbac.metricsSubjects[0].kind=ServiceAccount,rbac.metricsSubjects[0].name=prometheus"
    asked = ("--set=config.metrics.auth=kubernetes", subject)

    objects = helm.rendered(*asked, "--set=prometheus.discovery=scrapeConfig")
    data = of_kind(objects, "ConfigMap", "stracelet-scrape")["data"]
    (scraped,) = yaml.safe_load(data["stracelet.yaml"])["scrape_configs"]
    assert scraped["authorization"] == {"credentials_file": own}
    reader = of_kind(objects, "ClusterRole", "stracelet-metrics")
    assert reader["rules"] == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    bound = of_kind(objects, "ClusterRoleBinding", "stracelet-metrics")
    assert bound["subjects"] == [{"kind": "ServiceAccount", "name": "prometheus"}]
    assert bound["roleRef"]["name"] == "stracelet-metrics"

    monitor = of_kind(helm.rendered(*asked, "--set=prometheus.discovery=serviceMonitor"), "ServiceMonitor")
    assert monitor["spec"]["endpoints"][0]["bearerTokenFile"] == own

    by_pod = (*asked, "--set=prometheus.discovery=podMonitor")
    refused = helm.call(*TEMPLATE, *by_pod)
    assert refused.returncode != 0
    assert "prometheus.endpoint.authorization" in refused.stderr
    secret = {"credentials": {"name": "scraper", "key": "token"}}
    told = f"--set-json=prometheus.endpoint.authorization={json.dumps(secret)}"
    (endpoint,) = of_kind(helm.rendered(*by_pod, told), "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert endpoint["authorization"] == secret

    assert not [each for each in helm.rendered() if each["metadata"]["name"] == "stracelet-metrics"]


def test_monitors_are_made_where_their_api_is_there(helm: Helm) -> None:
    def kinds(*options: str) -> set[str]:
        return {each["kind"] for each in helm.rendered(*options)}

    theirs = {"PodMonitor", "PrometheusRule"}
    assert not kinds() & {*theirs, "SecurityContextConstraints"}
    there = [f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in theirs]
    assert theirs <= kinds(*there)
    assert "SecurityContextConstraints" in kinds("--api-versions=security.openshift.io/v1/SecurityContextConstraints")


def test_nothing_that_names_containers_is_refused(helm: Helm) -> None:
    done = helm.call(*TEMPLATE, "--set-string", "config.sources.kubernetes=off")
    assert done.returncode != 0
    assert "nothing would tell the containers' names" in done.stderr


def test_a_wrong_value_is_named(helm: Helm) -> None:
    for wrong in (":9478", "127.0.0.1:9479"):  # nobody's loopback; where no client looks
        done = helm.call(*TEMPLATE, "--set", f"config.api.listen={wrong}")
        assert done.returncode != 0
        assert "listen" in done.stderr
