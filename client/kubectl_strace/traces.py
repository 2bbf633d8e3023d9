# SPDX-License-Identifier: Apache-2.0
"""The Trace object: the right to trace, which the API server gives, and a key that is of no other use."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import time
from typing import TYPE_CHECKING, Any

from kubectl_strace.errors import NotFound, NotInstalled
from kubectl_strace.refusals import NOT_INSTALLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_strace.kubectl import Kubectl
    from kubectl_strace.resolution import Group

API_VERSION = "stracelet.io/v1alpha1"
LONGEST_SECONDS = 3600
SPARE_SECONDS = 300  # for clocks that differ


class Trace:
    """One object, and its key."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.name = f"strace-{secrets.token_hex(5)}"
        self._key = secrets.token_bytes(32)

    @property
    def reference(self) -> str:
        return f"{self.group.namespace}/{self.name}"

    @property
    def bearer(self) -> str:
        return self._key.hex()

    @property
    def _collection(self) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.group.namespace}/traces"

    def manifest(self, *, user: str, filter_: Sequence[str], seconds: float | None, now: float) -> dict[str, Any]:
        """`seconds`: how long the trace is to last, None: as long as may be; `now`: since the epoch."""
        lasting = LONGEST_SECONDS if seconds is None else min(round(seconds) + SPARE_SECONDS, LONGEST_SECONDS)
        return {
            "apiVersion": API_VERSION,
            "kind": "Trace",
            "metadata": {
                "name": self.name,
                "namespace": self.group.namespace,
                "labels": {"app.kubernetes.io/managed-by": "kubectl-strace"},
            },
            "spec": {
                "user": user,
                "target": self.group.target,
                "filter": list(filter_),
                "expires": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + lasting)),
                "keyHash": hashlib.sha256(self._key).hexdigest(),
            },
        }

    def create(self, kubectl: Kubectl, *, user: str, filter_: Sequence[str], seconds: float | None) -> None:
        """KubectlError; NotInstalled. As --raw, since kubectl keeps what kinds there are for ten minutes."""
        manifest = self.manifest(user=user, filter_=filter_, seconds=seconds, now=time.time())
        try:
            kubectl.run("create", "--raw", self._collection, "-f", "-", data=json.dumps(manifest))
        except NotFound as error:  # the namespace, or the whole kind
            raise NotInstalled(NOT_INSTALLED) if "namespace" not in str(error) else error from error

    def delete(self, kubectl: Kubectl) -> None:
        """KubectlError. That it is there no more is as well."""
        try:
            kubectl.run("delete", "--raw", f"{self._collection}/{self.name}", seconds=20.0)
        except (NotFound, NotInstalled):
            return

    def delete_behind(self, kubectl: Kubectl) -> None:
        """Without waiting for it, by a process that a terminal's Ctrl-C does not reach."""
        own: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
        subprocess.Popen(
            kubectl.command("delete", "--raw", f"{self._collection}/{self.name}"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **own,
        )  # fmt: skip
