# SPDX-License-Identifier: Apache-2.0
"""Lets whoever has a token that may `get` a path read it (`metrics.auth: kubernetes`).

Anybody who reaches the port can make us ask the API server, so that is bounded: a verdict holds for some seconds; the
same token is asked about once; and those whose token has never been good have a small budget, each address a part of
it, so that they neither trouble the API server nor keep out whoever may read.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from stracelet.cluster.budget import Budget
from stracelet.errors import SourceError
from stracelet.traces.admission import Denied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

FRESH_SECONDS = 10.0
"""As long as the API server's own delegates believe it (k8s.io/apiserver, options.DelegatingAuthenticationOptions)."""
MOST_KNOWN = 256
GOOD_SECONDS = 3600.0
MOST_GOOD = 64
STRANGERS_PER_SECOND, STRANGERS_BURST = 10.0, 20.0
PEER_PER_SECOND, PEER_BURST = 1.0, 4.0
MOST_PEERS = 256
MOST_STRANGERS, MOST_AT_ONCE = 2, 4
"""Reviews under way: of strangers, of all."""
MOST_WAITING = 16
ANSWER_SECONDS = 8.0
"""Less than the server of the metrics has for an answer."""
SAID_SECONDS = 60.0
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


class Verdict(NamedTuple):
    """`status`: as of HTTP; 200 lets in."""

    status: int
    text: str = ""


class Asked(Protocol):
    """Reviews."""

    async def user(self, token: str) -> Mapping[str, Any] | None: ...
    async def may_get(self, user: Mapping[str, Any], path: str) -> bool: ...


class Readers:
    """All calls from the event loop's thread. Of a token its hash alone is kept, by a key of this process' own."""

    def __init__(self, reviews: Asked, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._reviews, self._ticks = reviews, ticks
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, tuple[float, Verdict]] = {}
        self._good: dict[bytes, float] = {}
        self._under_way: dict[bytes, asyncio.Task[Verdict]] = {}
        self._strangers = Budget(per_second=STRANGERS_PER_SECOND, burst=STRANGERS_BURST, ticks=ticks)
        self._peers: dict[str, Budget] = {}
        self._waiting = 0
        self._said: dict[str, float] = {}

    async def admit(self, path: str, authorization: str, peer: str) -> None:
        """`peer`: the address that asks. Denied: 401 without a token that holds, 403 where it may not read, 503 while
        too many ask. SourceError: it cannot be found out."""
        bearer = _BEARER.fullmatch(authorization)
        if not bearer:
            raise Denied(401, "no bearer token is given")
        id_ = hashlib.blake2b(f"{path} {bearer[1]}".encode(), key=self._key, digest_size=32).digest()
        found = self._known.get(id_)
        if found and self._ticks() - found[0] < FRESH_SECONDS:
            verdict = found[1]
        else:
            stranger = self._ticks() - self._good.get(id_, float("-inf")) > GOOD_SECONDS
            if stranger and self._waiting >= MOST_WAITING:
                raise self._busy(peer)
            verdict = await self._wait(self._under_way.get(id_) or self._begin(id_, path, bearer[1], stranger, peer))
        if verdict.status != 200:
            raise Denied(verdict.status, verdict.text)

    def _begin(self, id_: bytes, path: str, token: str, stranger: bool, peer: str) -> asyncio.Task[Verdict]:
        """Denied: too much is asked already."""
        most = MOST_STRANGERS if stranger else MOST_AT_ONCE
        if len(self._under_way) >= most or (stranger and not self._affords(peer)):
            raise self._busy(peer)
        review = asyncio.get_running_loop().create_task(self._review(id_, path, token))
        self._under_way[id_] = review
        review.add_done_callback(lambda done: self._end(id_, done))
        return review

    def _affords(self, peer: str) -> bool:
        own = self._peers.pop(peer, None) or Budget(per_second=PEER_PER_SECOND, burst=PEER_BURST, ticks=self._ticks)
        self._peers[peer] = own  # the last that asked is the last to be forgotten
        _cut(self._peers, MOST_PEERS)
        if own.lacking() or self._strangers.lacking():
            return False
        own.take()
        self._strangers.take()
        return True

    async def _wait(self, review: asyncio.Task[Verdict]) -> Verdict:
        """Who hangs up does not end it for others."""
        self._waiting += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.shield(review)
        except TimeoutError:
            raise SourceError(f"the Kubernetes API does not answer within {ANSWER_SECONDS:g} s") from None
        finally:
            self._waiting -= 1

    async def _review(self, id_: bytes, path: str, token: str) -> Verdict:
        user = await self._reviews.user(token)
        if user is None:
            verdict = Verdict(401, "the token is nobody's, or not valid any more")
        elif await self._reviews.may_get(user, path):
            verdict = Verdict(200)
            self._good.pop(id_, None)
            self._good[id_] = self._ticks()
            _cut(self._good, MOST_GOOD)
        else:
            verdict = Verdict(403, f"{user.get('username')} may not get {path}: a ClusterRole has to allow it")
        self._known.pop(id_, None)
        self._known[id_] = self._ticks(), verdict
        _cut(self._known, MOST_KNOWN)
        return verdict

    def _end(self, id_: bytes, review: asyncio.Task[Verdict]) -> None:
        self._under_way.pop(id_, None)
        error = None if review.cancelled() else review.exception()
        if error:
            self._say("metrics.auth: nobody new is let in: %s", error)

    def _busy(self, peer: str) -> Denied:
        self._say("metrics.auth: more tokens are tried than are asked about, the last from %s", peer)
        return Denied(503, "too many ask at once with tokens that are not known yet")

    def _say(self, text: str, about: object) -> None:
        """Once in a while of each: who tries must not fill the log."""
        if self._ticks() - self._said.get(text, float("-inf")) > SAID_SECONDS:
            self._said[text] = self._ticks()
            logger.warning(text, about)

    async def close(self) -> None:
        """What is under way is given up."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _cut(table: dict[Any, Any], most: int) -> None:
    """The oldest has to go."""
    while len(table) > most:
        del table[next(iter(table))]
