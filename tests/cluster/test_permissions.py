# SPDX-License-Identifier: Apache-2.0
"""Who may have what traced, and read; by each kind of credential, and what becomes of these; what the agents may do."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.charts import Helm, Release, audited, installed, requests
from tests.cluster.client.test_kubectl_strace import BUSY, WEB, Client, deployment, names, prefixes, run
from tests.cluster.conftest import Cluster
from tests.cluster.identities import KINDS, Identity, identities, token
from tests.command import Command
from tests.images import wait_for
from tests.memory import held
from tests.processes import descendants

pytestmark = pytest.mark.timeout(1800)  # the first one builds the image

DEADLINE = 30.0
SCRAPER = "scraper"
TRACES = "/apis/stracelet.io/v1alpha1/namespaces/{}/traces"
# The agent's own code, with the agent's account; the pause alone is shorter.
SWEEP = """\
import asyncio
from stracelet.cluster import gate, trace_gate
gate.SWEEP_SECONDS = 0.2
asyncio.run(asyncio.wait_for(trace_gate("").sweep_for_ever(), 2))
"""


@pytest.fixture(scope="module")
def shop(namespace: str) -> str:
    """Where the users may trace."""
    return namespace


@pytest.fixture(scope="module")
def elsewhere(cluster: Cluster, shop: str) -> Iterator[str]:
    """Where they may look alone."""
    name = f"{shop}-other"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait", "--timeout=80s")


@pytest.fixture(scope="module")
def agents(cluster: Cluster, image: str, shop: str) -> Iterator[Release]:
    scraper = json.dumps([{"kind": "ServiceAccount", "name": SCRAPER, "namespace": shop}])
    monitored = json.dumps({"include": [{"namespaces": [shop]}]})
    with installed(
        cluster,
        Helm(cluster.tools / "helm", cluster.kubeconfig),
        *("--set", "config.metrics.auth=kubernetes", "--set-json", f"rbac.metricsSubjects={scraper}"),
        *("--set-json", f"config.monitor={monitored}"),
    ) as made:
        yield made


@pytest.fixture(scope="module")
def users(
    cluster: Cluster, agents: Release, shop: str, elsewhere: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Identity]]:
    """By kind: they may look at pods in both namespaces, reach the agents, and trace in `shop`."""
    with identities(cluster, shop, tmp_path_factory.mktemp("users")) as made:
        subjects = [each.subject for each in made]
        items = [
            _binding("look", shop, "ClusterRole", "view", subjects),
            _binding("look", elsewhere, "ClusterRole", "view", subjects),
            _binding("reach", agents.namespace, "Role", "stracelet-portforward", subjects),
            _binding("trace", shop, "ClusterRole", "stracelet-tracer", subjects),
        ]
        cluster.kubectl("create", "-f", "-", data=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        yield {each.kind: each for each in made}


def _binding(name: str, namespace: str, kind: str, role: str, subjects: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": subjects,
    }


@pytest.fixture(scope="module")
def web(cluster: Cluster, agents: Release, shop: str, elsewhere: str) -> Iterator[str]:
    """The same in both namespaces, but for what it calls; the name of the pod that may be traced."""
    for namespace, program in ((shop, WEB), (elsewhere, BUSY)):
        deployment(cluster, namespace, "web", {"web": program}, replicas=1, nodes=["node-1"], grace=0)
    (pod,) = names(cluster, shop, "web")
    yield pod
    # While the agents go; it is waited for afterwards.
    cluster.kubectl("delete", "deployment", "web", "-n", shop, "--wait=false")
    cluster.kubectl("delete", "namespace", elsewhere, "--wait=false")


@dataclass(frozen=True)
class Session:
    """What was seen while a user of each kind traced. `traces`: names by kind; `hashes`: of their keys, by name;
    `held`: what was found in the agents' memory; `held_here`: in that of each user's kubectl; `received`: all that the
    agents read; `logged`: by the agent of node-1 meanwhile; `printed`: by kind."""

    traces: Mapping[str, str]
    hashes: Mapping[str, str]
    held: set[bytes]
    held_here: Mapping[str, set[bytes]]
    received: str
    logged: str
    printed: Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def session(
    cluster: Cluster, agents: Release, users: Mapping[str, Identity], shop: str, web: str, tmp_path_factory: Any
) -> Session:
    """All of them trace at once, and the agents are traced by ourselves."""
    pods = agents.pods()
    ids = {each["containerID"].rpartition("/")[2] for pod in pods for each in pod["status"]["containerStatuses"]}
    processes = _processes(ids)
    assert len(processes) >= 3 * len(pods), "agent, supervisor, tracer"
    clients: dict[str, Client] = {}
    output = tmp_path_factory.mktemp("received") / "lines"
    with ExitStack() as stack:
        readers = [pid for pid, command in processes.items() if "--config" in command]
        assert len(readers) == len(pods)
        filter_ = ("-s", "4096", "-e", "trace=read,recvfrom,recvmsg,readv", "-o", str(output))
        capture = stack.enter_context(Command("trace", *(f"pid/{pid}" for pid in readers), *filter_))
        capture.says("tracing")
        wait_for(lambda: _are_read(pods, readers, output), what="each agent is traced", seconds=DEADLINE)
        (first,) = [pod["metadata"]["name"] for pod in pods if pod["spec"]["nodeName"] == "node-1"]
        # Followed, for a kubelet may begin another file at any time, and shows no more than that.
        logged = output.with_name("logged")
        stack.enter_context(_followed(cluster, logged, "-n", agents.namespace, first, "-c", "agent"))
        for kind, user in users.items():
            client = Client(agents, shop, "-l", "app=web", "-e", "trace=kill", *user.flags, kubeconfig=user.kubeconfig)
            clients[kind] = stack.enter_context(client)
        for client in clients.values():
            client.shows(r"kill\(4194305", times=5)
        objects = json.loads(cluster.kubectl("get", "traces.stracelet.io", "-n", shop, "-o", "json"))["items"]
        of_user = {each["spec"]["user"]: each for each in objects}
        traces = {kind: str(of_user[user.user]["metadata"]["name"]) for kind, user in users.items()}
        secrets = {secret for user in users.values() for secret in user.secrets}
        found = set[bytes]()
        for pid in processes:
            found |= held(pid, secrets | {name.encode() for name in traces.values()})
        here = {kind: _held_by_kubectl(client, users[kind].secrets) for kind, client in clients.items()}
        assert {client.end() for client in clients.values()} == {0}
        wait_for(lambda: logged.read_text().count('"trace ended"') == len(clients), what="their ends", seconds=DEADLINE)
        assert capture.interrupt() == 0
    return Session(
        traces=traces,
        hashes={str(each["metadata"]["name"]): str(each["spec"]["keyHash"]) for each in objects},
        held=found,
        held_here=here,
        received=output.read_text(errors="replace"),
        logged=logged.read_text(),
        printed={kind: client.lines for kind, client in clients.items()},
    )


@contextmanager
def _followed(cluster: Cluster, output: Path, *of: str) -> Iterator[None]:
    command = [cluster.tools / "kubectl", "--kubeconfig", cluster.kubeconfig, "logs", "--follow", *of]
    with output.open("wb") as file, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file) as following:
        try:
            yield
        finally:
            following.terminate()


def _are_read(pods: Sequence[Mapping[str, Any]], readers: Sequence[int], output: Path) -> bool:
    """An idle process is attached when it moves."""
    assert {_get(f"http://{pod['status']['podIP']}:9477/healthz")[0] for pod in pods} == {200}
    lines = output.read_text(errors="replace").splitlines()
    return all(any(str(pid) in line and "GET /healthz" in line for line in lines) for pid in readers)


def _processes(container_ids: set[str]) -> dict[int, str]:
    """The command line of each process of these containers, by the machine's PID."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and any(each in (entry / "cgroup").read_text() for each in container_ids):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
    return found


def _held_by_kubectl(client: Client, secrets: Sequence[bytes]) -> set[bytes]:
    forwards = [each for each in descendants(client.process.pid) if each.name == "kubectl"]
    return set[bytes]().union(*(held(each.pid, secrets) for each in forwards))


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_rule_it_is_refused_and_the_rule_is_named(
    cluster: Cluster, agents: Release, users: Mapping[str, Identity], elsewhere: str, web: str, kind: str
) -> None:
    user = users[kind]
    status, out, err = run(agents, elsewhere, "-l", "app=web", *user.flags, kubeconfig=user.kubeconfig)
    assert (status, out) == (4, "")
    assert f"{user.user} may not create traces.stracelet.io in the namespace {elsewhere}" in err
    assert f"kubectl create rolebinding strace -n {elsewhere} --clusterrole=stracelet-tracer --user={user.user}" in err
    assert [code for code, _ in _creations(cluster, user, elsewhere)] == [403]


@pytest.mark.parametrize("kind", KINDS)
def test_with_the_rule_the_pods_of_that_namespace_and_no_others(session: Session, web: str, kind: str) -> None:
    lines = session.printed[kind]
    assert prefixes(lines) == {f"{web}/web"}
    assert {found[1] for line in lines if (found := re.search(r"kill\((\d+), 0\)", line))} == {"4194305"}


@pytest.mark.parametrize("kind", KINDS)
def test_another_users_name_is_refused_by_the_policy(
    cluster: Cluster, agents: Release, users: Mapping[str, Identity], shop: str, kind: str
) -> None:
    user, other = users[kind], "mallory"
    done = user.kubectl(cluster, "create", "--raw", TRACES.format(shop), "-f", "-", data=_trace("forged", other))
    assert done.returncode != 0
    assert "ValidatingAdmissionPolicy" in done.stderr
    assert f'spec.user is "{other}", and the Trace is created by "{user.user}"' in done.stderr
    assert (403, "forged") in _creations(cluster, user, shop)


@pytest.mark.parametrize("kind", KINDS)
def test_can_i_tells_the_truth(
    cluster: Cluster, users: Mapping[str, Identity], shop: str, elsewhere: str, kind: str
) -> None:
    said = [
        users[kind].kubectl(cluster, "auth", "can-i", "create", "traces.stracelet.io", *where).stdout.strip()
        for where in (("-n", shop), ("-n", elsewhere), ("-A",))
    ]
    assert said == ["yes", "no", "no"]


@pytest.mark.parametrize("kind", KINDS)
def test_who_traced_is_in_the_clusters_log_and_in_ours(
    cluster: Cluster, users: Mapping[str, Identity], session: Session, shop: str, kind: str
) -> None:
    user, name = users[kind], session.traces[kind]
    assert (201, name) in _creations(cluster, user, shop)
    lines = [json.loads(line) for line in _about(f"{shop}/{name}", session.logged)]
    begun, ended = [line for line in lines if line["logger"] == "stracelet.audit"]
    assert (begun["message"], ended["message"]) == ("trace begun", "trace ended")
    assert {(line["user"], line["target"]) for line in (begun, ended)} == {(user.user, "-l app=web")}
    assert ended["outcome"] == "client"
    assert ended["seconds"] > 0


def _about(text: str, log: str) -> list[str]:
    return [line for line in log.splitlines() if text in line]


@pytest.mark.parametrize("kind", KINDS)
def test_no_credential_is_in_an_agents_memory(users: Mapping[str, Identity], session: Session, kind: str) -> None:
    assert session.traces[kind].encode() in session.held, "what an agent knows is found"
    assert session.held_here[kind], "what a kubectl knows is found"
    assert not session.held & set(users[kind].secrets)


@pytest.mark.parametrize("kind", KINDS)
def test_no_credential_is_in_what_an_agent_reads(
    users: Mapping[str, Identity], session: Session, shop: str, kind: str
) -> None:
    name = session.traces[kind]
    asked = [line for line in session.received.splitlines() if f"Stracelet-Trace: {shop}/{name}" in line]
    assert any("POST /v1/traces HTTP" in line for line in asked)
    keys = set(re.findall(r"Authorization: Bearer (\w+)", "".join(asked)))
    assert {hashlib.sha256(bytes.fromhex(key)).hexdigest() for key in keys} == {session.hashes[name]}
    assert not any(re.search(r'"\.\.\.', line) for line in asked), "a request that is cut off"
    for secret in users[kind].secrets:
        assert _as_shown(secret) not in session.received


def _as_shown(data: bytes) -> str:
    """As strace shows it, as far as there is one way to."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:o}" for byte in data)


def test_the_metrics_are_for_those_who_may_read_them(
    cluster: Cluster, agents: Release, users: Mapping[str, Identity], shop: str, web: str
) -> None:
    scraper, other, gone = (token(cluster, shop, account) for account in (SCRAPER, "reader", "gone"))
    cluster.kubectl("delete", "serviceaccount", "gone", "-n", shop)
    for pod in agents.pods():
        at = f"http://{pod['status']['podIP']}:9477"
        for path in ("/healthz", "/readyz"):
            assert _get(f"{at}{path}") == (200, "ok\n")
        assert _get(f"{at}/metrics") == (401, "no bearer token is given\n")
        for nobodys in ("a.b.c", gone):
            assert _get(f"{at}/metrics", nobodys) == (401, "the token is nobody's, or not valid any more\n")
        reader = f"system:serviceaccount:{shop}:reader"
        refused = f"{reader} may not get /metrics: a ClusterRole has to allow it\n"
        assert _get(f"{at}/metrics", other) == (403, refused)
        status, page = _get(f"{at}/metrics", scraper)
        assert status == 200
        assert "stracelet_build_info" in page


def test_doctor_asks_who_may_read_the_metrics(cluster: Cluster, agents: Release) -> None:
    pod = agents.pods()[0]["metadata"]["name"]
    where = ("exec", "-n", agents.namespace, pod, "-c", "agent", "--", "sh", "-c")
    said = cluster.kubectl(*where, "stracelet doctor --config /etc/stracelet/config.yaml; true")
    assert re.search(r"^ok +metrics\.auth +the API server says who may read the metrics$", said, re.MULTILINE), said


def test_what_an_agent_may_do_is_what_it_does(
    cluster: Cluster, agents: Release, users: Mapping[str, Identity], session: Session, shop: str
) -> None:
    """Monitoring, traces, metrics by token, and what is done once in ten minutes."""
    user = users["certificate"]
    made = user.kubectl(cluster, "create", "--raw", TRACES.format(shop), "-f", "-", data=_trace("over", user.user))
    assert made.returncode == 0, made.stderr
    pod = agents.pods()[0]
    at = f"http://{pod['status']['podIP']}:9477"
    assert _get(f"{at}/metrics", cluster.kubectl("create", "token", "default", "-n", shop).strip())[0] == 403
    where = ("exec", "-n", agents.namespace, pod["metadata"]["name"], "-c", "agent", "--")
    cluster.kubectl(*where, "sh", "-c", f"python3 -c '{SWEEP}' 2>&1 | grep TimeoutError")
    get = ("get", "traces.stracelet.io", "over", "-n", shop, "--ignore-not-found", "-o", "name")
    assert not cluster.kubectl(*get), "it was swept away"

    account = f"system:serviceaccount:{agents.namespace}:stracelet"
    assert audited(cluster, account) == _granted(cluster, agents.namespace)
    assert not [event for event in _events(cluster, account) if event["responseStatus"]["code"] in (401, 403)]
    assert not [event for event in _events(cluster, account) if "objectRef" not in event], "nothing but resources"


def _granted(cluster: Cluster, namespace: str) -> set[tuple[str, str, str]]:
    """By all roles, of the agents' account."""
    found = set()
    bindings = json.loads(cluster.kubectl("get", "rolebindings,clusterrolebindings", "-A", "-o", "json"))["items"]
    account = {"kind": "ServiceAccount", "name": "stracelet", "namespace": namespace}
    for binding in bindings:
        if account not in binding.get("subjects", []):
            continue
        role = binding["roleRef"]
        inside = ("-n", binding["metadata"]["namespace"]) if role["kind"] == "Role" else ()
        rules = json.loads(cluster.kubectl("get", role["kind"], role["name"], *inside, "-o", "json"))["rules"]
        found |= requests(rules)
    return found


def _trace(name: str, user: str) -> str:
    spec = {"user": user, "target": {"pods": ["web"]}, "expires": "2020-01-01T00:00:00Z", "keyHash": "0" * 64}
    return json.dumps(
        {"apiVersion": "stracelet.io/v1alpha1", "kind": "Trace", "metadata": {"name": name}, "spec": spec}
    )


def _creations(cluster: Cluster, user: Identity, namespace: str) -> list[tuple[int, str]]:
    """Status and name of all that a user has asked for, as the cluster's audit log has it."""
    return [
        (event["responseStatus"]["code"], event["objectRef"].get("name", ""))
        for event in _events(cluster, user.user)
        if event["verb"] == "create"
        and event.get("objectRef", {}).get("resource") == "traces"
        and event["objectRef"].get("namespace") == namespace
    ]


def _events(cluster: Cluster, user: str) -> list[Mapping[str, Any]]:
    """Of requests that are over."""
    log = (cluster.kubeconfig.parent / "log/audit.log").read_text()
    events = [json.loads(line) for line in log.splitlines() if user in line]
    who: Callable[[Any], str] = lambda event: event.get("impersonatedUser", event["user"]).get("username", "")  # noqa: E731
    return [event for event in events if who(event) == user and event["stage"] == "ResponseComplete"]


def _get(url: str, bearer: str = "") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=DEADLINE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
