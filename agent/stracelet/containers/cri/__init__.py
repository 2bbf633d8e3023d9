# SPDX-License-Identifier: Apache-2.0
"""Names from the Container Runtime Interface, v1: containerd, CRI-O and what else a kubelet speaks to.

api.proto is the part of the public definition that is needed, with its field numbers; api_pb2.py is made from it by
generate.py.
"""

from stracelet.containers.cri.source import CriSource

__all__ = ["CriSource"]
