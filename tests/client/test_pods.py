# SPDX-License-Identifier: Apache-2.0
"""Targets, what pods say of themselves, and whom they need."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from kubectl_strace.agents import MOST, Agent, agent_of, plan
from kubectl_strace.endings import objects
from kubectl_strace.errors import ClientError, NoAgent, UsageError
from kubectl_strace.pods import pod_of
from kubectl_strace.resolution import Group
from kubectl_strace.targets import Target, parse_target, selector_text
from kubectl_strace.traces import Trace


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("web-0", Target("pod", "web-0")),
        ("pod/web-0/nginx", Target("pod", "web-0", "nginx")),
        ("po/web.a", Target("pod", "web.a")),
        ("deployment/web", Target("deploy", "web")),
        ("sts/db/pg", Target("sts", "db", "pg")),
        ("Job/migrate", Target("job", "migrate")),
        ("deployment.apps/web", Target("deploy", "web")),
        ("jobs.batch/migrate", Target("job", "migrate")),
    ],
)
def test_a_target_is_kind_name_and_container(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "docker/redis",
        "deployment.batch/a",
        "pod.v1/a",
        "pid/1",
        "pod/",
        "pod/a/b/c",
        "UPPER",
        "a,b",
        "-n",
        "pod/../x",
        "é",
    ],
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text)


def test_a_selector_is_written_as_kubectl_takes_it() -> None:
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [
            {"key": "c", "operator": "In", "values": ["x", "y"]},
            {"key": "d", "operator": "NotIn", "values": ["z"]},
            {"key": "e", "operator": "Exists"},
            {"key": "f", "operator": "DoesNotExist"},
        ],
    }
    assert selector_text(selector, of="deploy/web") == "a=1,b=2,c in (x,y),d notin (z),e,!f"
    with pytest.raises(ClientError, match="deploy/web: it has no selector"):
        selector_text({}, of="deploy/web")


def pod(name: str = "web-0", node: str = "node-1", phase: str = "Running", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"nodeName": node, "containers": [{"name": "web"}], "initContainers": [{"name": "init"}]},
        "status": {"phase": phase, **status},
    }


def container(**state: Any) -> dict[str, Any]:
    return {"name": "web", "state": state}


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}


@pytest.mark.parametrize(
    ("status", "running", "why"),
    [
        ({"containerStatuses": [container(running={})]}, True, ""),
        ({"containerStatuses": [container(waiting={"reason": "ContainerCreating"})]}, False,
         "its containers are being created"),
        ({"containerStatuses": [container(waiting={"reason": "ImagePullBackOff", "message": "no such image"})]}, False,
         "container web: ImagePullBackOff: no such image"),
        ({"containerStatuses": [container(terminated={"reason": "OOMKilled"})]}, False, "container web: OOMKilled"),
        ({"conditions": [UNSCHEDULED]}, False, "not scheduled: 0/2 nodes are available"),
        ({"reason": "Evicted", "message": "disk"}, False, "Evicted: disk"),
        ({}, False, ""),
    ],
)  # fmt: skip
def test_a_pod_says_why_it_does_not_run(status: dict[str, Any], running: bool, why: str) -> None:
    found = pod_of(pod(**status))
    assert (found.running, found.why, found.containers) == (running, why, ("web", "init"))


def group(*nodes: str, **more: Any) -> Group:
    found = tuple(pod_of(pod(f"web-{at}", node)) for at, node in enumerate(nodes))
    return Group("shop", "deploy/web", found=found, **more)


AGENTS = [Agent("stracelet", f"s-{at}", f"node-{at}", "CrashLoopBackOff" if at == 3 else "") for at in range(1, 4)]


def test_a_pod_needs_the_agent_of_its_node() -> None:
    assert plan(group("node-2", pods=("web-0",)), AGENTS, endless=False).agents == (AGENTS[1],)
    with pytest.raises(NoAgent, match="web-0: no agent on node-9"):
        plan(group("node-9", pods=("web-0",)), AGENTS, endless=False)
    with pytest.raises(NoAgent, match=r"the agent on node-3 \(pod s-3\) is not ready: CrashLoopBackOff"):
        plan(group("node-3", pods=("web-0",)), AGENTS, endless=False)


def test_a_workload_needs_all_since_its_pods_may_come_anywhere() -> None:
    planned = plan(group("node-1", "node-3", selector="a=b"), AGENTS, endless=True)
    assert planned.agents == (AGENTS[0], AGENTS[1])
    assert not planned.watch
    assert planned.notes == ("not traced: web-1: the agent on node-3 (pod s-3) is not ready: CrashLoopBackOff",)


def test_of_many_nodes_those_are_asked_that_have_its_pods_and_it_is_said() -> None:
    many = [Agent("stracelet", f"s-{at}", f"node-{at}") for at in range(MOST + 1)]
    planned = plan(group("node-5", selector="a=b"), many, endless=True)
    assert [agent.node for agent in planned.agents] == ["node-5"]
    assert planned.watch
    assert "first exec" in planned.notes[0].replace("the first exec", "first exec")
    assert len(plan(group("node-5", selector="a=b"), many[:MOST], endless=True).agents) == MOST


def test_an_agent_is_ready_when_its_pod_is() -> None:
    ready = pod(conditions=[{"type": "Ready", "status": "True"}])
    assert agent_of(ready).why == ""
    assert agent_of(pod()).why == "Running, not ready"
    ready["metadata"]["deletionTimestamp"] = "now"
    assert agent_of(ready).why == "it is being deleted"


def test_a_trace_object_has_the_keys_hash_and_no_key() -> None:
    trace = Trace(group("node-1", selector="a=b", workload=("Deployment", "web"), containers=("web",)))
    manifest = trace.manifest(user="bob", filter_=["-e", "trace=file"], seconds=30.0, now=0.0)
    assert manifest["spec"] == {
        "user": "bob",
        "target": {"selector": "a=b", "workload": {"kind": "Deployment", "name": "web"}, "containers": ["web"]},
        "filter": ["-e", "trace=file"],
        "expires": "1970-01-01T00:05:30Z",
        "keyHash": hashlib.sha256(bytes.fromhex(trace.bearer)).hexdigest(),
    }
    assert len(trace.bearer) == 64
    assert trace.bearer not in str(manifest)
    assert trace.reference == f"shop/{manifest['metadata']['name']}"
    whole = trace.manifest(user="bob", filter_=[], seconds=None, now=0.0)
    assert whole["spec"]["expires"] == "1970-01-01T01:00:00Z"


def test_a_watch_is_objects_that_follow_one_another() -> None:
    text = '{\n    "a": {\n        "b": 1\n    }\n}\n{"c": 2}\n{\n    "d": "}"\n}\n'
    assert list(objects(iter(text.splitlines(keepends=True)))) == [{"a": {"b": 1}}, {"c": 2}, {"d": "}"}]
