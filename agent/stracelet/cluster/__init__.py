# SPDX-License-Identifier: Apache-2.0
"""The agent in a cluster: the objects that permit a trace, and who may read the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stracelet.cluster.gate import TraceGate
from stracelet.cluster.objects import TraceObjects
from stracelet.cluster.readers import Readers
from stracelet.containers.kubernetes.api import by_kubeconfig, in_cluster

if TYPE_CHECKING:
    from stracelet.cluster.reviews import Reviews
    from stracelet.containers.kubernetes.api import Api

__all__ = ["Readers", "TraceGate", "metrics_readers", "token_reviews", "trace_gate"]


def trace_gate(kubeconfig: str) -> TraceGate:
    """By the API server of that kubeconfig, or of the pod that we run in."""
    return TraceGate(TraceObjects(lambda: _connect(kubeconfig)))


def token_reviews(kubeconfig: str) -> Reviews:
    """By the same API server."""
    from stracelet.cluster.reviews import Reviews  # noqa: PLC0415 - its models, for those who have a use for them

    return Reviews(lambda: _connect(kubeconfig))


def metrics_readers(kubeconfig: str) -> Readers:
    """By the same API server."""
    return Readers(token_reviews(kubeconfig))


def _connect(kubeconfig: str) -> Api:
    return by_kubeconfig(kubeconfig) if kubeconfig else in_cluster()
