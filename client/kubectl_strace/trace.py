# SPDX-License-Identifier: Apache-2.0
"""`trace` and `record`: asks the agents that are needed, prints what they send, and ends what it began."""

from __future__ import annotations

import math
import queue
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from kubectl_strace import messages
from kubectl_strace.agents import MOST, plan
from kubectl_strace.endings import Endings, NewNodes
from kubectl_strace.errors import AgentError, ClientError, NoAgent
from kubectl_strace.kubectl import Kubectl
from kubectl_strace.left_out import LeftOut, agents_at_once
from kubectl_strace.merging import Entry, Merger
from kubectl_strace.output import Notes, Output, ReaderGone
from kubectl_strace.parallel import Later, each
from kubectl_strace.progress import Progress
from kubectl_strace.session import Session
from kubectl_strace.stream import Lost, Stream
from kubectl_strace.text import printable, printable_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from kubectl_strace.agents import Agent, Plan
    from kubectl_strace.resolution import Group

INBOX = 512  # messages, of some hundred lines each at most
TURN_SECONDS = 0.1
WAITING_SECONDS = 1.0  # then it is said that there is nothing yet
LAST_SECONDS = 10.0  # for the last lines and tables
ORDERLY = ("duration", "limit", "client", "expired")


def run(args: argparse.Namespace) -> int:
    """The exit status. ClientError."""
    begun = time.monotonic()
    kubectl = Kubectl.find(args.kubectl)
    flag, where = ("-w", args.write) if args.command == "record" else ("-o", args.output)
    with Session(kubectl) as session:
        groups, agents, user = session.look(args, wait=args.wait)
        everywhere: bool = args.all_namespaces
        plans, left_out = plans_of(groups, agents, some=everywhere)
        for agent in {agent for each_ in plans.values() for agent in each_.agents}:
            session.forward(agent)
        left_out |= session.allow(list(plans), user=user, filter_=args.filter, seconds=args.duration, some=everywhere)
        output = Output(None if where == "-" else where, lambda: session.signals.asked, flag=flag)
        try:
            deadline = None if args.duration is None else begun + args.duration
            tracing = Tracing(args, session, agents, output, deadline=deadline)
            for group in groups:
                if group in left_out:
                    tracing.leave_out(group, str(left_out[group]))
                else:
                    tracing.begin(group, plans[group])
            tracing.wait_for(Endings(kubectl, groups, endless=args.wait))
            return tracing.finish()
        finally:
            output.close()


def plans_of(
    groups: Sequence[Group], agents: Sequence[Agent], *, some: bool
) -> tuple[dict[Group, Plan], dict[Group, ClientError]]:
    """Whom each group needs; with `some`, the groups that have nobody, and why. ClientError: none has, or, without it,
    one has not."""
    most = agents_at_once(groups, most=MOST)
    plans: dict[Group, Plan] = {}
    without: dict[Group, ClientError] = {}
    for group in groups:
        try:
            plans[group] = plan(group, agents, endless=group.endless or group.unscheduled, most=most)
        except NoAgent as error:
            without[group] = error
    if without and not (some and plans):
        raise next(iter(without.values()))
    return plans, without


class Tracing:
    """The streams of one command, merged; its methods are the main thread's."""

    def __init__(
        self, args: argparse.Namespace, session: Session, agents: Sequence[Agent], output: Output, *,
        deadline: float | None,
    ) -> None:  # fmt: skip
        self._session, self._agents, self._output = session, agents, output
        self._json = args.format == "json"
        self._limit, self._tables = args.limit, bool(args.summary or args.summary_only)
        self._progress = Progress(Notes(lambda: session.signals.asked).say, quiet=bool(args.quiet))
        self._inbox: queue.Queue[tuple[Stream, messages.Message | Lost]] = queue.Queue(INBOX)
        self._merger: Merger[Stream] = Merger()
        self._live: set[Stream] = set()
        self._lost: list[tuple[Stream, ClientError]] = []
        self._latest: dict[Agent, Stream] = {}
        self._everywhere, self._left_out = bool(args.all_namespaces), LeftOut()
        self._started: set[Group] = set()
        self._ended_well = 0
        self._summaries: dict[str, list[messages.Summary]] = {}
        self._printed = 0
        self._over = self._unread = False
        self._deadline, self._begun = deadline, time.monotonic()
        self._new_nodes: list[NewNodes] = []

    def begin(self, group: Group, planned: Plan) -> None:
        for note in planned.notes:
            self._progress.complain(note)
        for agent in planned.agents:
            self._ask(group, agent)
        if planned.watch:
            self._new_nodes.append(NewNodes(self._session.kubectl, group))

    def _ask(self, group: Group, agent: Agent) -> None:
        before = self._latest.get(agent)
        stream = self._latest[agent] = Stream(
            group, agent, lambda: self._session.api(group, agent), self._inbox, after=before
        )
        self._live.add(stream)
        self._merger.open(stream)
        stream.start()

    def leave_out(self, group: Group, why: str, *, node: str = "") -> None:
        """On all nodes: a namespace of which a part is traced would be taken for the whole."""
        self._left_out.add(group, why, node=node)
        self._started.discard(group)
        for stream in [stream for stream in self._live if stream.group == group]:
            self._live.discard(stream)
            self._merger.forget(stream)
            stream.leave()
        for new_nodes in [each_ for each_ in self._new_nodes if each_.group == group]:
            self._new_nodes.remove(new_nodes)
            new_nodes.close()

    @property
    def _due(self) -> bool:
        return self._over or self._session.signals.asked or time.monotonic() >= (self._deadline or math.inf)

    def wait_for(self, endings: Endings) -> None:
        """Until somebody wants an end, or there is one. ClientError: no agent has even begun."""
        self._session.signals.in_order()
        try:
            while self._live or any(each_.running for each_ in self._new_nodes):
                self._turn()
                if self._due:
                    break
                self._look_around()
                if not self._progress.attached and endings.come(self._progress.ended):
                    break
        except ReaderGone:
            self._unread = True
        finally:
            for each_ in self._new_nodes:
                each_.close()
        if not self._started and (self._lost or self._left_out):
            raise self._lost[0][1] if self._lost else ClientError("; ".join(self._left_out.lines()))

    def _look_around(self) -> None:
        """What is to be said, and asked, as time goes by."""
        self._output.check()
        for new_nodes in self._new_nodes:
            for node in new_nodes.take():
                self._ask_of_node(new_nodes.group, node)
        if all(stream.answered.is_set() for stream in self._live):
            for line in self._left_out.lines():
                self._progress.complain(line)
        if self._started:
            for _, error in self._lost:
                self._progress.complain(str(error))
            quiet_for = time.monotonic() - self._begun
            nothing = self._live and not self._progress.attached and not self._progress.ended
            if nothing and quiet_for > WAITING_SECONDS:
                waiting = ", ".join(dict.fromkeys(stream.group.text for stream in self._live))
                self._progress.tell(f"waiting for containers of {waiting}")

    def _ask_of_node(self, group: Group, node: str) -> None:
        from kubectl_strace.agents import find_agents, on_node  # where there are many nodes

        try:
            self._agents = find_agents(self._session.kubectl, self._agents[0].namespace)
            self._ask(group, on_node(self._agents, node))
        except ClientError as error:
            self._progress.complain(f"not traced: {error}")

    def _turn(self) -> None:
        """Takes what has come, for a tenth of a second at most, and prints what may be printed."""
        until = time.monotonic() + TURN_SECONDS
        try:
            stream, message = self._inbox.get(timeout=TURN_SECONDS)
            while True:
                self._take(stream, message)
                if time.monotonic() > until:
                    break
                stream, message = self._inbox.get_nowait()
        except queue.Empty:
            pass  # all that there is
        self._print(self._merger.take(now=time.monotonic()))

    def _take(self, stream: Stream, message: messages.Message | Lost) -> None:
        if stream not in self._live:  # it has been left
            return
        match message:
            case messages.Lines(position=position, lines=lines):
                first = position - len(lines) + 1
                entries = (Entry(at, stream, text, first + n) for n, (at, text) in enumerate(lines))
                self._merger.add(entries, now=time.monotonic())
            case messages.Heartbeat(time=at):
                self._merger.passed(stream, at)
            case messages.Container():
                self._progress.see(message, stream.node)
            case messages.Dropped(count=count, time=at):
                if note := self._progress.missing(count, stream.node):
                    self._merger.add([Entry(at, stream, note, 0)], now=time.monotonic())
            case messages.Started(time=at):
                self._started.add(stream.group)
                self._begun = time.monotonic()
                self._merger.passed(stream, at)
            case messages.Summary():
                self._summaries.setdefault(stream.node, []).append(message)
            case messages.End():
                self._end_of(stream, message)
            case Lost(error=AgentError(status=HTTPStatus.TOO_MANY_REQUESTS) as error) if self._everywhere:
                self._close(stream)
                self.leave_out(stream.group, str(error).removeprefix(f"{stream.node}: "), node=stream.node)
            case Lost(error=error):
                self._close(stream)
                self._lost.append((stream, error))

    def _end_of(self, stream: Stream, end: messages.End) -> None:
        self._close(stream)
        if end.reason in ORDERLY:
            self._ended_well += 1
            if end.reason != "client" and end.text and not self._due:
                self._progress.tell(end.text)
            return
        why = end.text or f"the trace has ended ({end.reason})"
        if end.reason == "unacknowledged" and stream.acknowledging_failed:
            why += f": {stream.acknowledging_failed}"
        self._lost.append((stream, ClientError(f"{stream.node}: {why}")))

    def _close(self, stream: Stream) -> None:
        self._live.discard(stream)
        self._merger.close(stream)

    def _print(self, entries: Sequence[Entry[Stream]]) -> None:
        texts: list[str] = []
        last: dict[Stream, int] = {}
        for entry in entries:
            if self._limit and self._printed >= self._limit:
                break
            if not entry.position:
                self._write(texts)
                texts = []
                self._progress.note(entry.text)
                continue
            self._printed += 1
            texts.append(printable(entry.text, json=self._json) + "\n")
            last[entry.stream] = entry.position
        self._write(texts)
        for stream, position in last.items():
            stream.printed = position
        self._over = self._over or bool(self._limit and self._printed >= self._limit)

    def _write(self, texts: Sequence[str]) -> None:
        if texts:
            self._output.write("".join(texts))

    def finish(self) -> int:
        """Ends what still runs, prints what that brings, then the tables; the exit status."""
        Later(lambda: each(lambda stream: stream.end(), list(self._live)))
        if self._unread:
            return 0
        try:
            self._last()
        except ReaderGone:
            return 0
        return self._status()

    def _last(self) -> None:
        """ReaderGone."""
        deadline = time.monotonic() + LAST_SECONDS
        while self._live and time.monotonic() < deadline:
            self._turn()
        self._print(self._merger.flush())
        if self._tables:
            self._output.write(tables(self._summaries))
        if self._live:
            self._progress.complain(f"{', '.join(sorted(s.node for s in self._live))}: the end of the trace is missing")
        for line in (*self._left_out.lines(), *(str(error) for _, error in self._lost)):
            self._progress.complain(line)
        if self._progress.dropped:
            self._progress.note(f"{self._progress.dropped} lines are missing in all")

    def _status(self) -> int:
        """0 where tracing worked: not if a pod that was named could not be traced, or a whole namespace. Who was
        interrupted before anything began ends by that, as everywhere before."""
        if self._session.signals.asked and not self._started:
            return self._session.signals.exit_code
        if self._progress.all_failed or not self._ended_well or self._left_out:
            return 1
        return int(any(not stream.group.endless for stream, _ in self._lost))


def tables(summaries: dict[str, list[messages.Summary]]) -> str:
    """Those of the nodes that have traced a container; if none has, one that is empty."""
    of = [(node, summary) for node in sorted(summaries) for summary in summaries[node]]
    full = [(node, summary) for node, summary in of if summary.containers] or of[:1]
    heads: Callable[[str], str] = (lambda node: f"{printable(node)}:\n") if len(full) > 1 else (lambda _: "")
    texts = (heads(node) + printable_lines(summary.text.rstrip("\n")) + "\n" for node, summary in full if summary.text)
    return "\n".join(texts)
