# SPDX-License-Identifier: Apache-2.0
"""redis-server under `redis-benchmark -t get -c 20 -P 1`: what tracing the server adds to a request."""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.paired.against_strace import against_strace
from benchmarks.paired.loads import SURROUNDINGS
from benchmarks.paired.processes import running, until
from benchmarks.paired.results import Options, Row, options

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDS = {"": 0.40, ", every CPU busy": 1.05}
FOREVER = 2_000_000_000


class Server:
    """A connection to it, which asks how far it is: two requests a window."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self._connection = until(lambda: _connect(port), "redis-server answers")
        self._answers = self._connection.makefile("rb")

    def close(self) -> None:
        self._answers.close()
        self._connection.close()

    def seconds_per_request(self, window: float) -> float:
        """Wall time over requests, both as the server has them: neither our socket nor our turn on a CPU is in it."""
        before, began = self._progress()
        time.sleep(window)
        after, ended = self._progress()
        return (ended - began) / 1e6 / (after - before)

    def _progress(self) -> tuple[int, int]:
        return self._info("stats", "total_commands_processed"), self._info("server", "server_time_usec")

    def _info(self, section: str, key: str) -> int:
        self._connection.sendall(f"INFO {section}\r\n".encode())
        size = int(self._answers.readline().removeprefix(b"$"))
        text = self._answers.read(size + 2).decode()
        found = re.search(rf"^{key}:(\d+)", text, re.MULTILINE)
        if found is None:
            raise ValueError(f"INFO {section} has no {key}")
        return int(found[1])


def _connect(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=20)
    except ConnectionRefusedError:
        return None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def loaded_server() -> Iterator[Server]:
    """redis-server, and redis-benchmark with its twenty connections made."""
    port = str(_free_port())
    with tempfile.TemporaryDirectory() as directory:
        server = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", directory]
        client = ["redis-benchmark", "-p", port, "-t", "get", "-c", "20", "-P", "1", "-n", str(FOREVER), "-q"]
        with running(server, stdout=subprocess.DEVNULL) as process:
            redis = Server(process.pid, int(port))
            with running(client, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                redis.seconds_per_request(1.0)
                yield redis
                redis.close()


def compare(redis: Server, wanted: Options, surroundings: str) -> Row:
    pairs = against_strace(redis.seconds_per_request, [redis.pid], wanted)
    return Row(f"redis GET{surroundings}", "request", pairs, bound=BOUNDS[surroundings])


def main() -> None:
    wanted = options(__doc__ or "")
    with loaded_server() as redis:
        for name, surroundings in SURROUNDINGS:
            with surroundings():
                wanted.add(f"redis GET{name}", lambda name=name: compare(redis, wanted, name))
    wanted.publish("redis")


if __name__ == "__main__":
    main()
