# SPDX-License-Identifier: Apache-2.0
"""The Unix socket of an agent: its mode, what is in its place, and that it goes."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from stracelet.errors import ServerError
from stracelet.server.unix import UnixSocket


def bound(path: Path) -> UnixSocket:
    return UnixSocket.bind(str(path), group=os.getegid())


def test_it_is_its_owners_alone_and_goes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "made" / "agent.sock"
    before = os.umask(0)
    try:
        made = bound(path)
    finally:
        assert os.umask(before) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    made.close()
    assert not path.exists()
    made.close()


def test_a_dead_ones_is_replaced_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    first = bound(path)
    with pytest.raises(ServerError, match=f"another agent listens at {path}"):
        bound(path)
    assert path.is_socket()
    first.close()


def test_another_ones_in_its_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    made = bound(path)
    path.rename(tmp_path / "before")  # or the next one could get the same inode
    second = bound(path)
    made.close()
    assert path.is_socket()
    second.close()
    (tmp_path / "before").unlink()


def test_what_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    path.write_text("mine")
    with pytest.raises(ServerError, match="is no socket"):
        bound(path)
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_not_made_for_long_paths(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bound(tmp_path / "none" / "either" / "agent.sock")
