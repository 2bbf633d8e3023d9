# SPDX-License-Identifier: Apache-2.0
"""The Unix socket of an agent: its mode, what is in its place, and that it goes."""

from __future__ import annotations

import fcntl
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
    made.socket.close()  # as who serves it does at the end
    made.close()
    assert list(path.parent.iterdir()) == []
    made.close()


def test_a_dead_ones_is_replaced_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    first = bound(path)
    with pytest.raises(ServerError, match=f"another agent listens at {path}"):
        bound(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    first.close()


def test_one_that_is_killed_leaves_what_the_next_one_takes(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    child = os.fork()
    if child == 0:
        bound(path)
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    assert len(list(tmp_path.iterdir())) == 2
    made = bound(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    made.close()
    assert list(tmp_path.iterdir()) == []


def test_somebody_elses_living_one_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(ServerError, match=f"another agent listens at {path}"):
            bound(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_nobody_who_only_reads_the_folder_keeps_an_agent_from_it(tmp_path: Path) -> None:
    """A lock takes no more than an open file."""
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        made = bound(tmp_path / "agent.sock")
    finally:
        os.close(folder)
    (lock,) = [file for file in tmp_path.iterdir() if not file.is_socket()]
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    made.close()


def test_another_ones_in_its_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    made = bound(path)
    for file in tuple(tmp_path.iterdir()):
        file.rename(tmp_path / f"before-{file.name}")  # not removed: the next ones could get the same inodes
    second = bound(path)
    made.close()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    second.close()
    assert {file.name for file in tmp_path.iterdir()} == {"before-agent.sock", "before-agent.sock.lock"}


def test_a_lock_that_is_another_file_too_is_not_taken(tmp_path: Path) -> None:
    """Who may write in the folder could have us hold it."""
    another = tmp_path / "another"
    another.touch()
    os.link(another, tmp_path / "agent.sock.lock")
    with pytest.raises(PermissionError, match="not ours alone"):
        bound(tmp_path / "agent.sock")


def test_what_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    path.write_text("mine")
    with pytest.raises(ServerError, match="is no socket"):
        bound(path)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_not_made_for_long_paths(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bound(tmp_path / "none" / "either" / "agent.sock")
