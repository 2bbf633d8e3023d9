# SPDX-License-Identifier: Apache-2.0
"""Lets in whoever has the key of a Trace object.

The API server has authenticated and authorised the object's author, and audited it; the key proves to be the author,
and no credential of his comes here.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import random
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from stracelet.cluster.budget import Budget
from stracelet.errors import SourceError, UsageError
from stracelet.traces.admission import Admission, Denied
from stracelet.traces.target import PodTarget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from stracelet.traces.admission import Claim

logger = logging.getLogger(__name__)
audit = logging.getLogger("stracelet.audit")

FRESH_SECONDS = 1.0
"""For so long an object is not read again: whoever guesses keys costs the API server little."""
MOST_KNOWN = 64
MOST_AT_ONCE = 8
READS_PER_SECOND, READS_BURST = 20.0, 64.0
"""Beyond that they wait for one another: whoever may forward a port, and has no key, could make each agent ask for
names without end, and all agents share one account's part of the API server."""
LONGEST_SECONDS = 3600.0
SWEEP_SECONDS = 600.0
REFUSALS_SECONDS = 10.0
"""Of keys that do not do a line is written no more often, with how many there were: whoever guesses fills no log."""
OVER = {"expired"}
"""Ends of a trace after which its object is of no use to anybody; `limits.duration` is over on each node by itself."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_BEARER = re.compile(r"Bearer ([0-9a-fA-F]{64})")


class Objects(Protocol):
    """TraceObjects."""

    async def get(self, namespace: str, name: str) -> Mapping[str, Any] | None: ...
    async def delete(self, namespace: str, name: str, uid: str) -> None: ...
    def all(self) -> AsyncIterator[Mapping[str, Any]]: ...


class TraceGate:
    """All calls from the event loop's thread."""

    def __init__(
        self,
        objects: Objects,
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects, self._clock, self._ticks = objects, clock, ticks
        self._known: dict[tuple[str, str], tuple[float, Mapping[str, Any] | None]] = {}
        self._reading = asyncio.Semaphore(MOST_AT_ONCE)
        self._reads = Budget(per_second=READS_PER_SECOND, burst=READS_BURST, ticks=ticks)
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusals, self._told = 0, float("-inf")

    async def admit(self, claim: Claim) -> Admission:
        """Denied: 401 where key or object do not do, 400 where the object makes no sense. SourceError."""
        namespace, _, name = claim.trace.partition("/")
        bearer = _BEARER.fullmatch(claim.authorization)
        if not bearer or not _NAME.fullmatch(namespace) or not _NAME.fullmatch(name):
            raise _unauthorised("no Trace is named, or no key given")
        found = await self._read(namespace, name)
        spec = (found or {}).get("spec") or {}
        # Compared even where there is no object: how long it takes tells nothing.
        given = hashlib.sha256(bytes.fromhex(bearer[1])).hexdigest()
        same = hmac.compare_digest(given, str(spec.get("keyHash", "")).lower().encode("ascii", "replace").decode())
        if found is None or not same:
            raise self._refused(f"{namespace}/{name}", "there is no such Trace, or this is not its key")
        admission = _admission(namespace, name, found)
        if admission.expires <= self._clock():
            raise self._refused(admission.name, f"the Trace {admission.name} has expired")
        return admission

    def _refused(self, trace: str, why: str) -> Denied:
        self._refusals += 1
        if self._ticks() - self._told >= REFUSALS_SECONDS:
            audit.warning("refused", extra={"trace": trace, "why": why, "times": self._refusals})
            self._refusals, self._told = 0, self._ticks()
        return _unauthorised(why)

    async def withdrawn(self, admission: Admission) -> str:
        """While the API server does not answer, what it said last holds, until it expires."""
        if self._clock() >= admission.expires:
            return "expired"
        namespace, _, name = admission.name.partition("/")
        try:
            found = await self._objects.get(namespace, name)
        except SourceError as error:
            logger.warning("the Trace %s cannot be read again: %s", admission.name, error)
            return ""
        return "" if found and _uid(found) == admission.uid else "deleted"

    def ended(self, admission: Admission, reason: str) -> None:
        """Where it is over for all, the object is deleted. Whoever else serves it does not end because one connection
        broke off: what its author does not delete is swept away."""
        if reason in OVER:
            task = asyncio.get_running_loop().create_task(self._delete(admission.name, admission.uid))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """What is still to be deleted is left to others."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def sweep_for_ever(self) -> None:
        """Deletes those that have been expired for long: their authors and agents have gone."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS * (1 + random.random()))  # noqa: S311 - not all nodes at once
            try:
                async for found in self._objects.all():
                    await self._delete_if_old(found)
            except Exception as error:  # noqa: BLE001 - what one author writes must not end the agent
                logger.warning("expired Traces are not deleted: %s", error)

    async def _delete_if_old(self, found: Mapping[str, Any]) -> None:
        if _expires(found) + SWEEP_SECONDS < self._clock():
            namespace, name = _place(found)
            await self._delete(f"{namespace}/{name}", _uid(found))

    async def _delete(self, trace: str, uid: str) -> None:
        namespace, _, name = trace.partition("/")
        self._known.pop((namespace, name), None)
        try:
            await self._objects.delete(namespace, name, uid)
        except SourceError as error:
            logger.warning("the Trace %s is not deleted: %s", trace, error)

    async def _read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """What of the object is needed."""
        if fresh := self._fresh(namespace, name):
            return fresh[1]
        async with self._reading:
            if fresh := self._fresh(namespace, name):  # somebody else has asked meanwhile
                return fresh[1]
            if seconds := self._reads.take():
                await asyncio.sleep(seconds)
            found = await self._objects.get(namespace, name)
        now = self._ticks()
        self._known = {key: value for key, value in self._known.items() if now - value[0] < FRESH_SECONDS}
        if len(self._known) < MOST_KNOWN:
            self._known[namespace, name] = now, found
        return found

    def _fresh(self, namespace: str, name: str) -> tuple[float, Mapping[str, Any] | None] | None:
        known = self._known.get((namespace, name))
        return known if known and self._ticks() - known[0] < FRESH_SECONDS else None


def _unauthorised(text: str) -> Denied:
    return Denied(401, text, help_text="`kubectl strace` makes one for each trace.")


def _admission(namespace: str, name: str, found: Mapping[str, Any]) -> Admission:
    spec = found["spec"]
    target = spec.get("target") or {}
    try:
        meant = PodTarget.of(
            namespace,
            pods=_texts(target.get("pods")),
            selector=str(target.get("selector") or ""),
            containers=_texts(target.get("containers")),
        )
        flags = _texts(spec.get("filter"))
    except UsageError as error:
        raise Denied(400, f"the Trace {namespace}/{name}: {error}", help_text=error.help_text) from error
    return Admission(
        name=f"{namespace}/{name}",
        uid=_uid(found),
        user=str(spec.get("user", "")),
        target=meant,
        flags=flags,
        expires=_expires(found),
        described=_described(target),
    )


def _described(target: Mapping[str, Any]) -> str:
    workload = target.get("workload") or {}
    if workload:
        return f"{str(workload.get('kind', '')).lower()}/{workload.get('name', '')}"
    return " ".join(f"pod/{pod}" for pod in _texts(target.get("pods"))) or f"-l {target.get('selector') or ''}"


def _texts(value: object) -> Sequence[str]:
    """UsageError: it is no list of texts."""
    items = value or []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise UsageError("expected a list of texts")
    return items


def _expires(found: Mapping[str, Any]) -> float:
    """As it says, but no more than an hour after it was made."""
    made = _seconds(found["metadata"].get("creationTimestamp"))
    return min(_seconds((found.get("spec") or {}).get("expires")), made + LONGEST_SECONDS)


def _seconds(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):  # a year that there is not in UTC
        return 0.0


def _uid(found: Mapping[str, Any]) -> str:
    return str(found["metadata"].get("uid", ""))


def _place(found: Mapping[str, Any]) -> tuple[str, str]:
    return str(found["metadata"].get("namespace", "")), str(found["metadata"].get("name", ""))
