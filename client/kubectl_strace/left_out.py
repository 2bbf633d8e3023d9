# SPDX-License-Identifier: Apache-2.0
"""Of a command that is for all namespaces: which of them are not traced, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_strace.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_strace.resolution import Group

MOST = 64  # namespaces: each has a Trace object, and a stream of each agent
STREAMS = 512


class LeftOut:
    """A namespace is traced wherever it has pods, or not at all."""

    def __init__(self) -> None:
        self._by_reason: dict[str, tuple[str, list[str]]] = {}

    def add(self, group: Group, why: str, *, node: str = "") -> None:
        """`why` is of one of its nodes, which the others of the same reason need not name again."""
        _, namespaces = self._by_reason.setdefault(why, (node, []))
        if group.namespace not in namespaces:
            namespaces.append(group.namespace)

    def __bool__(self) -> bool:
        return bool(self._by_reason)

    def lines(self) -> Iterator[str]:
        """One for each reason."""
        for why, (node, namespaces) in self._by_reason.items():
            noun = "the namespace" if len(namespaces) == 1 else f"{len(namespaces)} namespaces,"
            where = f"{node}: " if node else ""
            yield f"not traced: {noun} {', '.join(sorted(namespaces))}: {where}{why}"


def agents_at_once(groups: Sequence[Group], *, most: int) -> int:
    """How many agents each group may have. ClientError: there are too many groups."""
    if len(groups) > MOST:
        raise ClientError(
            f"{groups[0].text}: {len(groups)} namespaces have such pods, and one command traces at most {MOST}: "
            "a narrower -l, or -n, says which"
        )
    return min(most, STREAMS // len(groups))
