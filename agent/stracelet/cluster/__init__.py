# SPDX-License-Identifier: Apache-2.0
"""The agent in a cluster: the objects that permit a trace."""

from stracelet.cluster.gate import TraceGate
from stracelet.cluster.objects import TraceObjects
from stracelet.containers.kubernetes.api import by_kubeconfig, in_cluster

__all__ = ["TraceGate", "trace_gate"]


def trace_gate(kubeconfig: str) -> TraceGate:
    """By the API server of that kubeconfig, or of the pod that we run in."""
    return TraceGate(TraceObjects(lambda: by_kubeconfig(kubeconfig) if kubeconfig else in_cluster()))
