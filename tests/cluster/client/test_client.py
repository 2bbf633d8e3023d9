# SPDX-License-Identifier: Apache-2.0
"""`kubectl strace` as it is used: its commands and flags, how it ends, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.charts import Release
from tests.cluster.client.conftest import PER_USER
from tests.cluster.client.shop import SECONDS, Shop, moment, program
from tests.cluster.client.test_kubectl_strace import BUSY, COMMAND, RESTRICTED, prefixes
from tests.cluster.conftest import Cluster
from tests.images import wait_for

pytestmark = pytest.mark.timeout(1800)  # the first one builds the image

# A parent that stays, and a child for each turn that is another program; each makes a call of a known kind.
WORK = "while :; do kill -0 4194305 2>/dev/null; cat /etc/passwd >/dev/null; sleep 0.1; done"
FLOOD = "while :; do kill -0 4194304 2>/dev/null; done"
AT_ONCE = 5.0  # an end that waits for nobody, on a busy machine


@pytest.fixture(scope="module")
def shop(cluster: Cluster, agents: Release, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = Shop(agents, namespace, f"marker-{uuid.uuid4().hex}", {}, tmp_path_factory.mktemp("home"))

    with ThreadPoolExecutor() as pool:
        for done in [
            pool.submit(made.deploy, "web", {"web": WORK, "log": WORK}),
            pool.submit(made.deploy, "safe", {"web": WORK, "log": WORK}, rights=RESTRICTED),
            pool.submit(made.deploy, "other", {"web": BUSY}),
        ]:
            done.result()
    return made


@pytest.mark.parametrize("app", ["web", "safe"])
def test_every_process_of_its_containers_and_nobody_elses_in_the_order_of_time(shop: Shop, app: str) -> None:
    pods = shop.pods(app)
    with shop.client(f"deploy/{app}", "--format", "json", "-y", "-e", "trace=kill,sendfile,execve") as client:
        for pod in pods:
            for container in ("web", "log"):
                of = rf'"pod": ?"{pod}", ?"container": ?"{container}"'
                client.shows(rf'{of}.*"syscall": ?"sendfile".*"duration"', times=3)  # two of each child
        assert client.end() == 0
    records = [json.loads(line) for line in client.lines]
    assert {(each["namespace"], each["pod"], each["container"]) for each in records} == {
        (shop.namespace, pod, container) for pod in pods for container in ("web", "log")
    }
    assert {each["node"] for each in records} == {"node-1", "node-2"}
    calls = [each for each in records if "duration" in each]
    assert (returned := list(map(moment, calls))) == sorted(returned)
    for pod in pods:
        of = [each for each in calls if (each["pod"], each["container"]) == (pod, "web")]
        kills = [each for each in of if each["syscall"] == "kill"]
        assert {(each["comm"], each["vpid"], each["args"][0]["text"]) for each in kills} == {("sh", 1, "4194305")}
        assert {"cat", "sleep"} <= {
            each["argv"][0] for each in records if each["pod"] == pod and each["type"] == "exec"
        }
        sent = [each for each in of if each["syscall"] == "sendfile"]
        assert {each["args"][1]["text"].partition("<")[2] for each in sent} == {"/etc/passwd>"}
        assert len({each["vpid"] for each in sent}) >= 2, "each child is another process"


def test_what_is_called_goes_into_files_here(shop: Shop, tmp_path: Path) -> None:
    pod = shop.pods("web")[0]
    begun = time.monotonic()
    status, out, err = shop.run(pod, "-e", "trace=kill", "-o", str(tmp_path / "out"), "--duration", "4s")
    assert (status, out) == (0, ""), err
    assert 4 <= time.monotonic() - begun < 4 + AT_ONCE
    assert prefixes((tmp_path / "out").read_text().splitlines()) == {f"{pod}/web", f"{pod}/log"}

    status, out, err = shop.run("record", "-w", str(tmp_path / "rec"), "-l", "app=web", "--limit", "20")
    assert (status, out) == (0, ""), err
    records = [json.loads(line) for line in (tmp_path / "rec").read_text().splitlines()]
    assert len(records) == 20
    assert {each["pod"] for each in records} <= set(shop.pods("web"))
    replayed = subprocess.run(
        [COMMAND.with_name("stracelet"), "replay", tmp_path / "rec"], capture_output=True, text=True, check=False
    )
    assert replayed.returncode == 1
    assert "JSON" in replayed.stderr, "it says what that file is"


def test_a_table_until_it_is_interrupted(shop: Shop) -> None:
    pod = shop.pods("safe")[0]
    with shop.client("-c", f"pod/{pod}/web", "-e", "trace=kill") as client:
        client.says("attached")
        for _ in range(3):  # of a turn's children: its call has been made by then
            assert shop.goes_on("safe")
        assert client.end() == 0
    assert re.search(r"^100\.00 .* kill$", client.out, re.MULTILINE), client.out
    assert f"{pod}" not in client.out.replace(f"{shop.namespace}/{pod}/web", ""), "of one container, no other"


def test_a_pod_that_is_pending(shop: Shop) -> None:
    name = f"late-{uuid.uuid4().hex[:6]}"
    spec = {
        "schedulingGates": [{"name": "stracelet.io/test"}],
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [program("only", "kill -0 4194305; sleep 0.5; exit 3")],
    }
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    shop.cluster.kubectl("create", "-n", shop.namespace, "-f", "-", data=json.dumps(document))
    status, out, err = shop.run(f"pod/{name}")
    assert (status, out) == (1, "")
    assert re.fullmatch(
        rf"kubectl-strace: pod/{name} does not run yet \(not scheduled: .*\): --wait waits for it\n", err
    )
    with shop.client(f"pod/{name}", "--wait", "-e", "trace=execve,kill") as client:
        client.says("waiting for containers of pod/")
        gone = json.dumps([{"op": "remove", "path": "/spec/schedulingGates"}])
        shop.cluster.kubectl("patch", "pod", name, "-n", shop.namespace, "--type=json", "-p", gone)
        client.shows(rf"^{name}/only .*\+\+\+ exited with 3 \+\+\+")
        assert client.end() == 0
    assert re.match(rf'{name}/only .*execve\("/bin/sh"', client.lines[0])
    assert any("kill(4194305, 0)" in line for line in client.lines)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_it_ends_nothing_is_traced_any_more(shop: Shop, how: signal.Signals) -> None:
    with shop.client("deploy/safe", "-e", "trace=kill") as client:
        for pod in shop.pods("safe"):
            client.shows(rf"^{pod}/web .*kill", times=2)
        assert "0" not in shop.tracers("safe")
        assert len(shop.traces()) == 1
        client.process.send_signal(how)
        shop.let_go("safe", within=SECONDS if how == signal.SIGKILL else AT_ONCE)
        assert client.process.wait(AT_ONCE) == (-how if how == signal.SIGKILL else 0)
    if how == signal.SIGKILL:  # what nobody deletes the agents do, some time after it has expired
        shop.cluster.kubectl("delete", "traces.stracelet.io", "-n", shop.namespace, "--all")
    assert shop.traces() == []


@pytest.fixture
def flood(shop: Shop) -> Iterator[None]:
    """A pod that does nothing but system calls, no longer than it has to: nothing else gets a CPU."""
    shop.deploy("flood", {"web": FLOOD}, replicas=1)
    yield
    shop.cluster.kubectl("delete", "deployment", "flood", "-n", shop.namespace, "--grace-period=0")


@pytest.mark.usefixtures("flood")
def test_a_reader_that_closes_ends_it(shop: Shop) -> None:
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            shop.command("deploy/flood"), stdout=subprocess.PIPE, stderr=err, env=shop.environment
        )
        with process:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert b" | " in first, os.pread(err.fileno(), 4096, 0)
            process.stdout.close()
            assert process.wait(AT_ONCE) == 0
    shop.let_go("flood", within=SECONDS)
    assert shop.traces() == []


@pytest.mark.usefixtures("flood")
def test_a_reader_that_reads_nothing_does_not_keep_it(shop: Shop) -> None:
    """Of a flood, which fills all that is on the way; what it has to say goes the same way."""
    process = subprocess.Popen(
        shop.command("deploy/flood"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=shop.environment
    )
    with process:
        assert process.stdout is not None
        assert b"attached to" in process.stdout.readline()
        wait_for(lambda: "0" not in shop.tracers("flood"), what="it is traced", seconds=SECONDS)
        wait_for(lambda: blocked(process.pid), what="it cannot write", seconds=SECONDS)
        begun = time.monotonic()
        process.terminate()
        assert process.wait(SECONDS) == 0
        assert time.monotonic() - begun < 2 * AT_ONCE
    shop.let_go("flood", within=SECONDS)
    assert shop.traces() == []


def blocked(pid: int) -> bool:
    """Whether one of its threads waits for somebody to read a pipe."""
    return any("pipe_write" in each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/wchan"))


def errors(shop: Shop) -> list[tuple[list[str], int, str]]:
    """Arguments, the exit status, and what the line says."""
    pod, where = shop.pods("web")[0], f"there is none in the namespace {shop.namespace}"
    with socket.socket() as closed:  # a port at which nobody listens
        closed.bind(("127.0.0.1", 0))
        nowhere = f"https://127.0.0.1:{closed.getsockname()[1]}"
    return [
        ([], 2, "nothing to trace: no TARGET"),
        ([pod, "--lossless"], 2, "--lossless: it would make a shared container wait"),
        ([pod, "--no-such-flag"], 2, "--no-such-flag"),
        ([pod, "-e", "trace=nosuchcall"], 1, "nosuchcall"),
        ([pod[:-1]], 3, rf"pod/{pod[:-1]}: {where}: did you mean .*{pod}"),
        (["deploy/wub"], 3, f"deploy/wub: {where}: did you mean web"),
        ([f"pod/{pod}/wob"], 3, f"pod/{pod} has no container wob: it has web, log"),
        (
            ["deploy/web", "--container", "wob"],
            3,
            "deploy/web/wob: none of its pods has a container wob: they have log, web",
        ),
        (["-l", "app=nothing"], 3, "-l app=nothing: it has no pods now: --wait waits for them"),
        ([f"pod/{pod}/web", "--container", "log"], 2, "name different containers"),
        ([pod, "--agent-namespace", "default"], 1, "no agent in the namespace default: .*--agent-namespace"),
        ([pod, "--context", "nowhere"], 1, "nowhere"),
        ([pod, "--server", nowhere], 1, "no answer from the API server: "),
        ([pod, "--kubeconfig", "/nonexistent"], 1, "/nonexistent"),
        ([pod, "--request-timeout", "1us"], 1, "no answer from the API server: "),
        ([pod, "-o", "/nonexistent/out"], 1, "-o /nonexistent/out: it cannot be written: No such file or directory"),
    ]


def test_what_is_wrong_is_one_line(shop: Shop) -> None:
    def tried(case: tuple[list[str], int, str]) -> None:
        arguments, expected, line = case
        done = shop.refused(*arguments)
        assert (done.returncode, done.stdout) == (expected, ""), f"{arguments}: {done.stderr}"
        assert re.fullmatch(rf"kubectl-strace: .*{line}.*\n", done.stderr), f"{arguments}: {done.stderr}"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tried, errors(shop)))
    assert shop.traces() == []


def test_without_kubectl_it_says_so(shop: Shop) -> None:
    done = subprocess.run(
        shop.command("web"), env={"PATH": "/nonexistent"}, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("kubectl-strace: kubectl is not on the PATH: ")
    assert done.stderr.count("\n") == 1


def test_kubectl_finds_it_and_its_completion(shop: Shop, tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl", path=str(shop.cluster.tools))
    assert kubectl is not None
    where = shop.command()[1:]
    environment = {**shop.environment, "KUBECONFIG": str(shop.cluster.kubeconfig)}

    def asked(*arguments: str | Path) -> str:
        done = subprocess.run(
            [kubectl, *arguments], env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    found = json.loads(asked("strace", "ps", "-o", "json", *where))["containers"]
    both = {(each["pod"], each["container"], each["node"]) for each in found if each["pod"] in shop.pods("web")}
    assert len(both) == 4
    assert {node for _, _, node in both} == {"node-1", "node-2"}
    offered = asked("__complete", "strace", "-n", shop.namespace, "pod/web").splitlines()
    assert set(shop.pods("web")) == {each.removeprefix("pod/") for each in offered if each.startswith("pod/")}


@pytest.fixture
def stores(cluster: Cluster, agents: Release) -> Iterator[list[str]]:
    """A pod in each of more namespaces than a user may have traces; all have the first one's name as their label."""
    made = [f"store-{at}-{uuid.uuid4().hex[:6]}" for at in range(PER_USER + 1)]

    def create(items: Sequence[Mapping[str, Any]]) -> None:
        cluster.kubectl("create", "-f", "-", data=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def pod(namespace: str, at: int) -> Mapping[str, Any]:
        metadata = {"name": "only", "namespace": namespace, "labels": {"app": made[0]}}
        spec = {
            "nodeName": f"node-{at % 2 + 1}",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [program("only", WORK)],
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    create([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in made])
    try:
        account = ("get", "serviceaccount", "default", "-o", "name", "--ignore-not-found", "-n")
        for name in made:
            wait_for(lambda name=name: cluster.kubectl(*account, name), what="its service account", seconds=SECONDS)
        create([pod(name, at) for at, name in enumerate(made)])
        cluster.kubectl("wait", "--for=condition=Ready", "pods", "-A", "-l", f"app={made[0]}", "--timeout=60s")
        yield made
    finally:
        cluster.kubectl("delete", "namespace", *made, "--wait", "--timeout=80s")


def test_namespaces_that_the_agents_have_no_room_for_are_named(shop: Shop, stores: Sequence[str]) -> None:
    selector = ("-A", "-l", f"app={stores[0]}")
    status, out, err = shop.run(*selector, "--format", "json", "-e", "trace=kill", "--duration", "3s")
    assert status == 1
    assert {json.loads(line)["namespace"] for line in out.splitlines()} == set(stores[:PER_USER])
    assert re.search(
        rf"^kubectl-strace: not traced: the namespace {stores[-1]}: node-\d: {PER_USER} traces of \S+ run here "
        r"already \(limits.traces_per_user\)$",
        err,
        re.MULTILINE,
    ), err
    status, out, err = shop.run("ps", *selector)
    assert status == 0, err
    assert [line.split()[0] for line in out.splitlines()[1:]] == list(stores), "to be listed there is room for all"
    for where in ("pod/only", "only"):
        status, out, err = shop.run(where, "-A")
        assert (status, out) == (2, "")
        assert f"pod/only is in several namespaces: {', '.join(stores)}; name one with -n" in err
