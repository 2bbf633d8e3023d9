# SPDX-License-Identifier: Apache-2.0
"""Containers and PIDs, from the trees that all the runtimes and drivers make."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stracelet.containers.cgroups import (
    MOST_NESTED,
    MOST_OF_ONE,
    Cgroups,
    container_of_component,
    container_of_path,
    container_of_process,
    hierarchies,
    pod_of_container,
    pod_of_path,
)
from stracelet.errors import SourceError
from tests.unit.containers.trees import SLICE_UID, TREES, UID, A, B, C, Tree, mount

LAYOUTS = ("v1", "v2", "hybrid")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: others cannot give a directory away")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_each_container_once_with_all_its_pids(tree: Tree, layout: str, tmp_path: Path) -> None:
    mount(tree, tmp_path, layout)
    cgroups = Cgroups(tmp_path)
    found = cgroups.scan()
    assert {key: cgroups.pids(paths) for key, paths in found.items()} == tree.containers
    assert all(len(paths) == (2 if layout == "hybrid" else 1) for paths in found.values())
    assert cgroups.cut == 0


@pytest.mark.parametrize("tree", [tree for tree in TREES.values() if tree.pods], ids=str)
def test_the_uid_of_the_pod_is_on_the_path(tree: Tree) -> None:
    assert tree.pods is not None
    found = {container_of_path(path): pod_of_path(path) for path in tree.cgroups if container_of_path(path)}
    assert found == dict(tree.pods)


def test_no_pod_on_the_path_of_others() -> None:
    assert pod_of_path(f"/docker/{A}") is None
    assert pod_of_path(f"/kubepods/besteffort/{A}") is None


@pytest.mark.parametrize(
    ("mounted", "preferred"),
    [
        (("memory", "pids"), "pids"),
        (("cpu,cpuacct", "memory"), "memory"),
        (("cpu,cpuacct", "systemd"), "cpu,cpuacct"),
        (("systemd",), "systemd"),
        ((), "blkio"),
    ],
)
def test_of_v1_the_preferred_hierarchy_is_read(mounted: tuple[str, ...], preferred: str, tmp_path: Path) -> None:
    for name in (*mounted, "blkio"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").touch()
    (tmp_path / "no-hierarchy").mkdir()
    [found] = hierarchies(tmp_path)
    assert (found.root.name, found.version) == (preferred, 1)


def test_a_container_in_v2_alone_is_found(tmp_path: Path) -> None:
    """As one of a runtime that has only v2 on a hybrid machine: its v1 path is its runtime's own."""
    mount(Tree({}, {}), tmp_path, "hybrid")
    (tmp_path / "unified/docker" / A).mkdir(parents=True)
    (tmp_path / "unified/docker" / A / "cgroup.procs").write_text("7\n")
    cgroups = Cgroups(tmp_path)
    assert cgroups.scan() == {A: (str(tmp_path / "unified/docker" / A),)}
    assert cgroups.locate(f"/docker/{A}") == (str(tmp_path / "unified/docker" / A),)
    assert container_of_process({"pids": "/user/session", "": f"/docker/{A}"}) == A


def test_the_line_of_v2_counts_first() -> None:
    assert container_of_process({"pids": f"/docker/{B}", "": f"/docker/{A}"}) == A


def test_paths_outside_our_cgroup_namespace() -> None:
    assert container_of_path(f"/../{A}") == A
    assert container_of_path(f"/../../docker-{A}.scope/init") == A
    assert container_of_path("/") is None


def test_the_innermost_container_counts() -> None:
    assert container_of_path(f"/docker/{A}/kubepods/podx/{B}/sub") == B


def test_pids_of_other_namespaces_and_garbage_are_left_out(tmp_path: Path) -> None:
    mount(TREES["docker, cgroupfs"], tmp_path, "v2")
    procs = tmp_path / "docker" / A / "cgroup.procs"
    procs.write_text("0\n12\n12\n")
    assert Cgroups(tmp_path).pids([str(procs.parent)]) == [12]
    procs.write_bytes(b"12\n\xff\xfe-3\n")
    assert Cgroups(tmp_path).pids([str(procs.parent)]) == []
    assert Cgroups(tmp_path).pids([str(tmp_path / "vanished")]) == []


def test_no_tree_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no cgroup hierarchy at"):
        Cgroups(tmp_path).scan()
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        Cgroups(tmp_path / "none").scan()


def test_what_is_too_deep_is_counted(tmp_path: Path) -> None:
    mount(Tree({"/".join(["d"] * 40): [1]}, {}), tmp_path, "v2")
    cgroups = Cgroups(tmp_path)
    assert cgroups.scan() == {}
    assert cgroups.cut == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_container_cannot_pass_for_another_one(layout: str, tmp_path: Path) -> None:
    """Whichever of the two directories is read first, and however deep it is."""
    tree = Tree({f"docker/{A}": [10], f"docker/{A}/x/{B}": [20], f"docker/{B}": [30], f"docker/{B}/{C}/{A}": [40]}, {})
    mount(tree, tmp_path, layout)
    cgroups = Cgroups(tmp_path)
    found = cgroups.scan()
    assert {key: cgroups.pids(paths) for key, paths in found.items()} == {A: [10, 20], B: [30], C: [40]}


def give(directory: Path, uid: int) -> None:
    """As systemd gives a user his part of the tree, and what the user makes there later."""
    for each in (directory, *(path for path in directory.rglob("*") if path.is_dir())):
        os.chown(each, uid, uid)


USER = "user.slice/user-1000.slice/user@1000.service"
OTHER = "user.slice/user-1001.slice/user@1001.service"


@as_root
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("docker", ["docker", "system.slice", "zzz"])
def test_a_user_cannot_pass_for_a_container_of_root_s(docker: str, layout: str, tmp_path: Path) -> None:
    """Wherever the two are, also where the container's own cgroup is its user namespace's."""
    tree = Tree({f"{docker}/{A}": [10], f"{docker}/{A}/{C}": [11], USER: [20], f"{USER}/{A}/{B}": [30]}, {})
    mount(tree, tmp_path, layout)
    for root in (each.root for each in hierarchies(tmp_path)):
        give(root / docker / A, 100000)
        give(root / USER, 1000)
    cgroups = Cgroups(tmp_path)
    for _ in range(2):
        found = cgroups.scan()
        assert {key: cgroups.pids(paths) for key, paths in found.items()} == {A: [10], C: [11]}


@as_root
def test_where_root_s_is_in_the_other_hierarchy_alone_a_user_cannot_either(tmp_path: Path) -> None:
    mount(Tree({USER: []}, {}), tmp_path, "hybrid")
    for path, number in ((f"pids/docker/{A}", 10), (f"unified/{USER}/{A}", 30)):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "cgroup.procs").write_text(f"{number}\n")
    give(tmp_path / "unified" / USER, 1000)
    assert Cgroups(tmp_path).scan() == {A: (str(tmp_path / "pids/docker" / A),)}


@as_root
def test_a_container_of_one_user_s_stays_his(tmp_path: Path) -> None:
    mount(Tree({f"{USER}/user.slice/libpod-{A}.scope/container": [10], OTHER: []}, {}), tmp_path, "v2")
    give(tmp_path / USER, 1000)
    cgroups = Cgroups(tmp_path)
    for number, name in enumerate((A, f"docker-{A}.scope", f"0/{A}"), 20):
        cgroups.scan()
        (tmp_path / OTHER / name).mkdir(parents=True)
        (tmp_path / OTHER / name / "cgroup.procs").write_text(f"{number}\n")
        give(tmp_path / OTHER, 1001)
        assert cgroups.pids(cgroups.scan()[A]) == [10]


def test_a_container_has_its_share_of_the_directories(tmp_path: Path) -> None:
    mount(Tree({f"docker/{A}": [10], f"docker/{B}/inside": [20]}, {}), tmp_path, "v2")
    for i in range(MOST_OF_ONE):
        (tmp_path / f"docker/{A}/{i}/{i}").mkdir(parents=True)
    (tmp_path / f"docker/{A}/zzz" / C).mkdir(parents=True)
    cgroups = Cgroups(tmp_path)
    assert {A, B} <= cgroups.scan().keys()
    assert cgroups.cut == MOST_OF_ONE + 1


@as_root
def test_so_has_a_user(tmp_path: Path) -> None:
    mount(Tree({f"docker/{A}": [], f"{OTHER}/{B}": [], USER: []}, {}), tmp_path, "v2")
    for i in range(MOST_OF_ONE + 5):
        (tmp_path / USER / f"{i:064x}").mkdir()
    give(tmp_path / USER, 1000)
    give(tmp_path / OTHER, 1001)
    cgroups = Cgroups(tmp_path)
    found = cgroups.scan()
    assert {A, B} <= found.keys()
    assert (len(found), cgroups.cut) == (2 + MOST_OF_ONE, 5)


def test_an_id_in_two_containers_stays_with_the_first(tmp_path: Path) -> None:
    mount(Tree({f"docker/{B}": [30], f"docker/{B}/{C}": [40], f"docker/{A}": [10]}, {}), tmp_path, "v2")
    cgroups = Cgroups(tmp_path)
    for number, root in enumerate((A, "0" * 64, "f" * 64), 50):
        cgroups.scan()
        forged = tmp_path / "docker" / root / C
        forged.mkdir(parents=True)
        (forged / "cgroup.procs").write_text(f"{number}\n")
        found = cgroups.scan()
        assert cgroups.pids(found[C]) == [40]
        assert number in cgroups.pids(found[root])


def test_the_containers_in_a_container_are_bounded(tmp_path: Path) -> None:
    forged = {f"docker/{A}/{i:064x}/{i + 1000:064x}": [i + 100] for i in range(MOST_NESTED)}
    mount(Tree({f"docker/{A}": [10], f"docker/{B}": [20], f"docker/{B}/{C}": [30], **forged}, {}), tmp_path, "v2")
    cgroups = Cgroups(tmp_path)
    found = cgroups.scan()
    assert len(found) == 3 + MOST_NESTED
    assert cgroups.cut == MOST_NESTED
    assert cgroups.pids(found[C]) == [30]
    assert {pid for paths in found.values() for pid in cgroups.pids(paths)} == {10, 20, 30, *range(100, 164)}
    (tmp_path / "docker" / A / ("d" * 64)).mkdir()
    assert cgroups.scan() == found


@given(st.text())
def test_any_component_is_an_id_or_none(component: str) -> None:
    found = container_of_component(component)
    assert found is None or (len(found) == 64 and found in component and set(found) <= set("0123456789abcdef"))


@given(prefix=st.from_regex(r"\A[a-z]{0,12}\Z"), id_=st.from_regex(r"\A[0-9a-f]{64}\Z"), scope=st.booleans())
def test_an_id_with_any_prefix_is_found_unless_it_is_a_monitor(prefix: str, id_: str, scope: bool) -> None:
    component = f"{prefix}-{id_}" if prefix else id_
    component += ".scope" if scope else ""
    assert container_of_component(component) == (None if prefix.endswith("conmon") else id_)


@given(st.text())
def test_any_path_has_a_pod_or_none(path: str) -> None:
    uid = pod_of_path(f"/kubepods/{path}")
    assert uid is None or uid


@pytest.mark.parametrize(
    ("path", "uid"),
    [
        (f"/kubepods/burstable/pod{UID}/{A}", UID),
        (f"/kubepods/burstable/pod{UID}/{A}/init", UID),
        (f"/kubepods.slice/kubepods-pod{SLICE_UID}.slice/cri-containerd-{A}.scope", UID),
        (f"/system.slice/kubepods-besteffort-pod{SLICE_UID}.slice:cri-containerd:{A}", UID),
        (f"/docker/{C}/kubelet/kubepods/pod{UID}/{A}", UID),
        (f"/kubepods/pod{UID}/{A}/docker/{B}", None),
        (f"/docker/{A}", None),
        (f"/kubepods/pod{UID}", None),
    ],
)
def test_whose_pod_a_container_is_of(path: str, uid: str | None) -> None:
    assert pod_of_container(path) == uid
