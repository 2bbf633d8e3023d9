# SPDX-License-Identifier: Apache-2.0
"""Two calls of the Kubernetes API, made in threads by its client, and the stream of events of one of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any

import kubernetes.config
import urllib3
from kubernetes.client.api.core_v1_api import CoreV1Api
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from stracelet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    Events = Sequence[Mapping[str, Any]]

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""Until an answer begins, and between its parts."""
WATCH_SECONDS = (240, 120)
"""How long a watch lasts: so long, and up to so much longer, so that not all nodes begin anew together."""
QUIET_SECONDS = 90.0
"""Bookmarks come about once a minute, where there are any; a server that is frozen never closes the connection. After
so long a watch is begun anew, and that has to be answered."""
ANY, NOW = "0", ""
"""In place of a version that a list must not be older than: whatever there is in the cache, and what etcd has."""
PAGE = 500
TOO_LARGE = "Too large resource version"  # k8s.io/apiserver, pkg/storage/errors.go
LONGEST_LINE = 16 << 20
LONGEST_QUEUE = 4096


class Ahead(SourceError):
    """The server knows no version so new: its cache lags, or etcd was restored from a backup."""


class Expired(SourceError):
    """The server has forgotten the version from which a watch was to go on (410)."""


def in_cluster() -> Api:
    """With the service account of the pod that we run in; its token is read again as it is rotated.

    Raises SourceError where that cannot be used.
    """
    return _api("load_incluster_config")


def by_kubeconfig(path: str) -> Api:
    """With a kubeconfig's current context. Raises SourceError."""
    return _api("load_kube_config", config_file=path, persist_config=False)


def _api(load: str, **how: Any) -> Api:
    configuration = Configuration()
    try:
        getattr(kubernetes.config, load)(client_configuration=configuration, **how)  # which has no types
    except PermissionError as error:
        text = "An agent reads it, and the files that it names, with no right but those of uid 65532."
        raise SourceError(f"the Kubernetes API: {one_line(error)}", help_text=text) from error
    except Exception as error:  # whatever a file that is no kubeconfig makes of its reader
        raise SourceError(f"the Kubernetes API: {type(error).__name__}: {one_line(error)}") from error
    configuration.retries = 0  # ours, so that each failure shows
    return Api(ApiClient(configuration))


class Api:
    """An API server, and the connections to it that are free; close() closes these."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._pods = CoreV1Api(client)

    def close(self) -> None:
        self.client.close()

    async def list(self, node: str, *, since: str = ANY) -> tuple[list[Mapping[str, Any]], str]:
        """The pods of a node, and the version from which to watch. Raises Ahead and SourceError.

        As the server has them in its cache, which has an index of nodes: for NOW it reads the pods of the whole cluster
        from etcd. That may be of a while ago, but is not older than the version `since`.
        """
        items: list[Mapping[str, Any]] = []
        # A limit has older servers ask etcd, whatever the version (k8s.io/apiserver, cacher: shouldDelegateList).
        where: Mapping[str, Any] = {"limit": PAGE} if since == NOW else {"resource_version": since}
        if since not in (ANY, NOW):
            where = {**where, "resource_version_match": "NotOlderThan"}
        while True:
            page = await asyncio.to_thread(self._list, node, where)
            metadata = page.get("metadata", {})
            items += page.get("items") or []
            if not metadata.get("continue"):
                return items, str(metadata["resourceVersion"])
            where = {"limit": PAGE, "_continue": metadata["continue"]}

    def _list(self, node: str, where: Mapping[str, Any]) -> Mapping[str, Any]:
        response = self._ask(node, **where)
        try:
            page = json.loads(response.data)
        except (ValueError, urllib3.exceptions.HTTPError) as error:
            raise SourceError(f"the Kubernetes API: {one_line(error)}") from error
        finally:
            response.release_conn()
        if not isinstance(page, dict) or "resourceVersion" not in page.get("metadata", {}):
            raise SourceError("the Kubernetes API: its answer is no list of pods")
        return page

    def _ask(self, node: str, **how: Any) -> Any:
        try:
            return self._pods.list_pod_for_all_namespaces(
                field_selector=f"spec.nodeName={node}",
                _preload_content=False,
                _request_timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                **how,
            )
        except ApiException as error:
            raise explained(error) from error
        except (urllib3.exceptions.HTTPError, ConfigException, OSError, ValueError) as error:
            raise unreachable(error) from error

    @contextlib.asynccontextmanager
    async def watch(self, node: str, version: str, jitter: float) -> AsyncIterator[AsyncIterator[Events]]:
        """What changes after that version, as many events at once as have come. Raises Expired and SourceError.

        It ends when the server does, after some minutes; `jitter` (0 to 1) says how many.
        """
        least, more = WATCH_SECONDS
        response = await asyncio.to_thread(
            self._ask,
            node,
            watch=True,
            resource_version=version,
            allow_watch_bookmarks=True,
            timeout_seconds=int(least + more * jitter),
        )
        with contextlib.suppress(AttributeError, OSError):  # the connection has ended already: reading says so
            response.connection.sock.settimeout(QUIET_SECONDS)
        stream = _Stream(response)
        try:
            yield stream.events()
        finally:
            await stream.end()


class _Stream:
    """A response that is read by a thread, line by line."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Mapping[str, Any] | Exception | None] = asyncio.Queue()
        self._reading = asyncio.ensure_future(asyncio.to_thread(self._read))

    async def events(self) -> AsyncIterator[Events]:
        while True:
            several = [await self._queue.get()]
            while not self._queue.empty():
                several.append(self._queue.get_nowait())
            if len(several) > LONGEST_QUEUE:
                raise SourceError("the Kubernetes API: events come faster than they are taken")
            events = [event for event in several if isinstance(event, dict)]
            if events:
                yield events
            for end in several:
                if isinstance(end, Exception):
                    raise SourceError(f"the Kubernetes API: the watch broke off: {one_line(end)}") from end
                if end is None:
                    return

    async def end(self) -> None:
        """The thread may be waiting for the next line."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._response.shutdown()
        await asyncio.wait([self._reading])
        self._response.close()

    def _read(self) -> None:
        end: Exception | None = None
        try:
            for line in _lines(self._response.stream(1 << 16)):
                event = json.loads(line)
                self._put(event if isinstance(event, dict) else {})
        except urllib3.exceptions.ReadTimeoutError:
            logger.debug("the watch was quiet for %g s, and is begun anew", QUIET_SECONDS)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            end = error
        self._put(end)

    def _put(self, event: Mapping[str, Any] | Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        *whole, rest = pending.split(b"\n")
        yield from (bytes(line) for line in whole if line.strip())
        pending = rest
        if len(pending) > LONGEST_LINE:
            raise ValueError("a line is too long for an event")


def explained(error: ApiException, *, needs: str = "get, list and watch on pods") -> Exception:
    """The server's own words: of a missing permission they name the rule. `needs`: what the account has to have."""
    try:
        message = json.loads(error.body or "")["message"]
    except (TypeError, ValueError, LookupError):
        message = error.reason or str(error)
    text = one_line(message)
    if error.status == 410:
        return Expired(text)
    if error.status == 504 and TOO_LARGE in text:
        return Ahead(text)
    if error.status == 401:
        return SourceError(f"the Kubernetes API: {text}", help_text="The token is not valid (any more).")
    if error.status == 403:
        return SourceError(f"the Kubernetes API: {text}", help_text=f"The service account needs {needs}.")
    return SourceError(f"the Kubernetes API: {text}")


def unreachable(error: Exception) -> SourceError:
    """Without what urllib3 says of its pool, and of the URL."""
    reason = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
    return SourceError(f"the Kubernetes API does not answer: {one_line(reason or error)}")


def one_line(text: object) -> str:
    """As much of it as an error's line takes."""
    return " ".join(str(text).split())[:256] or type(text).__name__
