# SPDX-License-Identifier: Apache-2.0
"""`stracelet record` and `replay`: what was recorded is shown again, byte for byte, whatever became of the recorder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import PROGRAM, Command, calls, environment, run
from tests.images import wait_for
from tests.processes import traced_or_stopped

NOBODY = 65534
COMMAND = ["sh", "-c", "ls -l /etc | sort | head -n 3; cat /etc/none; (exit 3) & wait"]
OPENS = "import time\nwhile True: open('/etc/hostname').close(); time.sleep(0.01)"


@pytest.mark.parametrize(
    "flags",
    [(), ("-y",), ("-yy", "-v"), ("-T", "-tt"), ("-r",), ("-e", "trace=%file", "-Z"), ("-s", "100", "-xx"),
     ("--format", "json"), ("-X", "verbose", "-i"), ("-P", "/etc/none"), ("-C", "-S", "calls", "-U", "calls,name")],
    ids=" ".join,
)  # fmt: skip
def test_a_replay_is_what_was_printed(tmp_path: Path, flags: tuple[str, ...]) -> None:
    printed, kept, again = (str(tmp_path / name) for name in ("printed", "kept", "again"))
    traced = run("trace", *flags, "-o", printed, "--write", kept, "--", *COMMAND)
    replayed = run("replay", kept, *flags, "-o", again)

    assert (traced.returncode, replayed.returncode, replayed.stderr) == (0, 0, "")
    assert Path(printed).stat().st_size > 0
    assert Path(again).read_bytes() == Path(printed).read_bytes()


def test_a_record_is_replayed_with_other_flags_by_anybody(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = run("record", "-w", str(kept), "--", *COMMAND)
    assert (done.returncode, done.stdout.count("\n")) == (0, 3)

    lines, table = (as_nobody(kept, *flags) for flags in (("-e", "execve", "-f"), ("-c",)))
    assert re.search(r'execve\("[^"]*ls", \["ls", "-l", "/etc"\]', lines)
    assert calls(table)["execve"][0] >= 4


def as_nobody(kept: Path, *flags: str) -> str:
    """What a replay by somebody without any right prints."""
    with kept.open("rb") as file, Command("replay", "-", *flags, user=NOBODY, stdin=file.fileno()) as replay:
        assert replay.wait() == 0
        return replay.out


def test_what_was_not_captured_is_said(tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    run("record", "-w", kept, "-s", "8", "--no-data", "--", "true")

    assert run("replay", kept).stderr == ""
    asked = run("replay", kept, "-yy", "-v", "-Y", "-s", "100").stderr.splitlines()
    assert [line.partition(": nothing to show for ")[2].partition(":")[0] for line in asked] == [
        "-v", "-y or -P", "-yy", "-Y or --decode-pids", "-s 100",
    ]  # fmt: skip


def test_a_pipe_as_it_comes() -> None:
    both = f"{' '.join(PROGRAM)} record -w - -e openat -- cat /etc/none | {' '.join(PROGRAM)} replay -"
    done = subprocess.run(
        ["sh", "-c", both], capture_output=True, text=True, env=environment(), timeout=60, check=False
    )

    assert done.returncode == 0
    assert 'openat(AT_FDCWD, "/etc/none", O_RDONLY)' in done.stdout


def test_what_was_flushed_before_a_kill_is_there(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with subprocess.Popen([sys.executable, "-S", "-c", OPENS]) as target:
        try:
            with Command("record", f"pid/{target.pid}", "-w", str(kept)) as record:
                wait_for(lambda: kept.exists() and kept.stat().st_size > 3000, what="records")
                record.process.kill()
                record.wait()
            wait_for(lambda: traced_or_stopped([target.pid]) == [], what="it is let go")
            assert target.poll() is None
        finally:
            target.kill()
    whole = run("replay", str(kept), "-e", "openat")
    assert whole.returncode == 0
    assert whole.stdout.count("/etc/hostname") > 10

    kept.write_bytes(kept.read_bytes()[:-5])
    cut = run("replay", str(kept), "-e", "openat")
    assert cut.returncode == 0
    assert re.search(r"kept: its last block is cut off: \d+ bytes are not shown", cut.stderr)
    assert whole.stdout.startswith(cut.stdout)

    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 255
    kept.write_bytes(content)
    damaged = run("replay", str(kept), "-e", "openat")
    assert damaged.returncode == 1
    assert re.search(r"stracelet: .*kept: damaged at byte \d+", damaged.stderr)
    assert whole.stdout.startswith(damaged.stdout)


def test_files_in_turn(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    kept = tmp_path / "kept"
    code = "import os\nwhile True: os.write(1, os.urandom(4096))"
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.DEVNULL) as target:
        try:
            flags = ("--rotate-size", "1M", "--rotate-keep", "2", "-s", "4096")
            with Command("record", f"pid/{target.pid}", "-w", str(kept), *flags) as record:
                wait_for((tmp_path / "kept.2").exists, what="three files", seconds=60)
                assert record.interrupt(signal.SIGTERM) == 0
        finally:
            target.kill()
    assert {path.name for path in tmp_path.iterdir()} == {"kept", "kept.1", "kept.2"}
    for path in tmp_path.iterdir():
        done = run("replay", str(path), "--limit", "5", "-e", "getrandom,write")
        assert done.returncode == 0
        assert done.stdout.count("\n") in range(1, 6)


@pytest.mark.parametrize(("content", "status"), [(b"", 1), (b"some text that is no record of anything\n", 1)])
def test_what_is_no_file_of_records(tmp_path: Path, content: bytes, status: int) -> None:
    (tmp_path / "f").write_bytes(content)
    done = run("replay", str(tmp_path / "f"))

    assert done.returncode == status
    assert done.stderr == f"stracelet: {tmp_path}/f: not a file of records, as `stracelet record` writes them\n"


def test_a_file_that_is_not_there() -> None:
    done = run("replay", "/none/f")
    assert (done.returncode, done.stderr) == (1, "stracelet: /none/f: cannot be read: No such file or directory\n")


@pytest.mark.parametrize("flags", [("--limit", "5"), ("-P", "/etc/none")])
def test_a_record_takes_no_flag_of_what_is_shown(tmp_path: Path, flags: tuple[str, ...]) -> None:
    done = run("record", "-w", str(tmp_path / "kept"), *flags, "--", "true")
    assert done.returncode == 2
    assert done.stderr == "stracelet: --limit and -P choose what is shown: give them to `stracelet replay`\n"
    assert not (tmp_path / "kept").exists()


def test_a_replay_of_targets_says_no_more_than_their_trace(tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    with subprocess.Popen([sys.executable, "-c", OPENS]) as target:
        try:
            traced = run("trace", f"pid/{target.pid}", "--write", kept, "--limit", "5")
        finally:
            target.kill()
    replayed = run("replay", kept, "--limit", "5")
    assert traced.stdout.count("\n") == 5
    assert (replayed.stdout, replayed.stderr) == (traced.stdout, "")


def test_a_record_needs_a_file() -> None:
    done = run("record", f"pid/{os.getpid()}")
    assert done.returncode == 2
    assert done.stderr.startswith("stracelet: no file to keep the records in")
