# SPDX-License-Identifier: Apache-2.0
"""A command that is for all namespaces, where the agents have no room for all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kubectl_strace.agents import Agent, Plan
from kubectl_strace.api import AgentApi
from kubectl_strace.command_line import parse
from kubectl_strace.endings import Endings
from kubectl_strace.errors import ClientError, NoAgent
from kubectl_strace.left_out import MOST, STREAMS, LeftOut, agents_at_once
from kubectl_strace.output import Output
from kubectl_strace.pods import Pod
from kubectl_strace.resolution import Group
from kubectl_strace.trace import Tracing, plans_of
from kubectl_strace.traces import Trace
from tests.client.conftest import Played

Play = Callable[..., Played]
LINES = [{"lines": [[0, "a call of {}"]]}]
FULL = [429, "2 traces of bob run here already (limits.traces_per_user)", ""]
SECONDS = "1500ms"


def groups(*namespaces: str) -> list[Group]:
    return [Group(name, "-l app=web", selector="app=web", endless=True) for name in namespaces]


NODES = ("node-1", "node-2")


def running(node: str) -> Pod:
    return Pod("shop", "web-0", node, "Running", ("web",), running=True, why="")


class Session:
    """The agents, without a cluster."""

    def __init__(self, servers: Sequence[Played], wanted: Sequence[Group]) -> None:
        self.agents = [Agent("stracelet", f"agent-{at}", f"node-{at}") for at in range(1, len(servers) + 1)]
        self._servers = dict(zip(self.agents, servers, strict=True))
        self._traces = {group: Trace(group) for group in wanted}
        self.signals = SimpleNamespace(asked=False, exit_code=0, in_order=lambda: None)

    def api(self, group: Group, agent: Agent) -> AgentApi:
        return AgentApi(agent, self._servers[agent], self._traces[group])  # type: ignore[arg-type]


def trace(
    servers: Sequence[Played], wanted: Sequence[Group], out: Path, *flags: str, forbidden: Sequence[Group] = ()
) -> int:
    args = parse([*flags, "-l", "app=web", "--duration", SECONDS, "-o", str(out)])
    session: Any = Session(servers, wanted)
    output = Output(str(out), lambda: False)
    tracing = Tracing(args, session, session.agents, output, deadline=None)
    for group in wanted:
        if group in forbidden:
            tracing.leave_out(group, f"bob may not create traces in the namespace {group.namespace}")
        else:
            tracing.begin(group, Plan(tuple(session.agents)))
    try:
        tracing.wait_for(Endings(session, wanted, endless=True))
        return tracing.finish()
    finally:
        output.close()


def traced(out: Path) -> set[str]:
    return {line.removeprefix("a call of ").partition("/")[0] for line in out.read_text().splitlines()}


END: list[Any] = [{"wait": 1.0}, {"end": ["duration", ""]}]


def test_a_namespace_is_traced_on_all_nodes_or_on_none(
    play: Play, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first ones in their order, on all nodes the same ones."""
    wanted = groups("a", "b", "c", "d")
    servers = [play(steps=[*LINES, *END], refuse=FULL, room=2), play(steps=[*LINES, *END], refuse=FULL, room=3)]
    status = trace(servers, wanted, tmp_path / "out", "-A")
    said = capfd.readouterr().err
    assert status == 1, "not all that was asked for is done"
    assert traced(tmp_path / "out") == {"a", "b"}
    assert (tmp_path / "out").read_text().count("a call of a/") == 2, "by both"
    line = (
        r"^kubectl-strace: not traced: 2 namespaces, c, d: node-\d: 2 traces of bob run here already \(limits\.traces_"
    )
    assert re.search(line, said, re.MULTILINE), said
    assert said.count("not traced") == 1


def test_a_namespace_that_may_not_be_traced_keeps_no_other_from_it(
    play: Play, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = groups("a", "b")
    status = trace([play(steps=[*LINES, *END])], wanted, tmp_path / "out", "-A", forbidden=wanted[:1])
    assert status == 1
    assert traced(tmp_path / "out") == {"b"}
    assert "not traced: the namespace a: bob may not create traces" in capfd.readouterr().err


def test_where_none_is_traced_that_is_the_error(play: Play, tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="not traced: 2 namespaces, a, b: node-1: 2 traces of bob"):
        trace([play(refuse=FULL)], groups("a", "b"), tmp_path / "out", "-A")


def test_who_is_interrupted_before_an_agent_has_answered_ends_by_that(tmp_path: Path) -> None:
    session: Any = Session([], [])
    session.signals = SimpleNamespace(asked=True, exit_code=130, in_order=lambda: None)
    output = Output(str(tmp_path / "out"), lambda: True)
    tracing = Tracing(parse(["-A", "-l", "app=web"]), session, [], output, deadline=None)
    tracing.wait_for(Endings(session, [], endless=True))
    assert tracing.finish() == 130
    output.close()


def test_of_a_workload_the_nodes_are_traced_that_have_room(
    play: Play, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    servers = [play(refuse=FULL), play(steps=[*LINES, *END])]
    assert trace(servers, groups("a"), tmp_path / "out") == 0
    assert traced(tmp_path / "out") == {"a"}
    assert "node-1: 2 traces of bob run here already" in capfd.readouterr().err


def test_a_namespace_whose_pods_are_where_no_agent_is_keeps_no_other_from_it() -> None:
    agents = [Agent("stracelet", "agent-1", "node-1")]
    near, far = (replace(group, found=(running(node),)) for group, node in zip(groups("a", "b"), NODES, strict=True))
    plans, without = plans_of([near, far], agents, some=True)
    assert list(plans) == [near]
    assert [(group, str(error).partition(":")[2]) for group, error in without.items()] == [
        (far, " no agent on node-2: the DaemonSet does not reach it (its tolerations, node selector or affinity)")
    ]
    for wanted, some in (([far], True), ([near, far], False)):
        with pytest.raises(NoAgent):
            plans_of(wanted, agents, some=some)


def test_how_many_are_too_many_is_said() -> None:
    many = groups(*(f"n-{at}" for at in range(MOST + 1)))
    with pytest.raises(ClientError, match=f"-l app=web: {MOST + 1} namespaces have such pods"):
        agents_at_once(many, most=64)
    assert agents_at_once(many[:MOST], most=64) == STREAMS // MOST
    assert agents_at_once(many[:1], most=64) == 64


def test_each_reason_is_one_line() -> None:
    left = LeftOut()
    assert not left
    for name in ("b", "a"):
        left.add(groups(name)[0], "it is full", node="node-1")
    left.add(groups("a")[0], "it is full", node="node-2")
    left.add(groups("c")[0], "it may not be")
    assert list(left.lines()) == [
        "not traced: 2 namespaces, a, b: node-1: it is full",
        "not traced: the namespace c: it may not be",
    ]
