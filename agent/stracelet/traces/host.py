# SPDX-License-Identifier: Apache-2.0
"""Lets in whoever reaches the Unix socket of a host's agent, whose mode is the check, to any container of this host."""

from __future__ import annotations

import asyncio
import math
import pwd
from typing import TYPE_CHECKING, Any, Protocol

from stracelet.containers.model import PROCESS
from stracelet.containers.request import Meant, Request
from stracelet.errors import AmbiguousTarget, TargetNotFound, UsageError
from stracelet.traces.admission import Admission, Denied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stracelet.containers.model import Container, Pod
    from stracelet.traces.admission import Claim

PATIENCE_SECONDS = 0.5
"""For so long a name that nobody knows is waited for: its runtime may just be about to tell of it."""
MOST_TEXTS = 256
"""As many targets as limits.containers may say."""
LONGEST_TEXT = 8192
TEXTS = ("targets", "flags")
TEXT = ("selector", "namespace", "container")
SWITCHES = ("wait", "pids", "colour")


class Known(Protocol):
    """An Inventory."""

    def containers(self) -> Mapping[str, Container]: ...
    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]: ...
    def look_again(self) -> None: ...


class Everything:
    """All containers of the host, to be listed."""

    expected = None

    def means(self, _: Container) -> bool:
        return True

    def could_mean(self, _: str, __: Pod | None) -> bool:
        return True


class HostGate:
    """All calls from the event loop's thread."""

    def __init__(self, inventory: Known) -> None:
        self._inventory = inventory

    async def admit(self, claim: Claim) -> Admission:
        """UsageError; Denied: 404 where a target is not there."""
        if claim.peer is None:
            raise Denied(401, "this is for who comes by the Unix socket")
        wanted = _checked(claim.wanted)
        request = Request.of(
            wanted.get("targets", ()),
            **{key: wanted.get(key) for key in TEXT},
            wait=wanted.get("wait", False),
        )
        for pid in request.pids:
            if f"{PROCESS}{pid}" not in self._inventory.containers():
                raise Denied(404, f"pid/{pid}: of processes the agent traces those alone that it was started for")
        nothing = not request.names_containers and not request.pids
        if nothing and claim.begins:
            raise UsageError("nothing to trace: no target and no selector")
        return Admission(
            name=f"pid/{claim.peer.pid}",
            uid="",
            user=_user(claim.peer.uid),
            target=Everything() if nothing else Meant(request, await self._found(request)),
            flags=wanted.get("flags", ()),
            expires=math.inf,
            described=_described(wanted),
            lines={
                "container": request.several,
                "always_pid": wanted.get("pids", False),
                "colour": wanted.get("colour", False),
            },
            host=True,
        )

    async def _found(self, request: Request) -> frozenset[str]:
        """Who that is now."""
        changed = asyncio.Event()
        unsubscribe = self._inventory.subscribe(lambda _: changed.set())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    changed.clear()
                    try:
                        return self._resolved(request)
                    except AmbiguousTarget as error:
                        raise UsageError(str(error), help_text=error.help_text) from error
                    except TargetNotFound:
                        self._inventory.look_again()
                    await changed.wait()
        except TimeoutError:
            try:
                return self._resolved(request)
            except TargetNotFound as error:
                raise Denied(404, str(error), help_text=error.help_text) from error
        finally:
            unsubscribe()

    def _resolved(self, request: Request) -> frozenset[str]:
        found = {each.id for each in request.resolve(self._inventory.containers().values())}
        return frozenset(found | {f"{PROCESS}{pid}" for pid in request.pids})

    async def withdrawn(self, _: Admission) -> str:
        """It holds as long as its connection."""
        return ""

    def ended(self, _: Admission, __: str) -> None:
        """There is no object that permitted it."""


def _checked(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """UsageError: it is not as docs/openapi.yaml has it."""
    for key, value in wanted.items():
        if key in TEXTS:
            right = isinstance(value, list) and all(map(_is_text, value))
            if right and len(value) > MOST_TEXTS:
                raise UsageError(f"{key}: {len(value)} are too many; a trace takes {MOST_TEXTS} at most")
        elif key in TEXT:
            right = _is_text(value)
        else:
            right = key in SWITCHES and isinstance(value, bool)
        if not right:
            raise UsageError(f"{key[:40]}: there is no such key, or this is not its type (docs/openapi.yaml)")
    return wanted


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _described(wanted: Mapping[str, Any]) -> str:
    selector = [f"-l {wanted['selector']}"] if "selector" in wanted else []
    return " ".join([*wanted.get("targets", ()), *selector])
