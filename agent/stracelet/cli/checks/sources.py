# SPDX-License-Identifier: Apache-2.0
"""Whether each source of names answers, and what the cgroup tree looks like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.cli.checks.finding import Finding
from stracelet.containers.cgroups import Cgroups, hierarchies
from stracelet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stracelet.config import Config
    from stracelet.containers.model import SourceState

CGROUP = "cgroup"
MENDS = {
    "is forbidden": "Give its service account, or the kubeconfig's user, the right to list and watch pods.",
    "Unauthorized": "The token or certificate is not valid (any more): renew it.",
    "ermission denied": "Run it with sudo, or as a member of the socket's group.",
    "within": "It is there and does not answer: look at that runtime's log, or set its source to `off`.",
    "v1alpha2": "It speaks an older CRI: upgrade it (containerd 1.6, CRI-O 1.23 and later), or set cri to `off`.",
    "nobody listens": "Start that runtime, or set its source to `off`.",
    "no such socket": "The configuration names it: correct the path there.",
}


def check_cgroups(config: Config) -> Iterator[Finding]:
    """The layout of the tree, and whether it shows containers."""
    root = Path(config.cgroup_root)
    try:
        found = hierarchies(root)
        scanned = Cgroups(root).scan()
    except SourceError as error:
        yield Finding("cgroups", "failed", str(error), error.help_text)
        return
    layout = ", ".join(f"v{each.version} at {each.root}" for each in found)
    kind = "hybrid: " if len(found) > 1 else ""
    yield Finding("cgroups", "ok", f"{kind}{layout}; {len(scanned)} container{'s' if len(scanned) != 1 else ''}")


def check_sources(states: Mapping[str, SourceState]) -> Iterator[Finding]:
    """A finding for each source, from the states that one pass over all of them left."""
    for name, state in states.items():
        if name == CGROUP:
            continue
        check = f"source {name}"
        if state.up:
            yield Finding(check, "ok", "answers")
        elif not state.present:
            yield Finding(check, "ok", state.error or "not here")
        else:
            mend = next((mend for text, mend in MENDS.items() if text in state.error), "")
            yield Finding(check, "failed", state.error, mend)
