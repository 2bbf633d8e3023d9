# SPDX-License-Identifier: Apache-2.0
"""A tracer that gets no inotify instance: in a user namespace, which has a limit of its own (user_namespaces(7))."""

import asyncio
import errno
import subprocess
import sys
from pathlib import Path

from stracelet.tracing.protocol import Attached, Event, Unwatched, Waiting
from stracelet.tracing.session import Session

LIMIT = Path("/proc/sys/user/max_inotify_instances")
OURS = Path("/proc/self/ns/user")
LATER = "f" * 64
LOOK_SECONDS = 0.1  # longer than the tracer leaves between two looks that are asked for


def test_what_starts_is_found_all_the_same(tmp_path: Path) -> None:
    before = LIMIT.read_text()
    for directory in (tmp_path, tmp_path / "docker"):
        make(directory)
    done = subprocess.run(
        ["unshare", "-Ur", sys.executable, "-m", __name__, str(OURS.readlink()), str(tmp_path)],
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )
    assert LIMIT.read_text() == before
    assert done.returncode == 0


def make(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "cgroup.procs").touch()


async def inside(root: Path) -> None:
    session = await Session.start(cgroup_root=str(root))

    async def until(container_id: str, *kinds: type[Event]) -> Event:
        async for event in session.events():
            if isinstance(event, kinds) and getattr(event, "id", "") == container_id:
                return event
        raise AssertionError(kinds)

    async def asked_for_now(container_id: str) -> Event:
        await asyncio.sleep(LOOK_SECONDS)
        make(root / "docker" / container_id)
        session.trace(container_id)
        return await until(container_id, Attached, Waiting)

    try:
        assert await until("", Unwatched) == Unwatched(errno.EMFILE)
        assert any([isinstance(await asked_for_now(f"{i:064}"), Attached) for i in range(3)])
        session.trace(LATER)
        await until(LATER, Waiting)
        make(root / "docker" / LATER)
        await until(LATER, Attached)
    finally:
        await session.end()
        session.close()


if __name__ == "__main__":
    assert str(OURS.readlink()) != sys.argv[1], "that would be everybody's limit"
    LIMIT.write_text("0")
    asyncio.run(inside(Path(sys.argv[2])))
