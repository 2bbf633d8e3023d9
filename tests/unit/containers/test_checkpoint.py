# SPDX-License-Identifier: Apache-2.0
"""What an agent knew of its node's pods is there at its next start, and nothing that others have put in its place."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stracelet.containers.kubernetes.api import Api
from stracelet.containers.kubernetes.checkpoint import LARGEST, LARGEST_POD, Checkpoint
from stracelet.containers.kubernetes.pods import PodEntry, parse_pod
from stracelet.containers.kubernetes.source import KubernetesSource
from stracelet.containers.sources import Listing
from stracelet.errors import SourceError
from tests.unit.containers.servers import until

SOURCE = "kubernetes"
DIGEST = "0123456789abcdef" * 2


def _entry(name: str = "web-0", *, state: str = "running", **metadata: Any) -> PodEntry:
    status = {"name": "web", "image": "web:1", "containerID": f"containerd://{'a' * 64}", "state": {state: {}}}
    pod = {
        "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}", **metadata},
        "status": {"containerStatuses": [status]},
    }
    return parse_pod(pod, SOURCE)


def _controlled(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, "controller": True}]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return Checkpoint(str(tmp_path / "pods.json"), "node-1")


@pytest.mark.parametrize(
    "entry",
    [
        _entry(),
        _entry(state="waiting"),
        _entry(state="terminated"),
        _entry(labels={"app": "web", "x": "ü\n"}),
        _entry(annotations={"stracelet.io/monitor": "true", "other": "x"}),
        _entry(annotations={"kubernetes.io/config.mirror": DIGEST}),
        _entry(labels={"pod-template-hash": "5d9c7"}, ownerReferences=_controlled("ReplicaSet", "web-5d9c7")),
        _entry(labels={"pod-template-hash": "5d9c7"}, ownerReferences=_controlled("ReplicaSet", "-5d9c7")),
        _entry(ownerReferences=_controlled("StatefulSet", "web")),
    ],
)
def test_what_is_saved_is_there_again(checkpoint: Checkpoint, entry: PodEntry) -> None:
    assert checkpoint.load(SOURCE) == []
    checkpoint.save([_entry("other"), entry])
    assert checkpoint.load(SOURCE) == [_entry("other"), entry]
    checkpoint.save([])
    assert checkpoint.load(SOURCE) == []


def test_it_is_ours_alone_whoever_was_killed_writing_it(checkpoint: Checkpoint, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("x")
    (tmp_path / "pods.json.new").symlink_to(elsewhere)
    checkpoint.save([_entry()])
    assert elsewhere.read_text() == "x"
    assert [each.name for each in sorted(tmp_path.iterdir())] == ["elsewhere", "pods.json"]
    assert (tmp_path / "pods.json").stat().st_mode & 0o777 == 0o600


def _linked(file: Path) -> None:
    file.rename(file.with_suffix(".real"))
    file.symlink_to(file.with_suffix(".real"))


def _fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def _of(**changes: Any) -> Callable[[Path], None]:
    return lambda file: _write(file, json.dumps({**json.loads(file.read_text()), **changes}))


def _write(file: Path, text: str) -> None:
    file.write_text(text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_linked, "symbolic links"),
        (_fifo, "no file of ours alone"),
        (lambda file: file.chmod(0o620), "no file of ours alone"),
        (lambda file: _write(file, ""), "Expecting value"),
        (lambda file: _write(file, "["), "Expecting value"),
        (lambda file: _write(file, "[]"), "another version"),
        (lambda file: _write(file, "[" * 200000), "recursion"),
        (lambda file: file.write_bytes(b"\xff\xfe\xff"), "codec"),
        (lambda file: _write(file, " " * (LARGEST + 1)), "larger than 4 MiB"),
        (_of(version=2), "another version"),
        (_of(node="node-2"), "another node than node-1"),
        (_of(pods={}), "no list of pods"),
        (_of(pods=[[]]), "no list of pods"),
        (_of(pods=[{"metadata": {"name": "web"}}]), "without name, namespace or UID"),
    ],
)
def test_what_is_not_ours_is_not_used_and_said_in_one_line(
    checkpoint: Checkpoint,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Path], None],
    said: str,
) -> None:
    checkpoint.save([_entry()])
    change(tmp_path / "pods.json")
    assert checkpoint.load(SOURCE) == []
    (line,) = caplog.messages
    assert str(tmp_path / "pods.json") in line
    assert said in line
    checkpoint.save([_entry()])
    assert checkpoint.load(SOURCE) == [_entry()]


def test_one_pods_labels_keep_no_other_pod_out(
    checkpoint: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fat = _entry("fat", labels={"x": "y" * LARGEST_POD})
    for _ in range(2):
        checkpoint.save([fat, _entry()])
    assert checkpoint.load(SOURCE) == [_entry()]
    many = [_entry(f"web-{i}", labels={"x": "y" * (LARGEST_POD - 1000)}) for i in range(300)]
    checkpoint.save(many)
    found = checkpoint.load(SOURCE)
    assert 250 < len(found) < 300
    assert found == many[: len(found)]
    assert (tmp_path / "pods.json").stat().st_size <= LARGEST
    assert [line.split(" has ")[1] for line in caplog.messages] == [
        "no room for 1 pods",
        f"no room for {300 - len(found)} pods",
    ]


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint = Checkpoint(str(tmp_path / "nowhere/pods.json"), "node-1")
    for _ in range(3):
        checkpoint.save([_entry()])
    assert caplog.messages == [
        f"the checkpoint {tmp_path}/nowhere/pods.json cannot be written: No such file or directory"
    ]


def _inode(checkpoint: Checkpoint) -> int:
    return Path(checkpoint.path).stat().st_ino


async def test_what_changes_is_saved_soon_and_not_each_time(checkpoint: Checkpoint) -> None:
    entries: list[PodEntry] = []
    async with checkpoint.keeping(lambda: tuple(entries)) as changed:
        entries.append(_entry())
        changed()
        await until(lambda: checkpoint.load(SOURCE) == entries)
        before = _inode(checkpoint)
        for i in range(100):
            entries.append(_entry(f"web-{i}"))
            changed()
            await until(lambda: True)
        assert _inode(checkpoint) == before
        await until(lambda: checkpoint.load(SOURCE) == entries)


async def test_a_source_whose_server_is_away_lists_what_it_was_told_before(checkpoint: Checkpoint) -> None:
    def away() -> Api:
        raise SourceError("the Kubernetes API does not answer: refused")

    source = KubernetesSource(name=SOURCE, node="node-1", connect=away, checkpoint=checkpoint)
    with pytest.raises(SourceError, match="refused"):
        await source.list()
    entry = _entry()
    checkpoint.save([entry])
    assert await source.list() == Listing(
        entry.containers, (entry.pod,), stale="the Kubernetes API does not answer: refused"
    )
