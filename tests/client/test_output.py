# SPDX-License-Identifier: Apache-2.0
"""Where lines go, and that nobody who takes none keeps us from ending."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubectl_strace.errors import OutputError
from kubectl_strace.output import GIVEN_UP_SECONDS, Output, ReaderGone

MUCH = "a line\n" * 20_000  # more than a pipe or a terminal holds
SECONDS = 10.0


@dataclass(frozen=True)
class Reader:
    """Somebody who holds the other end of `path`, and reads nothing by itself."""

    path: str
    descriptor: int


@pytest.fixture(params=["a pipe", "a terminal"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reader]:
    if request.param == "a pipe":
        os.mkfifo(tmp_path / "pipe")
        descriptor = os.open(tmp_path / "pipe", os.O_RDWR)
        yield Reader(str(tmp_path / "pipe"), descriptor)
    else:
        descriptor, terminal = os.openpty()
        yield Reader(os.ttyname(terminal), descriptor)
        os.close(terminal)
    os.close(descriptor)


def test_who_reads_nothing_does_not_keep_us_from_ending(reader: Reader) -> None:
    asked = threading.Event()
    output = Output(reader.path, asked.is_set)
    threading.Timer(0.5, asked.set).start()
    begun = time.monotonic()
    with pytest.raises(ReaderGone):
        output.write(MUCH)
    assert asked.is_set(), "only who is asked to end gives a reader up"
    assert time.monotonic() - begun < SECONDS
    output.close()


def test_who_reads_slowly_gets_all_though_we_are_asked_to_end(reader: Reader) -> None:
    output = Output(reader.path, lambda: True)
    got = bytearray()

    def read() -> None:
        while len(got.replace(b"\r", b"")) < len(MUCH):
            got.extend(os.read(reader.descriptor, 1 << 14))
            time.sleep(GIVEN_UP_SECONDS / 100)

    thread = threading.Thread(target=read)
    thread.start()
    output.write(MUCH)
    thread.join(SECONDS)
    assert got.replace(b"\r", b"").decode() == MUCH
    output.close()


def test_what_is_written_stands_in_the_file(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "out"), lambda: False)
    output.write("é\n")
    output.write("\udcff\n")
    output.close()
    assert (tmp_path / "out").read_bytes() == "é\n\\udcff\n".encode()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("/nowhere/at/all", "-o /nowhere/at/all: it cannot be written: No such file or directory"),
        ("/dev/full", "-o /dev/full: no line can be written: No space left on device"),
        ("|exit 3", "-o |exit 3: it ended with status 3"),
    ],
)
def test_what_takes_no_lines_is_said(where: str, said: str) -> None:
    with pytest.raises(OutputError) as caught, contextlib.closing(Output(where, lambda: False)) as output:
        output.write(2 * MUCH)
    assert str(caught.value).startswith(said)


def test_the_flag_that_names_it_is_said() -> None:
    with pytest.raises(OutputError, match=r"^-w /nowhere/at/all: it cannot be written"):
        Output("/nowhere/at/all", lambda: False, flag="-w")


def test_a_command_that_does_not_end_is_left_to_itself(tmp_path: Path) -> None:
    asked = threading.Event()
    output = Output(f"|cat >{tmp_path}/out; echo $$ >{tmp_path}/pid; exec sleep 60 >/dev/null 2>&1", asked.is_set)
    output.write("a line\n")
    asked.set()
    begun = time.monotonic()
    output.close()
    assert time.monotonic() - begun < SECONDS
    assert (tmp_path / "out").read_text() == "a line\n"
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    asked.clear()
    with pytest.raises(OutputError, match="it ended with status -9"):
        output.close()


SAYING = """\
from kubectl_strace.output import Notes, ReaderGone
notes = Notes(lambda: True)
try:
    while True: notes.say("a" * 1000)
except ReaderGone:
    raise SystemExit(7)
"""


def test_notes_that_nobody_reads_do_not_either() -> None:
    with subprocess.Popen([sys.executable, "-c", SAYING], stderr=subprocess.PIPE) as process:
        assert process.wait(SECONDS) == 7
        assert process.stderr is not None
        assert process.stderr.readline() == b"kubectl-strace: " + b"a" * 1000 + b"\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_the_caller_has_closed_is_done_without(closed: str) -> None:
    command = [sys.executable, "-m", "kubectl_strace", "trace"]
    shell = ["sh", "-c", f'"$@" {closed}', "sh", *command]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=SECONDS, check=False)
    whole = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode, done.stdout) == (whole.returncode, "")
    assert done.stderr == ("" if "2>&-" in closed else whole.stderr)
