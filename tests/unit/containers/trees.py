# SPDX-License-Identifier: Apache-2.0
"""Recorded cgroup trees: the paths that each runtime and driver makes, built again as folders.

The paths are as the runtimes make them (runc's libcontainer/cgroups, containerd's CRI plugin, CRI-O's and Podman's
cgroup managers, the kubelet's cgroup_manager_linux.go). `A`, `B`, `C` stand for container IDs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

A, B, C = "a1" * 32, "b2" * 32, "c3" * 32
UID = "0f3c9f0a-7f5e-4a51-9d0e-3d0f5c1b2a77"
SLICE_UID = UID.replace("-", "_")


@dataclass(frozen=True)
class Tree:
    """`cgroups`: PIDs by path under a hierarchy's root. `containers`: those to be found, with all their PIDs."""

    cgroups: Mapping[str, list[int]]
    containers: Mapping[str, list[int]]
    pods: Mapping[str, str] | None = None


TREES = {
    "docker, cgroupfs": Tree({f"docker/{A}": [10, 11], "docker": [], "user": [1]}, {A: [10, 11]}),
    "docker, systemd": Tree(
        {f"system.slice/docker-{A}.scope": [10], "system.slice/docker.service": [5], "init.scope": [1]}, {A: [10]}
    ),
    "docker, with cgroups of its own": Tree(
        {f"docker/{A}": [], f"docker/{A}/init": [10], f"docker/{A}/system.slice/cron.service": [12]}, {A: [10, 12]}
    ),
    "docker in docker": Tree({f"docker/{A}": [10], f"docker/{A}/docker/{B}": [20]}, {A: [10], B: [20]}),
    "podman, systemd": Tree(
        {
            f"machine.slice/libpod-{A}.scope": [],
            f"machine.slice/libpod-{A}.scope/container": [10],
            f"machine.slice/libpod-conmon-{A}.scope": [9],
        },
        {A: [10]},
    ),
    "podman, cgroupfs": Tree({f"libpod_parent/libpod-{A}": [10], "libpod_parent/conmon": [9]}, {A: [10]}),
    "podman, rootless": Tree(
        {f"user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container": [10]}, {A: [10]}
    ),
    "podman's health check": Tree({f"system.slice/{A}.service": [9], f"system.slice/{A}.timer": []}, {}),
    "containerd, systemd": Tree(
        {
            f"kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{SLICE_UID}.slice/"
            f"cri-containerd-{A}.scope": [10],
            f"kubepods.slice/kubepods-pod{SLICE_UID}.slice/cri-containerd-{B}.scope": [20],
        },
        {A: [10], B: [20]},
        {A: UID, B: UID},
    ),
    "containerd, cgroupfs": Tree(
        {f"kubepods/burstable/pod{UID}/{A}": [10], f"kubepods/pod{UID}/{B}": [20]}, {A: [10], B: [20]}, {A: UID, B: UID}
    ),
    "containerd's driver is not the kubelet's": Tree(
        {f"system.slice/containerd.service/kubepods-burstable-pod{SLICE_UID}.slice:cri-containerd:{A}": [10]},
        {A: [10]},
        {A: UID},
    ),
    "cri-o, systemd": Tree(
        {
            f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE_UID}.slice/crio-{A}.scope": [],
            f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE_UID}.slice/"
            f"crio-{A}.scope/container": [10],
            f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE_UID}.slice/crio-conmon-{A}.scope": [
                9
            ],
        },
        {A: [10]},
        {A: UID},
    ),
    "cri-o, cgroupfs": Tree(
        {f"kubepods/besteffort/pod{UID}/crio-{A}": [10], f"kubepods/besteffort/pod{UID}/crio-conmon-{A}": [9]},
        {A: [10]},
        {A: UID},
    ),
    "a static pod": Tree(
        {f"kubepods/burstable/pod4b6a2c5e0f1d3948576a1b2c3d4e5f60/{A}": [10]},
        {A: [10]},
        {A: "4b6a2c5e0f1d3948576a1b2c3d4e5f60"},
    ),
    "what only looks like one": Tree(
        {
            f"{A[:-1]}": [1],
            f"{A}0": [2],
            f"x{A}": [3],
            A.upper(): [4],
            f"var-lib-docker-overlay2-{A}-merged.mount": [5],
            f"docker-{A}.slice": [6],
        },
        {},
    ),
}


def build(tree: Tree, root: Path, version: int) -> None:
    """Makes the folders of one hierarchy of that version, with the file that all have, and v2's that v1 lacks."""
    for path in ("", *tree.cgroups):
        directory = root
        for component in path.split("/"):
            directory = directory / component
            directory.mkdir(parents=True, exist_ok=True)
            for name in ("cgroup.procs", *(["cgroup.controllers"] if version == 2 else [])):
                (directory / name).touch()
        (directory / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in tree.cgroups.get(path, [])))


def mount(tree: Tree, root: Path, layout: str) -> None:
    """Lays the hierarchies out as `v1`, `v2` or `hybrid` under `root`."""
    if layout == "v2":
        build(tree, root, 2)
        return
    for controllers in ("cpu,cpuacct", "memory", "pids", "systemd"):
        build(tree, root / controllers, 1)
    if layout == "hybrid":
        build(tree, root / "unified", 2)
