# SPDX-License-Identifier: Apache-2.0
"""Rules of the configuration, and label selectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stracelet import config
from stracelet.containers.model import Container, Pod
from stracelet.containers.rules import Rules
from stracelet.containers.selectors import parse_selector
from stracelet.errors import ConfigError, UsageError

WEB = Container("a" * 64, "containerd", "nginx", "reg/nginx:1", pod=Pod("shop", "web-0", "u", {"app": "web"}))
REDIS = Container("b" * 64, "docker", "redis", "redis:7", {"app": "cache"})
UNNAMED = Container("c" * 64)


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"namespaces": ("sho*",)}, [WEB]),
        ({"names": ("web-*",)}, [WEB]),
        ({"names": ("nginx", "redis")}, [WEB, REDIS]),
        ({"names": ("Redis",)}, []),
        ({"images": ("*/nginx:*",)}, [WEB]),
        ({"runtimes": ("docker",)}, [REDIS]),
        ({"labels": "app"}, [WEB, REDIS]),
        ({"labels": "app in (web)", "namespaces": ("test",)}, []),
        ({"names": ("*",)}, [WEB, REDIS]),
        ({"labels": "!app"}, [UNNAMED]),
    ],
)
def test_all_keys_of_a_rule_have_to_match(rule: dict[str, object], found: list[Container]) -> None:
    rules = Rules.of(config.Monitor(include=(config.Rule(**rule),)))  # type: ignore[arg-type]
    assert [each for each in (WEB, REDIS, UNNAMED) if rules.select(each)] == found


def test_exclude_wins() -> None:
    rules = Rules.of(config.load("monitor: {include: [{names: ['*']}], exclude: [{runtimes: [docker]}]}").monitor)
    assert rules.select(WEB)
    assert not rules.select(REDIS)


def test_nothing_is_asked_for_by_default() -> None:
    rules = Rules.of(config.load("").monitor)
    assert not rules.select(WEB)
    assert not rules.could_select()


@pytest.mark.parametrize(
    ("rule", "could"),
    [
        ({"namespaces": ("sho*",)}, True),
        ({"namespaces": ("test",), "names": ("*",)}, False),
        ({"labels": "app=web"}, True),
        ({"labels": "app=db", "namespaces": ("shop",)}, False),
        ({"labels": "app!=web"}, False),
        ({"labels": "of-the-container=x"}, True),
        ({"names": ("nginx",), "images": ("*redis*",), "runtimes": ("docker",)}, True),
    ],
)
def test_whether_a_pod_could_have_such_a_container(rule: dict[str, object], could: bool) -> None:
    rules = Rules.of(config.Monitor(include=(config.Rule(**rule),)))  # type: ignore[arg-type]
    assert rules.could_select()
    assert rules.could_select(WEB.pod) == could


def test_a_bad_selector_names_the_key() -> None:
    monitor = config.load("monitor: {exclude: [{names: [a]}, {labels: 'a in b'}]}").monitor
    with pytest.raises(ConfigError, match=r"monitor\.exclude\[1\]\.labels: label selector 'a in b': cannot read"):
        Rules.of(monitor)


@pytest.mark.parametrize(
    ("text", "labels", "met"),
    [
        ("", {}, True),
        ("a=b", {"a": "b"}, True),
        ("a==b", {"a": "c"}, False),
        ("a!=b", {}, True),
        ("a!=b", {"a": "b"}, False),
        ("a in (x, y)", {"a": "y"}, True),
        ("a in (x,y)", {}, False),
        ("a notin (x,y)", {}, True),
        ("a notin (x,y)", {"a": "x"}, False),
        ("a", {"a": ""}, True),
        ("!a", {"a": ""}, False),
        ("a=", {"a": ""}, True),
        ("in in (in)", {"in": "in"}, True),
        ("app.kubernetes.io/name = web , tier!=x,!old", {"app.kubernetes.io/name": "web"}, True),
    ],
)
def test_selectors_are_kubectls(text: str, labels: dict[str, str], met: bool) -> None:
    assert parse_selector(text).matches(labels) is met


@pytest.mark.parametrize("text", ["a=b,", ",", "a in x", "=b", "a=b c=d", "a>1", "a in (x", "!", "a,,b", "a in (%)"])
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(UsageError, match="label selector"):
        parse_selector(text)


@given(st.text(alphabet="ab=!,() in"))
def test_any_text_is_a_selector_or_a_usage_error(text: str) -> None:
    try:
        selector = parse_selector(text)
    except UsageError:
        return
    assert selector.matches({"a": "b"}) in (True, False)
