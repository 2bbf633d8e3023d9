# SPDX-License-Identifier: Apache-2.0
"""What a trace says on the way: of what it was asked for, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stracelet.cli.progress import Progress
from stracelet.containers.procfs import Procfs
from stracelet.errors import NotPermitted
from stracelet.native import constants
from stracelet.tracing import protocol

if TYPE_CHECKING:
    from pathlib import Path

ASKED, OTHER = "a1" * 32, "b2" * 32


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    made = Progress(lambda id_: id_[:2], lambda id_: id_ == ASKED, Procfs(tmp_path), quiet=False)
    made.expect(frozenset({ASKED}), [])
    return made


def failed(id_: str, reason: int) -> protocol.Failed:
    return protocol.Failed(0, 1, id_, 42, reason, 1, "")


@pytest.mark.parametrize("reason", range(6))
def test_failures_of_new_containers_that_nobody_asked_for_are_no_news(
    progress: Progress, capsys: pytest.CaptureFixture[str], reason: int
) -> None:
    progress.see(failed(OTHER, reason))
    progress.see(protocol.Refused(OTHER, 42, 1, ""))
    progress.check_rights()
    assert capsys.readouterr().err == ""
    progress.see(failed(ASKED, reason))
    assert "stracelet: a1: process 42" in capsys.readouterr().err


def test_a_right_is_missing_though_another_container_was_attached(progress: Progress) -> None:
    progress.see(failed(ASKED, constants.STL_FAIL_PERMISSION))
    progress.see(protocol.Attached(0, 1, OTHER, 1, 0))
    with pytest.raises(NotPermitted, match=r"^a1: process 42 cannot be traced"):
        progress.check_rights()


def test_one_process_of_several_that_is_refused_ends_nothing(progress: Progress) -> None:
    progress.see(failed(ASKED, constants.STL_FAIL_PERMISSION))
    progress.see(protocol.Attached(0, 1, ASKED, 1, 0))
    progress.check_rights()
    assert not progress.failed()


def test_one_that_could_not_be_traced_is_a_failure_and_has_not_ended(
    progress: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its slot has: no task is in it."""
    progress.see(failed(ASKED, constants.STL_FAIL_TRACED))
    progress.see(protocol.Ended(0, 1, ASKED))
    assert progress.all_ended()
    assert progress.failed()
    said = capsys.readouterr().err
    assert "it is traced already" in said
    assert "has ended" not in said


def test_what_is_traced_from_late_on_and_ends_soon_has_been_traced(
    progress: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.see(failed(ASKED, constants.STL_FAIL_LATE))
    progress.see(protocol.Attached(0, 1, ASKED, 0, 0))
    progress.see(protocol.Ended(0, 1, ASKED))
    assert not progress.failed()
    assert "has ended" in capsys.readouterr().err


def test_failures_of_others_are_no_failure(progress: Progress) -> None:
    progress.see(failed(OTHER, constants.STL_FAIL_TRACED))
    assert not progress.failed()
