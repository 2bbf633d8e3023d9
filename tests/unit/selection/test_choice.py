# SPDX-License-Identifier: Apache-2.0
"""What wins: targets over rules, exclude over include, and nothing over our not tracing ourselves."""

from __future__ import annotations

from dataclasses import replace

from stracelet.config import load
from stracelet.containers.model import Container, Pod
from stracelet.containers.rules import Rules
from stracelet.containers.targets import parse_target
from stracelet.tracing.choice import Choice

RULES = Rules.of(load("monitor: {include: [{names: ['web-*']}], exclude: [{names: [web-2]}]}").monitor)


def container(name: str, digit: str = "a", **more: bool) -> Container:
    return Container(digit * 64, runtime="docker", name=name, **more)


def test_exclude_wins_over_include() -> None:
    choice = Choice(rules=RULES)
    assert [choice.wants(container(name)) for name in ("web-1", "web-2", "db")] == [True, False, False]


def test_a_target_wins_over_exclude() -> None:
    choice = Choice(targets=(parse_target("docker/web-2"),), rules=RULES)
    assert choice.wants(container("web-2"))


def test_ourselves_and_pause_containers_are_never_wanted() -> None:
    choice = Choice(targets=(parse_target("web-1"),), rules=RULES, ourselves=frozenset({"b" * 64}))
    assert choice.wants(container("web-1"))
    assert not choice.wants(container("web-1", "b"))
    assert not choice.could_want("b" * 64, None)
    assert not choice.wants(container("web-1", sandbox=True))


def test_a_pods_container_is_wanted_once_it_has_a_name() -> None:
    """Till then it may be the pause container; where the pod cannot be meant, it is let go at once."""
    pod = Pod("shop", "web-1", "u", {"app": "web"})
    choice = Choice(targets=(parse_target("pod/web-1"),), rules=Rules())
    assert not choice.wants(Container("a" * 64, pod=pod))
    assert choice.could_want("a" * 64, pod)
    assert choice.wants(Container("a" * 64, name="nginx", pod=pod))
    assert not choice.could_want("a" * 64, replace(pod, name="web-2"))


def test_new_containers_matter_while_a_rule_or_a_name_could_mean_them() -> None:
    assert not Choice().wants_new()
    assert not Choice(targets=(parse_target("pid/1"),)).wants_new()
    assert Choice(targets=(parse_target("redis"),)).wants_new()
    assert Choice(rules=RULES).wants_new()
    whole = Choice(targets=(parse_target("a" * 64),))
    assert (whole.could_want("a" * 64, None), whole.could_want("b" * 64, None)) == (True, False)
    assert Choice(targets=(parse_target("pid/12"), parse_target("x"))).pids() == (12,)


def test_all_that_a_source_of_processes_knows_is_wanted() -> None:
    choice = Choice(sources=frozenset({"own-pod"}))
    assert choice.wants(Container("pid:7", name="app", sources=("own-pod",)))
    assert not choice.wants(Container("a" * 64, name="app", sources=("cgroup", "docker")))
    assert not choice.wants_new(), "the tracer knows cgroups alone"
