# SPDX-License-Identifier: Apache-2.0
"""kubectl as a function. It alone knows credentials; what it fails with is a KubectlError."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kubectl_strace.errors import ClientError, KubectlError
from kubectl_strace.refusals import error_of

SECONDS = 120.0
SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Kubectl:
    """`flags`: kubectl's global ones, as the user gave them. `of_agents`: it is asked of the agents' namespace."""

    program: str
    flags: tuple[str, ...]
    of_agents: bool = False

    @classmethod
    def find(cls, flags: list[str]) -> Kubectl:
        """ClientError: there is none."""
        program = shutil.which("kubectl")
        if program is None:
            raise ClientError("kubectl is not on the PATH: everything here is done through it, so install it first")
        return cls(program, tuple(flags))

    @property
    def lasting(self) -> Kubectl:
        """For what lasts: kubectl's time-out is of a request, and would cut it short."""
        return replace(self, flags=tuple(flag for flag in self.flags if not flag.startswith("--request-timeout")))

    def command(self, *arguments: str) -> list[str]:
        return [self.program, *self.flags, *arguments]

    def run(self, *arguments: str, data: str | None = None, seconds: float = SECONDS) -> str:
        """Its standard output. KubectlError. Standard input is ours, for a plugin may ask for a password."""
        doing = f"kubectl {' '.join(arguments[:2])}"
        try:
            done = subprocess.run(
                self.command(*arguments), input=data, capture_output=True, encoding="utf-8", errors="replace",
                timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise KubectlError(f"{doing}: not done within {seconds:g} s") from error
        except OSError as error:
            raise KubectlError(f"{self.program} cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            raise error_of(done.stderr, doing=doing, of_agents=self.of_agents)
        return done.stdout

    def json(self, *arguments: str) -> dict[str, Any]:
        """What `-o json` prints; an empty list where it prints nothing. KubectlError."""
        text = self.run(*arguments, "-o", "json")
        if not text.strip():
            return {"kind": "List", "items": []}
        try:
            document = json.loads(text)
        except ValueError as error:
            raise KubectlError(f"kubectl {' '.join(arguments[:2])}: it printed no JSON: {error}") from error
        if not isinstance(document, dict):
            raise KubectlError(f"kubectl {' '.join(arguments[:2])}: it printed no JSON object")
        return document

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """The objects of a list, or the one object."""
        document = self.json(*arguments)
        found = document.get("items", [document]) if document.get("kind", "").endswith("List") else [document]
        return [item for item in found if isinstance(item, dict)]

    def namespace(self) -> str:
        """Where kubectl looks when no -n is given."""
        try:
            shown = self.run("config", "view", "--minify", "-o", "jsonpath={.contexts[0].context.namespace}")
        except KubectlError:  # no kubeconfig: a pod's own namespace; what else is wrong the next call says
            inside = SERVICE_ACCOUNT_NAMESPACE.exists() and "KUBERNETES_SERVICE_HOST" in os.environ
            return SERVICE_ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip() if inside else "default"
        return shown.strip() or "default"

    def user(self) -> str:
        """The user name that the API server knows us by. KubectlError."""
        document = self.json("auth", "whoami")
        name = document.get("status", {}).get("userInfo", {}).get("username")
        if not isinstance(name, str) or not name:
            raise KubectlError("kubectl auth whoami: the API server says no user name")
        return name
