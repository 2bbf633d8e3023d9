# SPDX-License-Identifier: Apache-2.0
"""A Unix socket that its mode guards: made by root, served and removed by an agent that is not root any more."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

BACKLOG = 64
ANSWER_SECONDS = 1.0


class UnixSocket:
    """Listens at `path`, which only its owner may connect to, until close()."""

    def __init__(self, path: str, listening: socket.socket) -> None:
        self.path, self.socket = path, listening
        self._identity = _identity(path)

    @classmethod
    def bind(cls, path: str, *, group: int) -> UnixSocket:
        """What a dead agent has left there is replaced. The folder is made where it is missing, and `group` may then
        remove what is in it.

        ServerError: another agent listens there; OSError: a right is missing.
        """
        file = Path(path)
        _make_folder(file.parent, group)
        with _alone(file.parent):
            _remove_dead(file)
            listening = socket.socket(socket.AF_UNIX)
            before = os.umask(0o177)
            try:
                listening.bind(path)
            except BaseException:
                listening.close()
                raise
            finally:
                os.umask(before)
        listening.listen(BACKLOG)
        listening.setblocking(False)  # noqa: FBT003 -- its only parameter
        return cls(path, listening)

    def close(self) -> None:
        """Removes it, unless it is another agent's by now, or its folder somebody else's."""
        self.socket.close()
        try:
            if _identity(self.path) == self._identity:
                os.unlink(self.path)  # noqa: PTH108
        except FileNotFoundError:
            return
        except OSError as error:
            logger.info("%s stays, and is replaced by the next agent's: %s", self.path, error.strerror)


def _identity(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino


def _make_folder(folder: Path, group: int) -> None:
    try:
        folder.mkdir(mode=0o755)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        # Who has no right any more removes the socket at its end.
        os.chown(folder, 0, group)
        folder.chmod(0o775)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Of two agents that start at once one is first: else each could take the other's socket for a dead one's."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_dead(file: Path) -> None:
    """ServerError: somebody listens there, or it is no socket."""
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ServerError(f"api.socket: {file} is there, and is no socket")
    with socket.socket(socket.AF_UNIX) as other:
        other.settimeout(ANSWER_SECONDS)
        try:
            other.connect(str(file))
        except ConnectionRefusedError:
            file.unlink()
        except TimeoutError:
            raise _taken(file) from None
        else:
            raise _taken(file)


def _taken(file: Path) -> ServerError:
    return ServerError(
        f"api.socket: another agent listens at {file}",
        help_text="One agent for a host is enough. For a second one name another socket (api.socket), or `off`.",
    )
