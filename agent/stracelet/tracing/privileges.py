# SPDX-License-Identifier: Apache-2.0
"""Gives up every right that the agent does not need, for good, and makes sure that none is left.

A process with uid 0 has rights without any capability, and gets its capabilities back at an exec; so the uid goes too,
the bounding set is emptied, and no_new_privs is set: capabilities(7).
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stracelet.errors import StraceletError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOBODY: Final = 65534

# linux/prctl.h and linux/capability.h
PR_SET_DUMPABLE: Final = 4
PR_CAPBSET_READ: Final = 23
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
CAPABILITY_VERSION_3: Final = 0x20080522
CAP_SETPCAP: Final = 8
CAPABILITIES: Final = 64
CAPABILITY_SETS: Final = ("CapInh", "CapPrm", "CapEff", "CapAmb")


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop_privileges(uid: int = NOBODY, gid: int = NOBODY, groups: Sequence[int] = ()) -> None:
    """Becomes uid, gid and groups where it is root, and drops all capabilities.

    To be called before any thread is started: capabilities are a thread's. What stays open stays usable. Who is not
    root keeps uid, gid and groups. StraceletError: a right is left.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    before = _status(Path("/proc/self/status"))
    may_empty_bounding = bool(int(before["CapEff"], 16) >> CAP_SETPCAP & 1)
    if may_empty_bounding:
        _empty_bounding_set(libc)
    _prctl(libc, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    root = os.geteuid() == 0
    if root:
        _become(uid, gid, groups)
    _clear_capabilities(libc)
    _prctl(libc, PR_SET_NO_NEW_PRIVS, 1)
    # Others with the same uid could read its memory, and the token or socket in it: ptrace(2)
    _prctl(libc, PR_SET_DUMPABLE, 0)
    _verify(uid if root else None, gid if root else None, empty_bounding=may_empty_bounding)


def _become(uid: int, gid: int, groups: Sequence[int]) -> None:
    try:
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except PermissionError as error:
        raise StraceletError(
            f"root cannot become uid {uid} here: {error.strerror}",
            help_text="In a container give it the capabilities SETUID and SETGID (--cap-add SETUID --cap-add SETGID).",
        ) from error


def _prctl(libc: ctypes.CDLL, *arguments: int) -> int:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[1:5]]
    result = int(libc.prctl(arguments[0], *padded))
    if result < 0:
        error = ctypes.get_errno()
        raise StraceletError(f"prctl({', '.join(map(str, arguments))}) failed: {os.strerror(error)}")
    return result


def _empty_bounding_set(libc: ctypes.CDLL) -> None:
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    for capability in range(min(last + 1, CAPABILITIES)):
        if _prctl(libc, PR_CAPBSET_READ, capability):
            _prctl(libc, PR_CAPBSET_DROP, capability)


def _clear_capabilities(libc: ctypes.CDLL) -> None:
    header = _Header(CAPABILITY_VERSION_3, 0)
    if libc.capset(ctypes.byref(header), (_Sets * 2)()) < 0:
        raise StraceletError(f"capabilities cannot be dropped: {os.strerror(ctypes.get_errno())}")


def _status(path: Path) -> Mapping[str, str]:
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _verify(uid: int | None, gid: int | None, *, empty_bounding: bool) -> None:
    for task in Path("/proc/self/task").iterdir():
        left = list(_left(_status(task / "status"), uid, gid, empty_bounding=empty_bounding))
        if left:
            raise StraceletError(
                f"rights are left in thread {task.name} after all were dropped: {', '.join(left)}",
                help_text="This is a fault of the program; nothing was served with these rights.",
            )


def _left(status: Mapping[str, str], uid: int | None, gid: int | None, *, empty_bounding: bool) -> Iterator[str]:
    """What there should be no more of."""
    for name in (*CAPABILITY_SETS, *(("CapBnd",) if empty_bounding else ())):
        if int(status[name], 16):
            yield f"{name} {status[name]}"
    if status["NoNewPrivs"] != "1":
        yield "no_new_privs is not set"
    for name, wanted in (("Uid", uid), ("Gid", gid)):
        if wanted is not None and set(status[name].split()) != {str(wanted)}:
            yield f"{name} {status[name].split()}"
