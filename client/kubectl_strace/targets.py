# SPDX-License-Identifier: Apache-2.0
"""TARGET: `[KIND/]NAME[/CONTAINER]`, and selectors of workloads as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_strace.errors import ClientError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

POD = "pod"
# Kind, as kubectl is asked for it, by what users call it.
KINDS = {
    POD: "pods",
    "deploy": "deployments.apps",
    "sts": "statefulsets.apps",
    "ds": "daemonsets.apps",
    "job": "jobs.batch",
}
ALIASES = {
    "po": POD, "pods": POD, "deployment": "deploy", "deployments": "deploy", "statefulset": "sts",
    "statefulsets": "sts", "daemonset": "ds", "daemonsets": "ds", "jobs": "job",
}  # fmt: skip
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)  # RFC 1123, as the API server checks it


@dataclass(frozen=True)
class Target:
    """`container` empty: all."""

    kind: str
    name: str
    container: str = ""

    @property
    def text(self) -> str:
        return f"{self.kind}/{self.name}" + (f"/{self.container}" if self.container else "")

    @property
    def resource(self) -> str:
        return KINDS[self.kind]


def parse_target(text: str) -> Target:
    """UsageError."""
    parts = text.split("/")
    kind = POD if len(parts) == 1 else kind_of(parts.pop(0))
    if kind not in KINDS:
        raise UsageError(
            f"{text}: {kind!r} is no kind of target here: pod, deploy, sts, ds or job, as pod/NAME[/CONTAINER]"
        )
    if len(parts) > 2 or not all(NAME.fullmatch(part) for part in parts):
        raise UsageError(f"{text}: expected [KIND/]NAME[/CONTAINER], each name as Kubernetes has them")
    return Target(kind, parts[0], parts[1] if len(parts) == 2 else "")


def kind_of(word: str) -> str:
    """As `kubectl get -o name` has it too, with its group; a word that is no kind stays as it is."""
    name, _, group = word.lower().partition(".")
    kind = ALIASES.get(name, name)
    return kind if KINDS.get(kind, "").partition(".")[2] == group or not group else word


def selector_text(selector: Mapping[str, Any], *, of: str) -> str:
    """A workload's `spec.selector` as `kubectl -l` takes it. ClientError: it has none, or an unknown operator."""
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or []:
        key, operator, values = each.get("key"), each.get("operator"), ",".join(each.get("values") or [])
        match operator:
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(str(key))
            case "DoesNotExist":
                terms.append(f"!{key}")
            case _:
                raise ClientError(f"{of}: its selector has the operator {operator!r}, which is not known here")
    if not terms:
        raise ClientError(f"{of}: it has no selector, so its pods cannot be told: name them, or use -l")
    return ",".join(terms)
