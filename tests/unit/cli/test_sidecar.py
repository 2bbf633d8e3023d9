# SPDX-License-Identifier: Apache-2.0
"""What a sidecar means where no target is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from stracelet.cli.sidecar import pod_targets
from stracelet.errors import TargetNotFound
from tests.unit.containers.test_own_pod import add, proc

assert proc  # a fixture


def test_all_other_containers_or_the_one_of_that_name(proc: Path) -> None:
    add(proc, 30, parent=0, mounts="mnt:[4]", name="log")
    assert pod_targets(None, proc) == ["pid/7", "pid/30"]
    assert pod_targets("log", proc) == ["pid/30"]
    with pytest.raises(TargetNotFound, match="db: no container of this pod") as caught:
        pod_targets("db", proc)
    assert caught.value.help_text == "There are: app, log."


def test_where_pids_are_not_shared_nothing_is_meant(tmp_path: Path) -> None:
    assert pod_targets(None, tmp_path) == []
    assert pod_targets("web", tmp_path) == []
