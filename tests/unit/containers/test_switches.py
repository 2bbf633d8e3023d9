# SPDX-License-Identifier: Apache-2.0
"""Pods that switch monitoring on or off by annotation, where that is permitted, and what wins."""

from __future__ import annotations

import pytest

from stracelet import config
from stracelet.containers.model import Container, Pod
from stracelet.containers.rules import MONITOR, Rules

RULES = """
monitor:
  include: [{labels: app=web}]
  exclude: [{names: [secret]}]
  annotations: {on: ["team-*", both], off: [quiet, both]}
"""


def pod(namespace: str, switch: str | None = None, **labels: str) -> Pod:
    return Pod(namespace, "p", "uid", labels, {} if switch is None else {MONITOR: switch})


def rules() -> Rules:
    return Rules.of(config.load(RULES).monitor)


@pytest.mark.parametrize(
    ("of", "monitored"),
    [
        (pod("team-a"), False),
        (pod("team-a", "true"), True),
        (pod("team-a", "false", app="web"), True),  # off is not permitted there: the rule wins
        (pod("other", "true"), False),
        (pod("other", "true", app="web"), True),
        (pod("quiet", "true"), False),
        (pod("quiet", "false", app="web"), False),
        (pod("quiet", app="web"), True),
        (pod("both", "true"), True),
        (pod("both", "false", app="web"), False),
        (pod("team-a", "True"), False),
        (pod("team-a", "yes"), False),
        (pod("quiet", "", app="web"), True),
    ],
)
def test_who_is_monitored(of: Pod, monitored: bool) -> None:
    assert rules().select(Container("a" * 64, name="c", pod=of)) is monitored
    assert rules().could_select(of) or not monitored


@pytest.mark.parametrize("namespace", ["team-a", "both"])
def test_exclude_wins_over_an_annotation(namespace: str) -> None:
    assert not rules().select(Container("a" * 64, name="secret", pod=pod(namespace, "true", app="web")))


def test_without_permission_an_annotation_changes_nothing() -> None:
    nothing = Rules.of(config.load("").monitor)
    assert not nothing.select(Container("a" * 64, name="c", pod=pod("team-a", "true")))
    assert not nothing.could_select()


def test_a_new_container_could_be_a_pods_that_asks() -> None:
    permits = Rules.of(config.load("monitor: {annotations: {on: [shop]}}").monitor)
    assert permits.could_select()
    assert permits.could_select(pod("shop", "true"))
    assert not permits.could_select(pod("shop"))
    assert not permits.could_select(pod("other", "true"))
    assert not rules().could_select(pod("quiet", "false", app="web"))
    assert not Rules.of(config.load("monitor: {annotations: {off: [shop]}}").monitor).could_select()


@pytest.mark.parametrize(
    "text",
    [
        "monitor: {annotations: {on: [a], off: [b]}}",  # which YAML 1.1 reads as true and false
        'monitor: {annotations: {"on": [a], "off": [b]}}',
        'monitor: {annotations: {"true": [a], "false": [b]}}',  # what Helm makes of it
    ],
)
def test_on_and_off_are_words(text: str) -> None:
    assert config.load(text).monitor.annotations == config.Annotations(on=("a",), off=("b",))
