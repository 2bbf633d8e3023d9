# SPDX-License-Identifier: Apache-2.0
"""Trace objects (traces.stracelet.io), as the API server has them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import urllib3
from kubernetes.client.api.custom_objects_api import CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from stracelet.containers.kubernetes.api import explained, unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from stracelet.containers.kubernetes.api import Api

GROUP, VERSION, PLURAL = "stracelet.io", "v1alpha1", "traces"
SECONDS = 5.0
THREADS = 4
PAGE = 20
"""An object may have a megabyte."""
NOT_FOUND, UNAUTHORIZED = 404, 401


class TraceObjects:
    """Reads and deletes them, in threads. SourceError: the API server does not answer, or does not permit it."""

    def __init__(self, connect: Callable[[], Api]) -> None:
        """`connect` is called, in a thread, when one is wanted; SourceError."""
        self._connect = connect
        self._lock = threading.Lock()
        self._objects: Any = None
        self._threads = ThreadPoolExecutor(THREADS, "traces")

    async def get(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """None: there is none."""
        return await self._asked("get_namespaced_custom_object", namespace=namespace, name=name)

    async def delete(self, namespace: str, name: str, uid: str) -> None:
        """That very object; it may be gone already."""
        body = {"preconditions": {"uid": uid}}
        await self._asked("delete_namespaced_custom_object", namespace=namespace, name=name, body=body)

    async def all(self) -> AsyncIterator[Mapping[str, Any]]:
        """Those of all namespaces, of which no more than a page is held."""
        where: dict[str, Any] = {"limit": PAGE}
        while True:
            page = await self._asked("list_cluster_custom_object", **where) or {}
            for found in page.get("items") or []:
                yield found
            where["_continue"] = (page.get("metadata") or {}).get("continue")
            if not where["_continue"]:
                return

    async def _asked(self, method: str, **how: Any) -> Mapping[str, Any] | None:
        """In threads of their own: what is slow here is not what a scrape has to wait for."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(self._ask, method, **how))

    def _ask(self, method: str, **how: Any) -> Mapping[str, Any] | None:
        with self._lock:
            if self._objects is None:
                self._objects = CustomObjectsApi(self._connect().client)
        call = getattr(self._objects, method)  # which has no types
        try:
            answer = call(group=GROUP, version=VERSION, plural=PLURAL, _request_timeout=(SECONDS, SECONDS), **how)
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            if error.status == UNAUTHORIZED:
                with self._lock:
                    self._objects = None  # the next one reads again what we are to be known by
            raise explained(error, needs="get, list and delete on traces.stracelet.io") from error
        except (urllib3.exceptions.HTTPError, ConfigException, OSError, ValueError) as error:
            raise unreachable(error) from error
        return answer if isinstance(answer, dict) else None
