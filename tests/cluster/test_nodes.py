# SPDX-License-Identifier: Apache-2.0
"""Pods of a real cluster, seen and traced from the machine that its nodes run on.

The nodes have PID namespaces of their own, so a process in a pod has three PIDs: the machine's, which is what ptrace
takes, the node's, which is what the kubelet and the runtime know, and the container's.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Cluster, Pod, host_pids, run_pod
from tests.command import Command, calls, run, sections
from tests.images import wait_for
from tests.processes import task_status, traced_or_stopped
from tests.worker import known_calls, on_each_line, tell

KNOWN = f"""\
i=0; while [ $i -lt 1000 ]; do kill -0 $$; cd /tmp; i=$((i + 1)); done
{known_calls(10)}
"""
EXPECTED = {"kill": (1010, 10), "chdir": (1000, 0)}
PROGRAMS = {"worker": on_each_line(KNOWN), "sidecar": "sleep 1000000 & wait"}
PAUSE = "2147483647"
NODES = ["node-1", "node-2"]


@pytest.fixture(scope="module", params=NODES)
def pod(request: pytest.FixtureRequest, cluster: Cluster, namespace: str) -> Iterator[Pod]:
    made = run_pod(cluster, namespace, PROGRAMS, node=request.param)
    yield made
    cluster.kubectl("delete", "pod", "-n", namespace, made.name, "--now")


@pytest.fixture(autouse=True)
def _pod_notices_nothing(pod: Pod) -> Iterator[None]:
    """Whatever a test does: no task of the pod is left traced or stopped, and no container has been restarted."""
    before = every_pid(pod)
    yield
    assert before <= every_pid(pod)
    assert traced_or_stopped(every_pid(pod)) == []
    status = pod.read()["status"]
    assert status["phase"] == "Running"
    assert {each["name"]: each["restartCount"] for each in status["containerStatuses"]} == dict.fromkeys(PROGRAMS, 0)
    tell(partial(pod.exec, "worker"), "works")


def first_pid(pod: Pod, container: str) -> int:
    """The machine's PID of a container's first process; its children have other arguments, or the same by fork."""
    found = {pid for pid in host_pids(f"{pod.marker}-{container}") if levels(pid)[-1] == 1}
    assert len(found) == 1, found
    return found.pop()


def levels(pid: int) -> list[int]:
    return [int(each) for each in task_status(pid)[pid]["NSpid"].split()]


def every_pid(pod: Pod) -> set[int]:
    """The machine's PIDs of what has run in the pod from its start: its shells and the sidecar's sleep."""
    found = {first_pid(pod, container) for container in PROGRAMS}
    for pid in list(found):
        found |= {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return found


def listed(config: str, *arguments: str) -> list[Mapping[str, Any]]:
    done = run("ps", "-o", "json", "--config", config, *arguments)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["sources"]["cri"]["up"], document["sources"]
    containers: list[Mapping[str, Any]] = document["containers"]
    return containers


def test_ps_shows_names_and_the_pids_here_and_inside(pod: Pod, config: str) -> None:
    seen = pod.read()
    ids = {
        each["name"]: each["containerID"].removeprefix("containerd://") for each in seen["status"]["containerStatuses"]
    }
    found = {each["name"]: each for each in listed(config, f"pod/{pod.name}", "-n", pod.namespace)}
    assert set(found) == set(PROGRAMS)
    for name, container in found.items():
        assert (container["pod"], container["namespace"]) == (pod.name, pod.namespace)
        assert (container["runtime"], container["id"]) == ("containerd", ids[name])
        assert container["pod_uid"] == seen["metadata"]["uid"]
        processes = {each["pid"]: each for each in container["processes"]}
        assert processes[first_pid(pod, name)]["inside"] == 1
        for pid, process in processes.items():
            assert process["nspid"] == levels(pid)
            assert len(process["nspid"]) == 3
            assert (process["nspid"][0], process["nspid"][-1]) == (pid, process["inside"])
    assert {each["pid"] for container in found.values() for each in container["processes"]} == every_pid(pod)


def test_pause_containers_are_left_out(pod: Pod, config: str) -> None:
    pauses = {pid for pid in host_pids(PAUSE) if len(levels(pid)) == 3}
    assert pauses, "each pod has one"
    everything = listed(config, "-A")
    assert pod.name in {each["pod"] for each in everything}
    assert not pauses & {process["pid"] for each in everything for process in each["processes"]}


def test_what_a_container_calls_while_it_is_traced_is_counted_exactly(pod: Pod, config: str) -> None:
    target = ("trace", "-c", "--duration", "4s", "--config", config, f"pod/{pod.name}", "-n", pod.namespace)
    root = Path(f"/proc/{first_pid(pod, 'worker')}/root/tmp")
    with Command(*target) as trace:
        trace.says("tracing")
        wait_for(lambda: all(tracer(pid) for pid in every_pid(pod)), what="all of the pod is traced")
        (root / "go").write_text("now\n")
        assert (root / "done").read_text() == "now\n"
        assert trace.process.poll() is None, "it took longer than the trace"
        assert trace.wait() == 0
        found = sections(trace.out)
    tables = {heading.rpartition(" (")[0] or heading: table for heading, table in found.items()}
    worker, sidecar = (tables.pop(f"pod/{pod.name}/{container}") for container in PROGRAMS)
    assert {call: worker.get(call) for call in EXPECTED} == EXPECTED
    assert sidecar == {}
    assert list(tables) == ["total of 2 containers"], "no pause container"
    assert tables["total of 2 containers"] == worker


def tracer(pid: int) -> bool:
    return task_status(pid)[pid]["TracerPid"] != "0"


def test_what_kubectl_exec_runs_is_counted_as_strace_counts_it(pod: Pod, config: str) -> None:
    command = ["busybox", "sh", "-c", KNOWN]
    theirs = calls(subprocess.run(["strace", "-f", "-c", *command], capture_output=True, text=True, check=True).stderr)
    target = ("trace", "-c", "--duration", "4s", "--config", config, f"pod/{pod.name}/worker", "-n", pod.namespace)
    with Command(*target) as trace:
        trace.says("tracing")
        pod.exec("worker", *command)
        assert trace.process.poll() is None, "it took longer than the trace"
        assert trace.wait() == 0
        ours = calls(trace.out)
    # The runtime changes the working directory as it enters the container, before it executes the command.
    assert ours["kill"] == theirs["kill"] == EXPECTED["kill"]
    assert ours["execve"] == theirs["execve"]
    assert EXPECTED["chdir"][0] <= ours["chdir"][0] <= EXPECTED["chdir"][0] + 5
