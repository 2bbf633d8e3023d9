# SPDX-License-Identifier: Apache-2.0
"""Who may read the metrics, as the configuration has it (`metrics.auth`)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from stracelet.containers.sources import ClusterSource
from stracelet.errors import ConfigError

if TYPE_CHECKING:
    from stracelet.cluster import Readers
    from stracelet.config import Config

logger = logging.getLogger(__name__)

NOBODY_TO_ASK = "metrics.auth: kubernetes: there is no Kubernetes API to ask who may read the metrics"
MEND = (
    "The agent has to run in a pod that has a service account's token, or sources.kubernetes to name a kubeconfig; or "
    "set metrics.auth to none."
)


def check(settings: Config) -> None:
    """ConfigError: there is nobody to ask."""
    if settings.metrics.auth == "none":
        return
    if not ClusterSource(settings.sources).reachable:
        raise ConfigError(NOBODY_TO_ASK, help_text=MEND)
    if settings.metrics.tls is None:
        logger.warning("metrics.auth without metrics.tls: scrapers' tokens cross the network as they are")


def readers(settings: Config) -> Readers | None:
    """None: anybody may."""
    if settings.metrics.auth == "none":
        return None
    from stracelet import cluster  # noqa: PLC0415 - its library takes 33 MB, which a host has no use for

    return cluster.metrics_readers(ClusterSource(settings.sources).kubeconfig)
