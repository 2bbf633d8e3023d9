# SPDX-License-Identifier: Apache-2.0
"""What annotations ask for in vain: it is named, counted once, and said once."""

from __future__ import annotations

import logging

import pytest

from stracelet.config import load
from stracelet.containers.model import Container, Pod
from stracelet.containers.rules import MONITOR, Rules
from stracelet.containers.targets import parse_target
from stracelet.tracing.annotations import ENGINE, MOST_REMEMBERED, SYSCALLS, Annotations, filter_of
from stracelet.tracing.choice import Choice

OURSELVES = "e" * 64
MONITORED = "monitor: {include: [{labels: app=web}], exclude: [{names: [secret]}], annotations: {on: [a], off: [q]}"


class World:
    def __init__(self, text: str = MONITORED + "}", target: str = "") -> None:
        monitor = load(text).monitor
        targets = (parse_target(target),) if target else ()
        self.choice = Choice(targets, Rules.of(monitor), frozenset({OURSELVES}))
        self.annotations = Annotations(filter=filter_of(monitor), choice=lambda: self.choice)

    @property
    def counts(self) -> dict[str, int]:
        return {reason: count for reason, count in self.annotations.refused_by_reason.items() if count}


def container(
    namespace: str = "a",
    *,
    name: str = "c",
    id_: str = "a" * 64,
    uid: str = "uid",
    labels: dict[str, str] | None = None,
    **annotations: str,
) -> Container:
    keys = {"monitor": MONITOR, "syscalls": SYSCALLS, "engine": ENGINE}
    said = {keys[key]: value for key, value in annotations.items()}
    return Container(id_, name=name, pod=Pod(namespace, "web-0", uid, labels or {}, said))


WEB = {"app": "web"}


@pytest.mark.parametrize(
    ("of", "reason", "text"),
    [
        (container("b", monitor="true"), "namespace", "not permitted in b (monitor.annotations.on)"),
        (container("a", labels=WEB, monitor="false"), "namespace", "not permitted in a (monitor.annotations.off)"),
        (container("a", name="secret", monitor="true"), "excluded", "a rule of monitor.exclude matches it"),
        (container("b", id_=OURSELVES, monitor="true"), "ourselves", "the agent does not trace itself"),
        (container("a", monitor="yes"), "value", "'yes' is neither 'true' nor 'false'"),
        (container("b", monitor="yes"), "namespace", "not permitted in b"),
        (container("a", monitor="true", syscalls="opn"), "value", "unknown syscall 'opn' (near: open"),
        (container("b", labels=WEB, syscalls="open"), "namespace", "not permitted in b"),
        (container("b", labels=WEB, syscalls="opn"), "namespace", "not permitted in b"),
        (container("a", engine="bpf"), "value", "there is no engine 'bpf' (there are: auto, ptrace)"),
        (container("a", monitor="\x1b[31m\n"), "value", r"'\x1b[31m\x0a' is neither"),
    ],
)
def test_what_is_refused_has_a_reason(of: Container, reason: str, text: str) -> None:
    world = World()
    assert text in world.annotations.refused(of)
    assert "stracelet.io/" in world.annotations.refused(of)
    world.annotations.look(of)
    assert world.counts == {reason: 1}


@pytest.mark.parametrize(
    "of",
    [
        container("b"),
        container("a", monitor="true", syscalls="%network", engine="ptrace"),
        container("q", labels=WEB, monitor="false"),
        container("b", labels=WEB, monitor="true"),  # it has what it asks for
        container("b", monitor="false"),
        container("b", syscalls="%network", engine="auto"),  # nothing is shown of it
        container("a", monitor="true", syscalls=""),
        Container("a" * 64, pod=container("b", monitor="true").pod),  # nobody knows yet which it is
        Container("a" * 64, name="docker"),
    ],
)
def test_what_is_heeded_or_changes_nothing_is_not_refused(of: Container) -> None:
    world = World()
    assert world.annotations.refused(of) == ""
    world.annotations.look(of)
    assert world.counts == {}


def test_a_target_of_the_command_line_is_monitored_whatever_it_says() -> None:
    world = World(target="pod/web-0")
    assert world.choice.wants(container("q", monitor="false"))
    assert "target of the agent's command line" in world.annotations.refused(container("q", monitor="false"))


def test_several_are_all_named() -> None:
    refused = World().annotations.refused(container("a", monitor="yes", engine="bpf"))
    assert refused == (
        "stracelet.io/monitor: 'yes' is neither 'true' nor 'false'; "
        "stracelet.io/engine: there is no engine 'bpf' (there are: auto, ptrace)"
    )


def test_it_is_counted_and_said_once_for_each_pod(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    for _ in range(3):  # the container of a pod starts again, under another ID
        world.annotations.look(container(monitor="true", syscalls="opn"), container(id_="b" * 64, syscalls="opn"))
    assert world.counts == {"value": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "pod/web-0/c in a: stracelet.io/syscalls: 'opn': unknown syscall 'opn' (near: open, openat, fsopen)"
    ]
    world.annotations.look(container(uid="other", monitor="true", syscalls="opn"))
    assert world.counts == {"value": 2}
    assert len(caplog.records) == 2


def test_many_pods_of_a_namespace_that_may_not_ask_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    for i in range(200):
        world.annotations.look(container("b", uid=str(i), id_=f"{i:064}", monitor="true"))
    assert world.counts == {"namespace": 200}
    assert len(caplog.records) == 1
    world.annotations.look(container("c", monitor="true"))
    assert len(caplog.records) == 2


def test_what_is_remembered_is_bounded() -> None:
    world = World()
    for i in range(2 * MOST_REMEMBERED):
        world.annotations.look(container("b", uid=str(i), monitor="true"))
    assert len(world.annotations._remembered) <= MOST_REMEMBERED


def test_long_values_are_cut() -> None:
    assert len(World().annotations.refused(container(monitor="x" * 1025))) < 300


def test_a_pod_narrows_what_is_shown_where_that_is_permitted() -> None:
    world = World(MONITORED + ", filter: '%network,read'}")
    shown = lambda of: world.annotations.shown(of).names or frozenset()  # noqa: E731
    assert {"read", "socket"} <= shown(container())
    assert shown(container(syscalls="read,openat")) == {"read"}
    assert shown(container("b", syscalls="read")) == shown(container())
    assert shown(container(syscalls="opn")) == shown(container()) == shown(Container("d" * 64, name="docker"))
