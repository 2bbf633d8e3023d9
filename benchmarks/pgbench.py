# SPDX-License-Identifier: Apache-2.0
"""`pgbench -S` with 4 clients on PostgreSQL: what tracing its backends adds to a transaction."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from benchmarks.paired.against_strace import against_strace
from benchmarks.paired.loads import SURROUNDINGS
from benchmarks.paired.processes import running, until
from benchmarks.paired.results import Options, Row, options

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDS = {"": 0.65, ", every CPU busy": 1.05}
CLIENTS = 4
SCALE = 5
USER = "postgres"  # PostgreSQL refuses to run as root
AS_USER: dict[str, Any] = {"user": USER, "group": USER, "extra_groups": [], "cwd": "/"}
DEADLINE = 120


def _program(name: str) -> str:
    """Debian keeps the server's programs out of PATH, a directory for each version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise SystemExit(f"{name} is not here: install PostgreSQL")
    return path


def _run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE, **AS_USER)
    return done.stdout


class Clients:
    """A running pgbench, by its lines of progress: one a second."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._lines: SimpleQueue[tuple[float, float]] = SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()

    def seconds_per_transaction(self, window: float) -> float:
        """Over whole intervals of pgbench's, the first of them being the first to begin after now."""
        while not self._lines.empty():
            self._lines.get()
        began, _ = self._lines.get(timeout=DEADLINE)
        transactions, now, last = 0.0, began, began
        while now - began < window - 0.5:
            now, rate = self._lines.get(timeout=DEADLINE)
            transactions += rate * (now - last)
            last = now
        return (now - began) / transactions

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.match(rb"progress: ([\d.]+) s, ([\d.]+) tps", line):
                self._lines.put((float(found[1]), float(found[2])))


@contextmanager
def _server(directory: str) -> Iterator[None]:
    data = f"{directory}/data"
    _run(_program("initdb"), "-D", data, "-A", "trust", "--no-sync")
    command = [_program("postgres"), "-D", data, "-c", "listen_addresses=", "-k", directory]
    # SIGINT: at once; SIGTERM would wait for the clients.
    with (
        Path(directory, "log").open("wb") as log,
        running(command, stop=signal.SIGINT, **AS_USER, stdout=log, stderr=log),
    ):
        until(lambda: _answers(directory), "PostgreSQL answers")
        yield


def _answers(directory: str) -> bool:
    return subprocess.run([_program("pg_isready"), "-q", "-h", directory], check=False, timeout=20).returncode == 0


def _backends(directory: str) -> list[int]:
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench'"
    found = _run("psql", "-h", directory, "-Atc", query, "postgres").split()
    return [int(pid) for pid in found] if len(found) == CLIENTS else []


@contextmanager
def loaded_server() -> Iterator[tuple[Clients, list[int]]]:
    """PostgreSQL, pgbench with its connections made, and the backends' PIDs."""
    with tempfile.TemporaryDirectory(prefix="stracelet-bench-") as directory:
        shutil.chown(directory, USER, USER)
        with _server(directory):
            _run("pgbench", "-h", directory, "-i", "-q", "-s", str(SCALE), "postgres")
            command = ["pgbench", "-h", directory, "-S", "-n", "-c", str(CLIENTS), "-T", "86400", "-P", "1", "postgres"]
            with running(command, **AS_USER, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
                backends = until(lambda: _backends(directory), f"{CLIENTS} connections")
                clients = Clients(process)
                time.sleep(1.0)  # the first second still fills the caches
                yield clients, backends


def compare(clients: Clients, backends: list[int], wanted: Options, surroundings: str) -> Row:
    pairs = against_strace(clients.seconds_per_transaction, backends, wanted)
    return Row(f"pgbench -S{surroundings}", "transaction", pairs, bound=BOUNDS[surroundings])


def main() -> None:
    wanted = options(__doc__ or "")
    with loaded_server() as (clients, backends):
        for name, surroundings in SURROUNDINGS:
            with surroundings():
                wanted.add(f"pgbench -S{name}", lambda name=name: compare(clients, backends, wanted, name))
    wanted.publish("pgbench")


if __name__ == "__main__":
    main()
