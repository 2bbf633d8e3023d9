# SPDX-License-Identifier: Apache-2.0
"""What the kernel and this process's own rights allow, from /proc and /sys alone.

The order follows what the kernel asks of ptrace(2) ("Ptrace access mode checking"): credentials, then the security
modules.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from stracelet.cli.checks.finding import Finding
from stracelet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# include/uapi/linux/capability.h
CAPABILITIES = {1: "DAC_OVERRIDE", 2: "DAC_READ_SEARCH", 14: "IPC_LOCK", 19: "SYS_PTRACE", 21: "SYS_ADMIN"}
FULL_UID_MAP = ["0", "0", "4294967295"]
# include/linux/proc_ns.h: PROC_PID_INIT_INO, the inode of the first PID namespace
FIRST_PID_NAMESPACE = 0xEFFFFFFC
YAMA = {
    0: "any process of the same user",
    1: "descendants alone",
    2: "for CAP_SYS_PTRACE alone",
    3: "for nobody",
}
MEMLOCK_WANTED = 8 << 20


def own_status(proc: Path) -> Mapping[str, str]:
    """What /proc says of ourselves. ConfigError: it is no proc file system."""
    try:
        lines = (proc / "self/status").read_text().splitlines()
    except OSError as error:
        raise ConfigError(
            f"procfs: {error.filename} cannot be read: {error.strerror}",
            help_text="It has to be where a proc file system is mounted, /proc as a rule.",
        ) from error
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def has_capability(status: Mapping[str, str], number: int, which: str = "CapEff") -> bool:
    return bool(int(status.get(which, "0"), 16) >> number & 1)


def check_host(proc: Path, sys: Path) -> Iterator[Finding]:
    """All findings about the machine and this process. ConfigError: there is no proc file system."""
    status = own_status(proc)
    yield capabilities(status)
    yield yama(proc, privileged=has_capability(status, 19))
    yield seccomp(status)
    yield from apparmor(proc, sys)
    yield from selinux(proc, sys)
    yield user_namespace(proc)
    yield pid_namespace(proc)
    yield memlock(proc, privileged=has_capability(status, 14))


def capabilities(status: Mapping[str, str]) -> Finding:
    wanted = {19: "to trace processes of other users", 2: "to read what other users' processes have open"}
    # CAP_DAC_OVERRIDE includes what CAP_DAC_READ_SEARCH gives for reading (capabilities(7)).
    missing = [n for n in wanted if not has_capability(status, n) and not (n == 2 and has_capability(status, 1))]
    own = [name for number, name in CAPABILITIES.items() if has_capability(status, number)]
    listed = ", ".join(f"CAP_{name}" for name in own) or "none that matters here"
    if not missing:
        return Finding("capabilities", "ok", listed)
    names = " and ".join(f"CAP_{CAPABILITIES[number]} ({wanted[number]})" for number in missing)
    if all(has_capability(status, number, "CapBnd") for number in missing):
        mend = "Run it with sudo. Your own processes and `trace -- COMMAND` work without."
    else:
        given = " ".join(f"--cap-add {CAPABILITIES[number]}" for number in missing)
        mend = f"They are not in the bounding set, so sudo does not help: give them to this container ({given})."
    return Finding("capabilities", "failed", f"have {listed}; missing {names}", mend)


def yama(proc: Path, *, privileged: bool) -> Finding:
    file = proc / "sys/kernel/yama/ptrace_scope"
    try:
        scope = int(file.read_text())
    except FileNotFoundError:
        return Finding("yama", "ok", "not in this kernel")
    except (OSError, ValueError) as error:
        return Finding("yama", "note", f"{file} cannot be read: {error}")
    found = f"ptrace_scope {scope}: tracing allowed of {YAMA.get(scope, 'unknown')}"
    if scope in (2, 3):
        found = f"ptrace_scope {scope}: tracing allowed {YAMA[scope]}"
    if scope == 3:
        return Finding("yama", "failed", found, "It cannot be lowered: boot without kernel.yama.ptrace_scope=3.")
    if scope and not privileged:
        mend = "Run it with sudo, or `sysctl kernel.yama.ptrace_scope=0`."
        return Finding("yama", "note" if scope == 1 else "failed", found, mend)
    return Finding("yama", "ok", found)


def seccomp(status: Mapping[str, str]) -> Finding:
    mode = status.get("Seccomp", "0")
    if mode == "0":
        return Finding("seccomp", "ok", "no filter on this process")
    filters = status.get("Seccomp_filters", "at least 1")
    return Finding(
        "seccomp",
        "note",
        f"this process is under a filter (mode {mode}, filters: {filters})",
        "If the attaching below fails, it may deny ptrace: run the container with --security-opt seccomp=unconfined,"
        " or a profile that allows ptrace and process_vm_readv.",
    )


def _read(*files: Path) -> str:
    """The text of the first file that can be read, stripped; "" when none can."""
    for file in files:
        try:
            return file.read_text().strip("\0\n ")
        except OSError:
            continue
    return ""


def apparmor(proc: Path, sys: Path) -> Iterator[Finding]:
    if _read(sys / "module/apparmor/parameters/enabled") != "Y":
        yield Finding("apparmor", "ok", "not enabled")
        return
    profile = _read(proc / "self/attr/apparmor/current", proc / "self/attr/current")
    if profile.startswith("unconfined") or not profile:
        yield Finding("apparmor", "ok", f"enabled; this process is {profile or 'of no profile'}")
        return
    mend = "Run it unconfined (--security-opt apparmor=unconfined), or allow `ptrace (trace, read)` in its profile."
    confined = "(enforce)" in profile
    yield Finding("apparmor", "failed" if confined else "note", f"this process is confined by {profile}", mend)


def selinux(proc: Path, sys: Path) -> Iterator[Finding]:
    enforcing = _read(sys / "fs/selinux/enforce")
    if enforcing != "1":
        yield Finding("selinux", "ok", "permissive" if enforcing == "0" else "not enabled")
        return
    domain = _read(proc / "self/attr/current")
    # The file holds the current and the pending value.
    if _read(sys / "fs/selinux/booleans/deny_ptrace").startswith("1"):
        yield Finding("selinux", "failed", "enforcing, and the boolean deny_ptrace is on", "setsebool deny_ptrace 0")
        return
    if re.search(r":(unconfined_t|spc_t|unconfined_service_t)(:|$)", domain):
        yield Finding("selinux", "ok", f"enforcing; this process is {domain}")
        return
    mend = "Run it as spc_t (--security-opt label=disable), or allow its domain ptrace on the targets'."
    yield Finding("selinux", "note", f"enforcing; this process is {domain or 'of an unknown domain'}", mend)


def user_namespace(proc: Path) -> Finding:
    mapping = (proc / "self/uid_map").read_text().split()
    if mapping == FULL_UID_MAP:
        return Finding("user namespace", "ok", "the host's")
    return Finding(
        "user namespace",
        "failed",
        f"not the host's (uid map: {' '.join(mapping)})",
        "Capabilities here count for nothing outside: run it in the host's (not rootless; --userns=host).",
    )


def pid_namespace(proc: Path) -> Finding:
    try:
        inode = os.stat(proc / "self/ns/pid").st_ino  # noqa: PTH116 - the namespace itself, not the link
    except OSError as error:
        return Finding("PID namespace", "note", f"unknown: {error.strerror}")
    if inode == FIRST_PID_NAMESPACE:
        return Finding("PID namespace", "ok", "the host's")
    return Finding(
        "PID namespace",
        "note",
        "not the machine's first one: processes outside it have no PID here and cannot be traced",
        "Where this is a container, run it with --pid=host (hostPID: true).",
    )


def memlock(proc: Path, *, privileged: bool) -> Finding:
    if privileged:
        return Finding("locked memory", "ok", "no limit for CAP_IPC_LOCK")
    found = re.search(r"^Max locked memory +(\S+)", (proc / "self/limits").read_text(), re.MULTILINE)
    limit = found[1] if found else "unknown"
    if limit == "unlimited" or (limit.isdigit() and int(limit) >= MEMLOCK_WANTED):
        return Finding("locked memory", "ok", f"RLIMIT_MEMLOCK {limit}")
    return Finding(
        "locked memory",
        "note",
        f"RLIMIT_MEMLOCK is {limit} bytes: the tracer may be swapped out, and its targets wait while it is read back",
        f"ulimit -l {MEMLOCK_WANTED >> 10} (or LimitMEMLOCK= in a unit).",
    )
