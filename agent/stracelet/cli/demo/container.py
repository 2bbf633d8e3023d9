# SPDX-License-Identifier: Apache-2.0
"""The demonstration container: namespaces and a cgroup `/stracelet-demo/<64 hex>`, with no runtime.

Making and removing it takes root, which the agent gives up. So a *keeper* process stays root: it makes the container,
says so on stdout, and removes it as soon as its stdin ends, however its parent ended.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.cli import demo
from stracelet.containers.cgroups import DEMONSTRATION as PARENT
from stracelet.errors import NotPermitted, StraceletError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).with_name("program.py")
READY_TIMEOUT = 10.0
REMOVE_TIMEOUT = 5.0
POLL_INTERVAL = 0.02
# A process that writes 0 joins by itself, whichever PID namespace it is in (cgroups(7), cgroup.procs). $0 is that file.
JOIN = 'hostname stracelet-demo && echo 0 > "$0" && exec "$@"'


def hierarchy(mountinfo: str) -> Path:
    """The cgroup v2 mount, or else a v1 hierarchy's, from the text of /proc/self/mountinfo. Raises StraceletError."""
    mounts: dict[str, str] = {}
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind = rest.split(" ", 1)[0]
        if kind in ("cgroup", "cgroup2"):
            mounts.setdefault(kind, fields.split(" ")[4])
    for kind in ("cgroup2", "cgroup"):
        if kind in mounts:
            return Path(mounts[kind])
    raise StraceletError("no cgroup hierarchy is mounted here: the demonstration container needs one")


def make_cgroup(root: Path) -> Path:
    """Makes a new container's cgroup, and removes those that an earlier, violently ended demonstration left."""
    parent = root / PARENT
    try:
        parent.mkdir(exist_ok=True)
        for left in parent.iterdir():
            if left.is_dir() and not (left / "cgroup.procs").read_text():
                left.rmdir()
        cgroup = parent / secrets.token_hex(32)
        cgroup.mkdir()
    except OSError as error:
        raise NotPermitted(
            f"the demonstration container's cgroup cannot be made: {error.strerror}: {error.filename}",
            help_text="Run it as root, where the cgroup tree may be written.",
        ) from error
    return cgroup


def start(cgroup: Path) -> subprocess.Popen[bytes]:
    """The program in namespaces of its own, in that cgroup. `unshare` waits for it, and takes it along if it dies."""
    unshare = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    inside = ["sh", "-c", JOIN, str(cgroup / "cgroup.procs"), sys.executable, "-I", "-S", str(PROGRAM)]
    if shutil.which(unshare[0]) is None:
        raise StraceletError("unshare is not installed", help_text="It is in util-linux: apt-get install util-linux")
    return subprocess.Popen([*unshare, *inside], stdin=subprocess.DEVNULL, start_new_session=True)


def await_member(cgroup: Path, process: subprocess.Popen[bytes]) -> None:
    """Returns when the program has joined. Raises StraceletError when it ended before, or does not in 10 s."""
    deadline = time.monotonic() + READY_TIMEOUT
    while not (cgroup / "cgroup.procs").read_text():
        if process.poll() is not None:
            raise StraceletError(f"the demonstration container did not start: unshare ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise StraceletError("the demonstration container did not start within 10 s")
        time.sleep(POLL_INTERVAL)


def remove(cgroup: Path, process: subprocess.Popen[bytes] | None) -> None:
    """Ends the container and removes its cgroup, and the parent's if no other demonstration is there."""
    deadline = time.monotonic() + REMOVE_TIMEOUT
    if process is not None and process.poll() is None:
        # unshare's --kill-child: the container's PID 1 gets SIGKILL, and with it all of its PID namespace.
        process.kill()
        process.wait()
    while time.monotonic() < deadline:
        try:
            cgroup.rmdir()
            break
        except OSError:
            time.sleep(POLL_INTERVAL)
    else:
        print(f"stracelet: the demonstration's cgroup is still busy: {cgroup}", file=sys.stderr)
    if not [entry for entry in cgroup.parent.iterdir() if entry.is_dir()]:
        cgroup.parent.rmdir()


def keep() -> int:
    """The keeper: prints the container's ID, waits for the end of its stdin, and removes the container."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    cgroup: Path | None = None
    process = None
    try:
        cgroup = make_cgroup(hierarchy(Path("/proc/self/mountinfo").read_text()))
        process = start(cgroup)
        await_member(cgroup, process)
        print(cgroup.name, flush=True)
        while os.read(sys.stdin.fileno(), 4096):
            continue
    except StraceletError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code
    finally:
        if cgroup is not None:
            remove(cgroup, process)
    return 0


@contextmanager
def container() -> Iterator[str]:
    """The demonstration container: made on entry, which gives its ID, and gone on exit. Raises StraceletError."""
    with subprocess.Popen(
        demo.as_program(__name__),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as keeper:
        # Popen's exit closes the pipes, which is what the keeper waits for, and then waits for it.
        answer = keeper.stdout.readline().strip() if keeper.stdout else ""
        if len(answer) != 64:
            status = keeper.wait()
            kind = NotPermitted if status == NotPermitted.exit_code else StraceletError
            raise kind(answer.removeprefix("error: ") or f"the demonstration container's keeper ended with {status}")
        yield answer


if __name__ == "__main__":
    sys.exit(keep())
