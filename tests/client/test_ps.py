# SPDX-License-Identifier: Apache-2.0
"""What `kubectl strace ps` shows of what agents say."""

from __future__ import annotations

import json

import pytest

from kubectl_strace.ps import containers, show

WHY = "stracelet.io/monitor: not permitted in shop (monitor.annotations.on)"
ONE = {
    "namespace": "shop",
    "pod": "web-0",
    "container": "web",
    "container_id": "ab" * 32,
    "image": "web:1",
    "runtime": "containerd",
    "status": "running",
    "workload": None,
    "monitored": False,
}


def test_what_is_refused_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    found = containers({"node": "n", "containers": [{**ONE, "refused": WHY}, {**ONE, "pod": "web-1", "refused": ""}]})
    show(found, None, with_namespace=False)
    _, refused, other = capsys.readouterr().out.splitlines()
    assert f"running (refused: {WHY})" in refused
    assert "refused" not in other
    show(found, "json", with_namespace=False)
    assert [one["refused"] for one in json.loads(capsys.readouterr().out)["containers"]] == [WHY, ""]
