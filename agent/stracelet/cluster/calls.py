# SPDX-License-Identifier: Apache-2.0
"""Single calls of the Kubernetes API, made by its client in threads."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import urllib3
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from stracelet.containers.kubernetes.api import explained, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stracelet.containers.kubernetes.api import Api

SECONDS = 5.0
NOT_FOUND, UNAUTHORIZED = 404, 401


class Calls:
    """In threads of their own: what is slow here is not what a scrape has to wait for."""

    def __init__(self, connect: Callable[[], Api], *, threads: int, needs: str) -> None:
        """`connect` is called, in a thread, when one is wanted; SourceError. `needs`: what the account has to have."""
        self._connect, self._needs = connect, needs
        self._lock = threading.Lock()
        self._client: Any = None
        self._threads = ThreadPoolExecutor(threads, "cluster")

    async def __call__(self, api: Callable[[Any], Any], method: str, **how: Any) -> Mapping[str, Any] | None:
        """What a method of one of the client's APIs answers; None: there is no such object.

        SourceError: the API server does not answer, or does not permit it.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(self._call, api, method, **how))

    def _call(self, api: Callable[[Any], Any], method: str, **how: Any) -> Mapping[str, Any] | None:
        with self._lock:
            if self._client is None:
                self._client = self._connect().client
        call = getattr(api(self._client), method)  # which has no types
        try:
            # Not read by the client, which logs what it reads when it is told to: a review's answer has the token.
            response = call(_preload_content=False, _request_timeout=(SECONDS, SECONDS), **how)
            try:
                answer = json.loads(response.data)
            finally:
                response.release_conn()
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            if error.status == UNAUTHORIZED:
                with self._lock:
                    self._client = None  # the next one reads again what we are to be known by
            raise explained(error, needs=self._needs) from error
        except (urllib3.exceptions.HTTPError, ConfigException, OSError, ValueError) as error:
            raise unreachable(error) from error
        return answer if isinstance(answer, dict) else None
