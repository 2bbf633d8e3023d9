# SPDX-License-Identifier: Apache-2.0
"""Trace objects (traces.stracelet.io), as the API server has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubernetes.client.api.custom_objects_api import CustomObjectsApi

from stracelet.cluster.calls import Calls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from stracelet.containers.kubernetes.api import Api

GROUP, VERSION, PLURAL = "stracelet.io", "v1alpha1", "traces"
THREADS = 4
PAGE = 20
"""An object may have a megabyte."""


class TraceObjects:
    """Reads and deletes them. SourceError: the API server does not answer, or does not permit it."""

    def __init__(self, connect: Callable[[], Api]) -> None:
        """`connect` is called, in a thread, when one is wanted; SourceError."""
        self._calls = Calls(connect, threads=THREADS, needs="get, list and delete on traces.stracelet.io")

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
        return await self._calls(CustomObjectsApi, method, group=GROUP, version=VERSION, plural=PLURAL, **how)
