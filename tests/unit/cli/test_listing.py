# SPDX-License-Identifier: Apache-2.0
"""What `ps` prints of a container."""

from dataclasses import replace

from stracelet.cli.listing import Listed, as_json, columns, missing, table, target_of
from stracelet.containers.model import Container, Pod, SourceState
from stracelet.containers.procfs import Process

REDIS = Container(
    id="3f" * 32,
    runtime="docker",
    name="redis",
    image="redis:7",
    labels={"a": "b"},
    pod=None,
    compose_project="",
    compose_service="",
    status="running",
    cgroups=("/sys/fs/cgroup/docker/" + "3f" * 32,),
    sources=("docker", "cgroup"),
    sandbox=False,
)
WEB = replace(REDIS, id="4a" * 32, runtime="containerd", name="nginx", pod=Pod("shop", "web-0", "uid", {}))
PROCESSES = tuple(Process(100 + i, 0, "redis", "S", (100 + i, 10 + i, 1 + i), 0, 0) for i in range(6))


def test_plain_rows_have_a_word_in_every_column() -> None:
    text = columns(table([Listed(REDIS, PROCESSES[:1]), Listed(WEB, ())], wide=False, cut=True))
    heading, redis, web = (line.split() for line in text.splitlines())
    assert heading == ["NAME", "POD", "RUNTIME", "ID", "STATUS", "PIDS", "INSIDE", "IMAGE"]
    assert redis == ["redis", "-", "docker", "3f3f3f3f3f3f", "running", "100", "1", "redis:7"]
    assert web == ["nginx", "shop/web-0", "containerd", "4a4a4a4a4a4a", "running", "-", "-", "redis:7"]


def test_pods_have_a_column_only_where_there_are_pods() -> None:
    assert "POD" not in table([Listed(REDIS, ())], wide=False, cut=True)[0]


def test_many_pids_are_cut_and_counted_unless_all_are_wanted() -> None:
    cut = table([Listed(REDIS, PROCESSES)], wide=False, cut=True)
    assert cut[1][4:6] == ("100,101,102,103,+2", "1,2,3,4,+2")
    whole = table([Listed(REDIS, PROCESSES)], wide=True, cut=False)
    assert whole[1][2] == "3f" * 32
    assert whole[1][4] == "100,101,102,103,104,105"


def test_names_cannot_steer_a_terminal() -> None:
    hostile = replace(REDIS, name="re\x1b[31mdis\n", image="\x9b2J")
    rows = table([Listed(hostile, ())], wide=False, cut=True)
    assert rows[1][0] == "re\\x1b[31mdis\\x0a"
    assert rows[1][-1] == "\\x9b2J"


def test_targets_are_what_trace_takes() -> None:
    assert target_of(REDIS) == "docker/redis"
    assert target_of(WEB) == "pod/web-0/nginx"
    assert target_of(replace(REDIS, runtime="", name="")) == "3f3f3f3f3f3f"
    assert target_of(replace(REDIS, runtime="", name="stracelet-demo")) == "container/stracelet-demo"


def test_json_has_every_pid_in_every_namespace() -> None:
    found = as_json(Listed(WEB, PROCESSES[:2]))
    assert found["processes"][1] == {"pid": 101, "inside": 2, "nspid": [101, 11, 2]}
    assert (found["namespace"], found["pod"], found["name"]) == ("shop", "web-0", "nginx")


def test_what_a_runtime_says_of_a_failure_cannot_steer_a_terminal() -> None:
    lines = missing({"docker": SourceState(up=False, present=True, error="no \x1b[31m\u202e name")})
    assert lines == ["names from docker are missing: no \\x1b[31m\\u202e name"]


def test_what_is_monitored_and_what_is_refused_are_columns_of_their_own() -> None:
    agent = {"monitored": True, "traced": True, "refused": "its place"}
    rows = table([Listed(REDIS, (), agent, "its filter"), Listed(WEB, (), agent, "its place")], wide=False, cut=True)
    assert rows[0][-2:] == ("AGENT", "REFUSED")
    assert [row[-2:] for row in rows[1:]] == [("monitored", "its filter; its place"), ("monitored", "its place")]
