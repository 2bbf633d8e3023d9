# SPDX-License-Identifier: Apache-2.0
"""`trace TARGET...` where an agent runs: it traces, for it may have the containers already, and here is printed."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stracelet.cli.arriving import Arriving, Written
from stracelet.cli.forwarded import flags_of
from stracelet.cli.host_agent import AgentLost, Asking, wanted_of
from stracelet.cli.interrupts import on_signals
from stracelet.cli.recording import PATIENCE_SECONDS, say
from stracelet.containers.model import PROCESS, Container, Pod
from stracelet.containers.targets import describe, target_of
from stracelet.errors import StraceletError, TargetNotFound
from stracelet.records.printing import FORMATS
from stracelet.records.pump import Pump
from stracelet.text import printable, printable_lines
from stracelet.tracing.privileges import drop_privileges

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from stracelet.cli.arguments import Wanted
    from stracelet.cli.host_agent import HostAgent
    from stracelet.containers.request import Request
    from stracelet.records.sinks import Sink
    from stracelet.traces.flags import Wish

ACKNOWLEDGE_SECONDS = 2.0  # an agent ends a trace of which it hears nothing for 15 s
LAST_SECONDS = 10.0  # for what comes after we have asked for an end
ONE_SIGNAL_SECONDS = 0.5
ORDERLY = frozenset({"client", "duration", "ended", "limit"})


def why_not(wish: Wish, request: Request) -> str:
    """What of it an agent cannot do; empty: nothing."""
    if wish.lossless:
        return "--lossless"
    if wish.write is not None:
        return "-w"
    if wish.separate and wish.output is not None:
        return "-ff -o"
    return f"pid/{request.pids[0]}" if request.pids and request.names_containers else ""


def knows(agent: HostAgent, wanted: Wanted) -> bool:
    """Whether it is for the agent: it may not be told of all runtimes, and then has none of their containers either; of
    processes it has those that it was started for. What is to come is its affair, if it is there. StraceletError."""
    if agent.named or (wanted.wait and not wanted.request().pids):
        return True
    try:
        agent.containers(wanted_of(wanted))
    except TargetNotFound:
        return False
    return True


def of_what_it_has(agent: HostAgent, wanted: Wanted) -> Wanted:
    """Of the processes of a sidecar's pod those that its agent has, if it has any. Which others have just come is
    said. StraceletError."""
    has = {each.get("container_id") for each in agent.containers({})}
    targets = [text for text in wanted.targets if text.replace("pid/", PROCESS) in has]
    if not targets:
        return wanted
    if others := [text for text in wanted.targets if text not in targets]:
        say(f"not traced: {', '.join(others)}, of which the agent does not know; name it, and it is")
    return replace(wanted, targets=tuple(targets))


def check_free(agent: HostAgent, wanted: Wanted, why: str) -> None:
    """StraceletError: the agent has one of the containers, and a task has one tracer."""
    try:
        traced = [each for each in agent.containers(wanted_of(wanted)) if each.get("traced")]
    except StraceletError:
        return  # what cannot be found is said by who traces it
    if traced:
        raise StraceletError(
            f"{target_of(_container(traced[0]))}: the agent at {agent.path} traces it already, and {why} does not go "
            "through an agent",
            help_text="A task has one tracer. Leave the flag out, or have the agent let go of the container first.",
        )


def run(agent: HostAgent, wanted: Wanted, args: argparse.Namespace, wish: Wish, sink: Sink, watched: int | None) -> int:
    """Prints what the agent sends; 0, or 1 if nothing could be traced. Raises StraceletError."""
    if agent.ours:  # else it takes a right to get there
        drop_privileges(os.geteuid(), os.getegid())
    return asyncio.run(_trace(agent, wanted, args, wish, sink, watched))


async def _trace(
    agent: HostAgent, wanted: Wanted, args: argparse.Namespace, wish: Wish, sink: Sink, watched: int | None
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    deadline = None if wanted.duration is None else loop.time() + wanted.duration
    body = {
        **wanted_of(wanted),
        "wait": wanted.wait,
        "flags": flags_of(args, wanted.config),
        "pids": wish.output is not None,
        "colour": wish.options.flags.colour,
    }
    arriving = Arriving(data=wish.options.format == FORMATS["json"])
    pump = Pump(arriving, [Written(sink)], watched)
    following = Following(agent, wanted, arriving, quiet=bool(wish.quiet))
    with on_signals(_Impatient(stop)):
        pump.start()
        try:
            await following.follow(body, stop, pump.ended, deadline)
        finally:
            written = await pump.stop(PATIENCE_SECONDS)
    if not written:
        say("the output's reader takes nothing: the last lines are not written")
        return 0
    if pump.error is not None:
        raise pump.error
    pump.close()
    if arriving.dropped:
        say(f"{arriving.dropped} records were dropped: the output took them more slowly than they came")
    if following.table is not None:
        text = printable_lines(following.table)
        sink.write(text.encode("utf-8", "backslashreplace"))
        if not text and not wish.quiet:
            say("no system calls were seen")
    return int(following.failed and not following.attached)


class _Impatient:
    """The first signal ends it in order, a later one at once: the tracer is the agent's, which sees us go.

    Who signals a process and then its group, as timeout(1) does, means one.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop, self._first = stop, 0.0

    def __call__(self, number: int) -> None:
        now = time.monotonic()
        if not self._stop.is_set():
            self._first = now
            self._stop.set()
        elif now - self._first > ONE_SIGNAL_SECONDS:
            os._exit(128 + number)


class Following:
    """One trace at the agent, whose answer a thread reads. `table`: what it has counted, if it was to count; `attached`
    and `failed`: whether a container was, at any time."""

    def __init__(self, agent: HostAgent, wanted: Wanted, arriving: Arriving, *, quiet: bool) -> None:
        self._agent, self._wanted, self._arriving, self._quiet = agent, wanted, arriving, quiet
        self._id = ""
        self._position = 0
        self._asked_to_end = False
        self.attached = self.failed = False
        self.table: str | None = None

    async def follow(
        self, body: Mapping[str, Any], stop: asyncio.Event, written: asyncio.Event, deadline: float | None
    ) -> None:
        """Until its end, or until `stop`, `written` (nobody reads what is written) or the deadline (of the loop's
        clock). StraceletError: the agent refuses, fails or goes."""
        with Asking(self._agent) as asking:
            reading = asyncio.create_task(asyncio.to_thread(self._read, asking, body), name="read")
            ends = [asyncio.create_task(event.wait(), name="end") for event in (stop, written)]
            acknowledging = asyncio.create_task(self._acknowledge(), name="acknowledge")
            left = None if deadline is None else max(deadline - asyncio.get_running_loop().time(), 0)
            try:
                await asyncio.wait({reading, *ends}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    await self._end(reading, wanted=stop.is_set() or written.is_set())
                if reading.done():
                    reading.result()
            finally:
                asking.hang_up()  # which its thread sees, and ends
                for task in (acknowledging, *ends):
                    task.cancel()
                await asyncio.gather(reading, acknowledging, *ends, return_exceptions=True)

    async def _end(self, reading: asyncio.Task[None], *, wanted: bool) -> None:
        """Asks for the end, and waits for what that brings. Before it has begun it is enough to hang up, if somebody
        wanted that."""
        if not self._id:
            if not wanted:
                raise StraceletError(f"the agent at {self._agent.path} does not answer")
            return
        self._asked_to_end = True
        with suppress(StraceletError):  # it has ended already, as its stream will say
            await asyncio.to_thread(self._agent.post, f"/v1/traces/{self._id}/end")
        await asyncio.wait({reading}, timeout=LAST_SECONDS)
        if not reading.done():
            raise StraceletError(f"the agent at {self._agent.path} does not say that the trace has ended")

    async def _acknowledge(self) -> None:
        """Also while the output is stuck: what is written to it is our affair, and the trace is wanted."""
        while True:
            await asyncio.sleep(ACKNOWLEDGE_SECONDS)
            if self._id:
                try:
                    await asyncio.to_thread(
                        self._agent.post, f"/v1/traces/{self._id}/ack", {"position": self._position}
                    )
                except StraceletError:
                    continue  # its stream says what has become of it

    def _read(self, asking: Asking, body: Mapping[str, Any]) -> None:
        """To the last message. StraceletError."""
        asking.begin("POST", "/v1/traces", body)
        for line in asking.lines():
            try:
                if self._take(json.loads(line)):
                    return
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise AgentLost(f"the agent at {self._agent.path} says what is not understood here") from error
        raise self._agent.lost()

    def _take(self, message: Mapping[str, Any]) -> bool:
        """Whether it is the last one."""
        match message["type"]:
            case "lines":
                for time, text in message["lines"]:
                    self._arriving.put(int(time), text)
                self._position = message["position"]
            case "container":
                self._tell(message)
            case "dropped":
                self._arriving.lost(message["count"], int(message["time"]))
            case "started":
                self._id, self._arriving.node = message["id"], message["node"]
                if not message["containers"] and not self._quiet:
                    say(f"waiting for {printable(', '.join(self._wanted.targets) or 'what matches')}")
            case "summary":
                self.table = message["text"]
            case "end":
                self._check_end(message["reason"], message["text"])
                return True
        return False

    def _tell(self, message: Mapping[str, Any]) -> None:
        self.attached |= message["event"] == "attached"
        self.failed |= message["event"] == "failed"
        if self._quiet:
            return
        container = _container(message)
        name, tasks = target_of(container), message["tasks"]
        match message["event"]:
            case "attached" if tasks:
                say(f"tracing {name}: {tasks} task{'s' if tasks != 1 else ''}")
            case "ended":
                say(f"{name} has ended")
            case "failed":
                say(f"{name}: {printable(message['text'].removeprefix(f'{describe(container)}: '))}")

    def _check_end(self, reason: str, text: str) -> None:
        """StraceletError: it is an end that nobody here wanted."""
        if reason not in ORDERLY:
            why = text or ("it ends" if reason == "shutdown" else reason)
            raise StraceletError(f"the agent at {self._agent.path} has ended the trace: {printable(why)}")
        if text and not self._asked_to_end:
            say(printable(text))


def _container(described: Mapping[str, Any]) -> Container:
    """As far as its name goes."""
    pod = Pod(described["namespace"], described["pod"], "", {}) if described["pod"] else None
    return Container(id=described["container_id"], name=described["container"], runtime=described["runtime"], pod=pod)
