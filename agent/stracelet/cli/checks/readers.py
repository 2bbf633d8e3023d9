# SPDX-License-Identifier: Apache-2.0
"""Whether it can be found out who may read the metrics (`metrics.auth: kubernetes`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stracelet.cli.checks.finding import Finding
from stracelet.containers.sources import ClusterSource
from stracelet.errors import SourceError
from stracelet.server.access import MEND, NOBODY_TO_ASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stracelet.config import Config

CHECK = "metrics.auth"
NOBODY = {"username": "system:anonymous", "groups": ["system:unauthenticated"]}


async def check_readers(config: Config) -> Sequence[Finding]:
    """Asks both questions that a scrape leads to, of a token that is nobody's."""
    if config.metrics.auth == "none":
        return ()
    source = ClusterSource(config.sources)
    if not source.reachable:
        return [Finding(CHECK, "failed", NOBODY_TO_ASK.partition(": ")[2], MEND)]
    from stracelet import cluster  # noqa: PLC0415 - a library that a host has no use for

    reviews = cluster.token_reviews(source.kubeconfig)
    try:
        await reviews.user("nobody")
        everybody = await reviews.may_get(NOBODY, "/metrics")
    except SourceError as error:
        return [Finding(CHECK, "failed", str(error), error.help_text)]
    if everybody:
        mend = "A ClusterRoleBinding of system:anonymous or system:unauthenticated permits it."
        return [Finding(CHECK, "note", "the API server would let anybody read /metrics", mend)]
    return [Finding(CHECK, "ok", "the API server says who may read the metrics")]
