# SPDX-License-Identifier: Apache-2.0
"""What the API server says of a token: whose it is, and what its user may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubernetes.client.api.authentication_v1_api import AuthenticationV1Api
from kubernetes.client.api.authorization_v1_api import AuthorizationV1Api

from stracelet.cluster.calls import Calls
from stracelet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stracelet.containers.kubernetes.api import Api

THREADS = 4
NEEDS = "create on tokenreviews.authentication.k8s.io and subjectaccessreviews.authorization.k8s.io"


class Reviews:
    """Asks it. SourceError: it does not answer, or does not permit that we ask."""

    def __init__(self, connect: Callable[[], Api]) -> None:
        """`connect` is called, in a thread, when one is wanted; SourceError."""
        self._calls = Calls(connect, threads=THREADS, needs=NEEDS)

    async def user(self, token: str) -> Mapping[str, Any] | None:
        """Whose the token is, as the API server itself would be told (its audience); None: nobody's."""
        status = await self._asked(AuthenticationV1Api, "create_token_review", {"token": token})
        user = status.get("user")
        return user if status.get("authenticated") is True and isinstance(user, dict) else None

    async def may_get(self, user: Mapping[str, Any], path: str) -> bool:
        """Whether a user may `get` that path, a non-resource URL."""
        spec = {
            "user": user.get("username", ""),
            "groups": user.get("groups") or [],
            "uid": user.get("uid", ""),
            "extra": user.get("extra") or {},
            "nonResourceAttributes": {"path": path, "verb": "get"},
        }
        status = await self._asked(AuthorizationV1Api, "create_subject_access_review", spec)
        return status.get("allowed") is True

    async def _asked(self, api: Callable[[Any], Any], method: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = await self._calls(api, method, body={"spec": spec})
        status = (answer or {}).get("status")
        if not isinstance(status, dict):
            raise SourceError("the Kubernetes API: its answer is no review")
        return status
