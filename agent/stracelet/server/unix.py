# SPDX-License-Identifier: Apache-2.0
"""A Unix socket that its mode guards: made by root, served and removed by an agent that is not root any more."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from stracelet.errors import ServerError

logger = logging.getLogger(__name__)

BACKLOG = 64
ANSWER_SECONDS = 1.0
LOCK_TRIES = 10


class UnixSocket:
    """Listens at `path`, which only its owner may connect to, until close()."""

    def __init__(self, path: str, listening: socket.socket, lock: int) -> None:
        """`lock`: the descriptor of a file, locked, that only its owner may open."""
        self.path, self.socket, self._lock = path, listening, lock
        self._files = {each: _identity(os.lstat(each)) for each in (path, _lock_of(path))}

    @classmethod
    def bind(cls, path: str, *, group: int) -> UnixSocket:
        """What a dead agent has left there is replaced. The folder is made where it is missing, and `group` may then
        remove what is in it.

        ServerError: another agent listens there, or somebody else does; OSError: a right is missing.
        """
        file = Path(path)
        _make_folder(file.parent, group)
        lock = _locked(path)
        listening = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        try:
            _remove_dead(file)
            listening.bind(path)
            listening.listen(BACKLOG)
            listening.setblocking(False)  # noqa: FBT003 -- its only parameter
            return cls(path, listening, lock)
        except BaseException:
            listening.close()
            with suppress(OSError):
                os.unlink(_lock_of(path))  # noqa: PTH108
            os.close(lock)
            raise
        finally:
            os.umask(before)

    def close(self) -> None:
        """Removes it, unless it is another agent's by now, or its folder somebody else's."""
        self.socket.close()
        if self._lock < 0:
            return
        for path, identity in self._files.items():
            try:
                if _identity(os.lstat(path)) == identity:
                    os.unlink(path)  # noqa: PTH108
            except FileNotFoundError:
                continue
            except OSError as error:
                logger.info("%s stays, and is replaced by the next agent's: %s", path, error.strerror)
        os.close(self._lock)
        self._lock = -1


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _lock_of(path: str) -> str:
    return f"{path}.lock"


def _make_folder(folder: Path, group: int) -> None:
    try:
        folder.mkdir(mode=0o755)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        # Who has no right any more removes the socket at its end.
        os.chown(folder, 0, group)
        folder.chmod(0o775)


def _locked(path: str) -> int:
    """A descriptor of the lock's file, which is locked for as long as its agent lives. ServerError: another one's is.

    Not the folder itself: whoever may read that could lock it too, and keep an agent from its start.
    """
    file = _lock_of(path)
    for _ in range(LOCK_TRIES):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _check_ours(descriptor, file)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _identity(os.fstat(descriptor)) == _identity(os.lstat(file)):
                return descriptor
            os.close(descriptor)
        except FileNotFoundError:
            os.close(descriptor)  # its agent has just ended, and removed it
        except BlockingIOError:
            os.close(descriptor)
            break
        except BaseException:
            os.close(descriptor)
            raise
    raise _taken(path)


def _check_ours(descriptor: int, file: str) -> None:
    """PermissionError: others have it under another name, or it is theirs: who may write in the folder."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"{file} is not ours alone")


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


def _taken(file: Path | str) -> ServerError:
    return ServerError(
        f"api.socket: another agent listens at {file}",
        help_text="One agent for a host is enough. For a second one name another socket (api.socket), or `off`.",
    )
