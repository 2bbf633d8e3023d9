# SPDX-License-Identifier: Apache-2.0
"""What names mean."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stracelet.containers.model import Container, Pod, Workload
from stracelet.containers.selectors import parse_selector
from stracelet.containers.targets import Target, could_match, match, parse_target, resolve
from stracelet.errors import AmbiguousTarget, StraceletError, TargetNotFound, UsageError


def an_id(start: str) -> str:
    return start.ljust(64, "0")


WEB_0 = Pod("shop", "web-0", "u1", {"app": "web"})
OTHER_WEB_0 = Pod("test", "web-0", "u2", {"app": "web", "tier": "test"})
NGINX = Container(an_id("aaaa1"), "containerd", "nginx", pod=WEB_0)
SIDECAR = Container(an_id("aaaa2"), "containerd", "sidecar", pod=WEB_0)
OTHER = Container(an_id("bbbb1"), "containerd", "nginx", pod=OTHER_WEB_0)
REDIS = Container(an_id("cccc1"), "docker", "redis", labels={"app": "cache"})
PODMAN_REDIS = Container(an_id("cccc2"), "podman", "redis")
SHOP_WEB = Container(an_id("dddd1"), "docker", "shop-web-1", compose_project="shop", compose_service="web")
SHOP_DB = Container(an_id("dddd2"), "docker", "shop-db-1", compose_project="shop", compose_service="db")
UNNAMED = Container(an_id("eeee1"))
ALL = [NGINX, SIDECAR, OTHER, REDIS, PODMAN_REDIS, SHOP_WEB, SHOP_DB, UNNAMED]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis", Target(None, "redis", None, "redis")),
        ("pod/web-0", Target("pod", "web-0", None, "pod/web-0")),
        ("po/web-0/nginx", Target("pod", "web-0", "nginx", "po/web-0/nginx")),
        ("web-0/nginx", Target(None, "web-0", "nginx", "web-0/nginx")),
        ("compose/shop/web", Target("compose", "shop", "web", "compose/shop/web")),
        ("pid/42", Target("pid", "42", None, "pid/42")),
        ("pod", Target(None, "pod", None, "pod")),
    ],
)
def test_grammar(text: str, expected: Target) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a name is empty"),
        ("docker/", "a name is empty"),
        ("/x", "a name is empty"),
        ("ship/a/b", "'ship' is no kind"),
        ("docker/a/b", "docker/a has no parts"),
        ("pod/a/b/c", "too many parts"),
        ("pid/x", "'x' is no PID"),
        ("pid/0", "'0' is no PID"),
        ("pid/99999999", "is no PID"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_target(text)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_target_or_a_usage_error(text: str) -> None:
    try:
        target = parse_target(text)
    except UsageError:
        return
    assert target.text == text
    assert match(target, ALL) is not None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("docker/redis", [REDIS]),
        ("podman/redis", [PODMAN_REDIS]),
        ("sidecar", [SIDECAR]),
        ("pod/web-0/sidecar", [SIDECAR]),
        ("web-0/sidecar", [SIDECAR]),
        ("compose/shop", [SHOP_WEB, SHOP_DB]),
        ("shop", [SHOP_WEB, SHOP_DB]),
        ("compose/shop/db", [SHOP_DB]),
        ("shop-web-1", [SHOP_WEB]),
        ("eeee", [UNNAMED]),
        ("container/eeee1", [UNNAMED]),
        (REDIS.id, [REDIS]),
        ("docker/cccc1", [REDIS]),
    ],
)
def test_one_thing(text: str, found: list[Container]) -> None:
    assert resolve([parse_target(text)], ALL) == found


@pytest.mark.parametrize(
    "text", ["absent", "eee", "docker/nginx", "pod/redis", "podman/cccc1", "pod/web-0/db", "EEEE1"]
)
def test_no_such_thing(text: str) -> None:
    with pytest.raises(TargetNotFound, match=f"{text}: no such container on this node") as caught:
        resolve([parse_target(text)], ALL)
    assert not isinstance(caught.value, AmbiguousTarget)


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("redis", ["docker/redis", "podman/redis"]),
        ("container/redis", ["docker/redis", "podman/redis"]),
        ("cccc", ["docker/redis", "podman/redis"]),
        ("web-0", ["in shop", "in test"]),
        ("pod/web-0", ["in shop", "in test"]),
        ("nginx", ["in shop", "in test"]),
    ],
)
def test_two_things_are_listed(text: str, listed: list[str]) -> None:
    with pytest.raises(AmbiguousTarget) as caught:
        resolve([parse_target(text)], ALL)
    assert all(one in str(caught.value) for one in listed)
    assert len(resolve([parse_target(text)], ALL, allow_many=True)) >= 2


def test_namespace_selector_and_container_narrow() -> None:
    assert resolve([parse_target("web-0")], ALL, namespace="shop") == [NGINX, SIDECAR]
    assert resolve([parse_target("web-0")], ALL, namespace="shop", container="sidecar") == [SIDECAR]
    assert resolve([], ALL, selector=parse_selector("app=web,tier!=test")) == [NGINX, SIDECAR]
    assert resolve([], ALL, selector=parse_selector("app in (cache)")) == [REDIS]
    assert resolve([parse_target("web-0")], ALL, selector=parse_selector("tier")) == [OTHER]
    with pytest.raises(TargetNotFound, match="the label selector"):
        resolve([], ALL, selector=parse_selector("app=nothing"))


def test_a_pod_that_is_called_as_its_container_is_one_thing() -> None:
    pod = Pod("default", "redis", "u")
    first, second = (Container(an_id(f"{i}"), "containerd", name, pod=pod) for i, name in enumerate(("redis", "log")))
    assert resolve([parse_target("redis")], [first]) == [first]
    assert resolve([parse_target("redis")], [first, second]) == [first, second]


def test_each_container_once() -> None:
    assert resolve([parse_target("docker/redis"), parse_target("cccc1")], ALL) == [REDIS]


def test_a_pid_is_no_container() -> None:
    target = parse_target("pid/42")
    assert target.pid == 42
    assert resolve([target], ALL) == []
    assert not could_match(target, REDIS.id)


def test_what_has_no_name_yet() -> None:
    assert could_match(parse_target("docker/redis"), REDIS.id)
    assert could_match(parse_target(REDIS.id), REDIS.id)
    assert not could_match(parse_target(REDIS.id), SHOP_DB.id)


def test_workloads() -> None:
    owned = replace(NGINX, pod=replace(WEB_0, workload=Workload("Deployment", "web")))
    logs = replace(SIDECAR, pod=replace(WEB_0, name="web-1", workload=Workload("DaemonSet", "web")))
    deployment = parse_target("deployment/web")
    assert (deployment.kind, deployment.endless) == ("deploy", True)
    assert resolve([deployment], [owned, logs, OTHER]) == [owned]
    assert resolve([parse_target("ds/web/sidecar")], [owned, logs, OTHER]) == [logs]
    assert could_match(deployment, OTHER.id, owned.pod)
    assert not could_match(deployment, OTHER.id, logs.pod)
    assert not could_match(deployment, OTHER.id, OTHER.pod)
    with pytest.raises(TargetNotFound, match="deploy/web: no such container") as caught:
        resolve([parse_target("deploy/web")], [OTHER])
    assert "sources.kubernetes" in caught.value.help_text


def test_a_pod_is_told_by_its_name_before_its_containers_have_one() -> None:
    assert could_match(parse_target("pod/web-0"), OTHER.id, WEB_0)
    assert not could_match(parse_target("pod/web-1"), OTHER.id, WEB_0)
    assert could_match(parse_target("nginx"), OTHER.id, WEB_0)


def test_errors_are_ours() -> None:
    assert issubclass(AmbiguousTarget, StraceletError)
    assert (UsageError.exit_code, TargetNotFound.exit_code) == (2, 3)


def test_a_selector_is_read_in_time_that_its_author_does_not_choose() -> None:
    with pytest.raises(UsageError):
        parse_selector("a in (" + " ," * 2000 + "!)")
