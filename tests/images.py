# SPDX-License-Identifier: Apache-2.0
"""Real containers: a busybox image made here, and containers that are removed again, each by its ID."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from tests.processes import traced_or_stopped

IMAGE = "stracelet-test/busybox:1"
DEADLINE = 60.0
Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], *, what: str, seconds: float = 10.0) -> Found:
    """Calls `look` until it gives something true, and returns that; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)
    return found


def busybox_root(directory: Path, programs: Iterable[Path] = ()) -> Path:
    """Makes a root file system with /bin/busybox, its applets, and further programs in /bin."""
    busybox = shutil.which("busybox")
    assert busybox is not None, "busybox is not installed (Debian: busybox-static)"
    for name in ("bin", "etc", "tmp", "proc", "sys", "dev"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    shutil.copy2(busybox, directory / "bin/busybox")
    applets = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout.split()
    for applet in set(applets) - {"busybox"}:
        (directory / "bin" / applet).symlink_to("busybox")
    (directory / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    for program in programs:
        shutil.copy2(program, directory / "bin" / program.name)
    return directory


def image_archive(root: Path) -> bytes:
    """The root file system as a tar archive, all of it root's."""

    def owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        return member

    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(root, arcname=".", filter=owned_by_root)
        file.seek(0)
        return file.read()


class Engine:
    """A Docker or Podman behind a Unix socket, driven by Docker's own client; it removes what it has run."""

    def __init__(self, name: str, socket: str) -> None:
        self.name = name
        self.socket = socket
        self.ids: list[str] = []

    def call(self, *arguments: str, data: bytes | None = None, check: bool = True) -> str:
        """Runs `docker ARGUMENTS` against this engine; its standard output."""
        done = subprocess.run(
            ["docker", "-H", f"unix://{self.socket}", *arguments],
            input=data,
            stdin=None if data is not None else subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        said = done.stderr.decode(errors="replace").strip()
        assert not check or done.returncode == 0, f"{self.name}: docker {' '.join(arguments)}: {said}"
        return done.stdout.decode(errors="replace").strip()

    def make_image(self, tag: str = IMAGE, programs: Iterable[Path] = ()) -> str:
        """Imports a busybox image, with further programs in its /bin, if there is none of that tag yet."""
        if not self.call("images", "-q", tag):
            with tempfile.TemporaryDirectory() as directory:
                self.call("import", "-", tag, data=image_archive(busybox_root(Path(directory), programs)))
        return tag

    def create(self, *command: str, options: Iterable[str] = (), image: str = IMAGE) -> str:
        """`docker create OPTIONS IMAGE COMMAND`; the container's whole ID."""
        container_id = self.call("create", "--network=none", *options, image, *command).splitlines()[-1]
        self.ids.append(container_id)
        return container_id

    def run(self, *command: str, options: Iterable[str] = (), image: str = IMAGE) -> str:
        """Creates and starts a container; its whole ID."""
        container_id = self.create(*command, options=options, image=image)
        self.call("start", container_id)
        return container_id

    def exec(self, container_id: str, *command: str) -> subprocess.Popen[bytes]:
        """`docker exec` as a process of ours; the caller ends it."""
        return subprocess.Popen(
            ["docker", "-H", f"unix://{self.socket}", "exec", "-i", container_id, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def pid(self, container_id: str) -> int:
        """The host PID of its first process; 0 when it does not run."""
        return int(self.call("inspect", "-f", "{{.State.Pid}}", container_id))

    def pids(self, container_id: str) -> set[int]:
        """Its host PIDs, as the runtime itself tells them."""
        columns = ["hpid"] if self.name == "podman" else ["-o", "pid"]
        return {int(line.split()[0]) for line in self.call("top", container_id, *columns).splitlines()[1:]}

    def remove(self, container_id: str) -> None:
        self.call("rm", "-f", container_id, check=False)
        if container_id in self.ids:
            self.ids.remove(container_id)

    def close(self) -> None:
        """Removes every container that this object made, and fails when one was left stopped, or traced by us."""
        caught: list[str] = []
        for container_id in list(self.ids):
            with contextlib.suppress(AssertionError, ValueError):
                first = self.pid(container_id)
                caught += traced_or_stopped([first], by=os.getpid()) if first else []
            self.remove(container_id)
        assert not caught, f"{self.name}: still traced or stopped: {'; '.join(caught)}"


def shared_folder() -> Path:
    """Where the scripts are that start real runtimes: STRACELET_SHARED, or `shared` beside the repository."""
    given = os.environ.get("STRACELET_SHARED")
    return Path(given) if given else Path(__file__).resolve().parents[2] / "shared"
