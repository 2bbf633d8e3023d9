# SPDX-License-Identifier: Apache-2.0
"""An agent in a process of its own, so that it can be killed or stopped: agent.py CGROUP_ROOT CONTAINER_ID...

Says "attached" when all are traced; SIGTERM and SIGINT end it in order.
"""

import asyncio
import contextlib
import signal
import sys

from stracelet.tracing.protocol import Attached
from stracelet.tracing.session import Session
from tests.native.harness.recording import Recording


async def main(ids: list[str]) -> None:
    session = await Session.start(cgroup_root=sys.argv[1])
    recording = await Recording.begin(session)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    for container_id in ids:
        session.trace(container_id)

    async def watch() -> None:
        waiting = set(ids)
        async for event in session.events():
            if isinstance(event, Attached):
                waiting.discard(event.id)
                if not waiting:
                    print("attached", flush=True)

    watching = asyncio.create_task(watch())
    await ended.wait()
    await session.end()
    if recording:
        await recording.end()
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


if __name__ == "__main__":
    asyncio.run(main(sys.argv[2:]))
