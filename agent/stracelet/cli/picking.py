# SPDX-License-Identifier: Apache-2.0
"""What `trace` asks a Selection for: the containers that its request means, and the processes that it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stracelet.containers.model import Container, Pod
    from stracelet.containers.request import Meant


@dataclass(frozen=True)
class Picked:
    """`processes`: their start times by PID. `ourselves` are never traced: a tracer that stops itself would never go
    on."""

    meant: Meant
    processes: Mapping[int, int]
    proc: Path
    ourselves: frozenset[str]

    def wants(self, container: Container) -> bool:
        if container.sandbox or container.nameless or container.id in self.ourselves:
            return False
        return self.meant.means(container)

    def could_want(self, container_id: str, pod: Pod | None) -> bool:
        return container_id not in self.ourselves and self.meant.could_mean(container_id, pod)

    def wants_new(self) -> bool:
        return self.meant.request.endless and self.meant.request.names_containers

    def counts(self, container: Container) -> bool:
        """A table may be made of it."""
        return self.wants(container)

    def records(self, _: Container) -> bool:
        """It is there to be recorded."""
        return True

    def records_new(self) -> bool:
        """So is what comes."""
        return True

    def pids(self) -> tuple[int, ...]:
        """Those that are still there: a later tracer is not asked for a process that has ended."""
        return tuple(pid for pid in self.processes if (self.proc / str(pid)).is_dir())
