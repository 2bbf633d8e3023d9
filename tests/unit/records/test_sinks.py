# SPDX-License-Identifier: Apache-2.0
"""Where lines go, and what is said where they cannot."""

from __future__ import annotations

import os
import resource
from contextlib import closing
from pathlib import Path

import pytest

from stracelet.errors import OutputError
from stracelet.records.openers import Child, Local, opener
from stracelet.records.sinks import OPEN_FILES, CommandSink, DescriptorSink, SeparateSink


def test_a_closed_pipe_of_standard_output_is_no_failure_of_ours() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(BrokenPipeError):
            DescriptorSink(writing).write(b"x")
        with pytest.raises(OutputError, match=r"^out: nobody reads it any more$"):
            DescriptorSink(writing, "out").write(b"x")
    finally:
        os.close(writing)


def test_a_full_disk_is_said_in_one_line() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OutputError, match=r"^out: cannot be written: No space left on device$"):
            DescriptorSink(full, "out").write(b"x")
    finally:
        os.close(full)


def test_a_descriptor_that_does_not_block_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    data = os.urandom(300_000)
    child = os.fork()
    if not child:
        os.close(reading)
        DescriptorSink(writing).write(data)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        assert file.read() == data
    assert os.waitpid(child, 0)[1] == 0


def test_a_command(tmp_path: Path) -> None:
    sink = CommandSink(f"cat >{tmp_path}/out")
    sink.write(b"one\n")
    sink.write(memoryview(b"two\n"))
    sink.close()
    sink.close()

    assert (tmp_path / "out").read_text() == "one\ntwo\n"


def test_a_command_that_fails() -> None:
    sink = CommandSink("exit 3")

    with pytest.raises(OutputError, match=r"it ended with status 3"):
        sink.close()


def test_a_command_that_reads_no_more() -> None:
    sink = CommandSink("true")
    with pytest.raises(OutputError, match=r"-o '\|true': it reads no more"):
        sink.write(bytes(1 << 20))
    sink.close()


@pytest.mark.parametrize("kind", [Local, Child])
def test_a_file_for_each_task(tmp_path: Path, kind: type[Local | Child]) -> None:
    sink = SeparateSink(kind(tmp_path / "out"), "out")
    for turn in range(2):
        for tid in range(1, OPEN_FILES + 20):
            sink.write(f"{turn} of {tid}\n".encode(), tid)
    sink.close()

    assert len(list(tmp_path.iterdir())) == OPEN_FILES + 19
    assert (tmp_path / "out.7").read_text() == "0 of 7\n1 of 7\n"


@pytest.mark.parametrize("kind", [Local, Child])
def test_files_in_turn(tmp_path: Path, kind: type[Local | Child]) -> None:
    files = kind(tmp_path / "r")
    for content in (b"1", b"2", b"3", b"4"):
        files.rotate(2)
        descriptor = files.open()
        os.write(descriptor, content)
        os.close(descriptor)
    files.close()

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"r": "4", "r.1": "3", "r.2": "2"}


@pytest.mark.parametrize("kind", [Local, Child])
def test_no_link_of_somebody_else_is_followed(tmp_path: Path, kind: type[Local | Child]) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("kept")
    (tmp_path / "out").symlink_to(tmp_path / "named")
    with closing(kind(tmp_path / "out")) as files:
        os.close(files.open())  # the name that was given
        (tmp_path / "out.7").symlink_to(theirs)
        with pytest.raises(OutputError, match=r"out\.7: cannot be written"):
            files.open(7)
        files.rotate(1)
        (tmp_path / "out").symlink_to(theirs)
        with pytest.raises(OutputError, match="out: cannot be written"):
            files.open()
    assert (tmp_path / "named").exists()
    assert theirs.read_text() == "kept"


@pytest.mark.parametrize("kind", [Local, Child])
def test_a_file_that_cannot_be_opened(tmp_path: Path, kind: type[Local | Child]) -> None:
    files = kind(tmp_path / "none" / "out")
    with pytest.raises(OutputError, match=r"none/out.5: cannot be written: No such file or directory"):
        files.open(5)
    files.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a right to give up")
def test_the_child_keeps_the_right_that_is_given_up(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        files = opener(tmp_path / "out", keeps_rights=False)
        os.setresuid(65532, 65532, 65532)
        with pytest.raises(OutputError):
            Local(tmp_path / "out").open(1)
        os.write(files.open(1), b"written")
        files.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert (tmp_path / "out.1").read_text() == "written"
