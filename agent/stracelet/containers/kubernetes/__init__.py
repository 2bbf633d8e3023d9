# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes API as a source: the pods of this node, and the containers in their status."""

from functools import partial

from stracelet.containers.kubernetes.api import by_kubeconfig, in_cluster
from stracelet.containers.kubernetes.checkpoint import Checkpoint
from stracelet.containers.kubernetes.source import KubernetesSource

__all__ = ["KubernetesSource", "source"]


def source(*, name: str, node: str, kubeconfig: str = "", checkpoint: str = "") -> KubernetesSource:
    """The pods of `node`, by a kubeconfig's current context; without one by the service account of our own pod.

    `checkpoint`: the file in which they are kept; empty: none.
    """
    connect = partial(by_kubeconfig, kubeconfig) if kubeconfig else in_cluster
    return KubernetesSource(name=name, node=node, connect=connect, checkpoint=Checkpoint(checkpoint, node))
