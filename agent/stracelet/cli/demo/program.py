# SPDX-License-Identifier: Apache-2.0
"""What runs in the demonstration container: system calls that succeed, that fail, and that take their time.

It is started by its path with `python -I -S`, so it imports the standard library alone.
"""

import contextlib
import os
import select
import socket
import tempfile
import time
from pathlib import Path

ABSENT = "/stracelet-demo/absent"


def read_a_file() -> None:
    with Path("/proc/self/stat").open("rb") as file:
        file.read()


def fail() -> None:
    """ENOENT from openat and newfstatat, ECONNREFUSED from connect."""
    with contextlib.suppress(FileNotFoundError):
        os.open(ABSENT, os.O_RDONLY)
    with contextlib.suppress(FileNotFoundError):
        Path(ABSENT).stat()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect_ex("\0stracelet-demo-absent")


def take_time(file: int, silent: int) -> None:
    """About 5 ms in clock_nanosleep and 20 ms in poll, and as long as the disk needs in pwrite64 and fsync."""
    time.sleep(0.005)
    poll = select.poll()
    poll.register(silent, select.POLLIN)
    poll.poll(20)
    os.pwrite(file, b"stracelet" * 100, 0)
    os.fsync(file)


def have_a_child() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def main() -> None:
    silent, _ = os.pipe()
    with tempfile.TemporaryFile() as file:
        for turn in range(1 << 62):
            read_a_file()
            fail()
            take_time(file.fileno(), silent)
            if turn % 20 == 0:
                have_a_child()


if __name__ == "__main__":
    main()
