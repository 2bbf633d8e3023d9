# SPDX-License-Identifier: Apache-2.0
"""Whatever containers call themselves, a terminal gets text that does not steer it, and everybody gets a list."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from stracelet.cli import doctor, main
from stracelet.cli.checks.finding import Finding
from stracelet.errors import StraceletError
from stracelet.text import json_text, printable, printable_lines
from stracelet.traces.report import Layout, Part, report
from stracelet.traces.summary import DEFAULT_COLUMNS, by_time

ID = "3f" * 32
HOSTILE = "\x1b[31mred\x9b2J\x7f\u202e\udcff"
SHOWN = r"\x1b[31mred\x9b2J\x7f\u202e\xff"


@given(st.text())
def test_any_text_is_one_line_that_steers_nothing(text: str) -> None:
    assert printable(text).isprintable()
    assert printable_lines(text).count("\n") == text.count("\n")
    json_text({text: text}).encode("ascii")
    assert json_text(text).isprintable()
    assert json.loads(json_text({"text": text})) == {"text": text}


def test_text_of_any_language_is_left_as_it_is() -> None:
    assert printable("größe 容器") == "größe 容器"
    assert printable("\U000e0001") == r"\U000e0001"


def test_the_findings_of_doctor() -> None:
    out = io.StringIO()
    findings = [Finding(f"docker/{HOSTILE}", "failed", f"traced by {HOSTILE}", f"stop {HOSTILE}")]
    doctor.show(findings, Console(file=out, force_terminal=False, soft_wrap=True))
    assert out.getvalue().count(SHOWN) == 3
    assert out.getvalue().replace("\n", "").isprintable()


def test_the_headings_of_the_tables() -> None:
    parts = [Part(HOSTILE, []), Part("b", [])]
    assert report(parts, Layout(DEFAULT_COLUMNS, by_time), lambda _abi, _number: None).startswith(f"{SHOWN}:\n")


@pytest.mark.parametrize("error", [StraceletError(HOSTILE, help_text=f"stop\n{HOSTILE}"), ValueError(HOSTILE)])
@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_errors(
    error: Exception, debug: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(main, "_run", fail)
    assert main.main(["ps", *debug]) == 1
    said = capsys.readouterr().err
    assert SHOWN in said
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_the_caller_has_closed_is_done_without(closed: str) -> None:
    command = [sys.executable, "-m", "stracelet.cli.main", "replay", "/dev/null"]
    whole = subprocess.run(command, capture_output=True, text=True, check=False)
    assert whole.stderr
    shell = ["sh", "-c", f'"$@" {closed}', "sh", *command]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (whole.returncode, "")
    assert done.stderr == ("" if "2>&-" in closed else whole.stderr)


@pytest.mark.parametrize("encoding", ["ascii:strict", "utf-8:strict"])
@pytest.mark.parametrize("output", [["-o", "json"], ["-o", "wide"], []])
def test_ps_lists_a_cgroup_whose_name_is_no_text(tmp_path: Path, encoding: str, output: list[str]) -> None:
    root = tmp_path / "cgroup"
    directory = os.fsencode(root) + b"/x\xff\x1b\xc2\x9b-" + ID.encode()
    Path(os.fsdecode(directory)).mkdir(parents=True)
    for name in ("cgroup.procs", "cgroup.controllers"):
        (root / name).touch()
    config = tmp_path / "stracelet.yaml"
    config.write_text(f"cgroup_root: {root}\nsources: {{docker: off, podman: off, cri: off}}\n")
    done = subprocess.run(
        [sys.executable, "-m", "stracelet.cli.main", "ps", "--config", config, "--no-trunc", *output],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert ID.encode() in done.stdout
    assert done.stdout.isascii()
    assert done.stdout.decode().replace("\n", "").isprintable()
    if output[-1:] == ["json"]:
        (found,) = json.loads(done.stdout)["containers"]
        assert os.fsencode(found["cgroups"][0]) == directory
