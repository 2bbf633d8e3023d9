# SPDX-License-Identifier: Apache-2.0
"""What is left after the rights are dropped; each in a process of its own, since there is no way back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stracelet.tracing.privileges import NOBODY, _left, _status

DROP = """
import os, threading
from stracelet.tracing.unprivileged import give_up_rights
from stracelet.config import Config
from stracelet.errors import StraceletError
from stracelet.tracing.privileges import drop_privileges
before = os.open("/etc/shadow", os.O_RDONLY) if os.geteuid() == 0 else -1
{code}
if before >= 0:
    os.read(before, 1)
print(open("/proc/self/status").read())
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: others have no uid to change")


def _run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", DROP.format(code=code), *arguments]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=30)


def _after(code: str, *arguments: str) -> dict[str, str]:
    result = _run(code, *arguments)
    assert result.returncode == 0, result.stderr
    return {key: value.strip() for key, _, value in (line.partition(":") for line in result.stdout.splitlines())}


def test_no_capability_is_left() -> None:
    status = _after("drop_privileges()")
    assert [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0] * 4
    assert status["NoNewPrivs"] == "1"


@as_root
def test_root_becomes_somebody_else() -> None:
    status = _after("drop_privileges(12345, 12346, [77, 78])")
    assert status["Uid"].split() == ["12345"] * 4
    assert status["Gid"].split() == ["12346"] * 4
    assert status["Groups"].split() == ["77", "78"]
    assert int(status["CapBnd"], 16) == 0


@as_root
def test_no_exec_brings_anything_back() -> None:
    status = _after("drop_privileges(); os.execv('/bin/cat', ['cat', '/proc/self/status'])")
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["Uid"].split() == [str(NOBODY)] * 4


@as_root
def test_what_root_alone_may_do_is_refused() -> None:
    result = _run("drop_privileges(); os.open('/etc/shadow', os.O_RDONLY)")
    assert "PermissionError" in result.stderr


@as_root
def test_the_agent_keeps_no_group() -> None:
    """Not even that of a runtime's socket: the supervisor connects to those."""
    status = _after("os.setgroups([4321]); give_up_rights(Config())")
    assert status["Groups"].split() == []
    assert status["Uid"].split() == status["Gid"].split() == ["65532"] * 4


@as_root
def test_a_thread_that_keeps_its_rights_is_noticed() -> None:
    code = """
ended = threading.Event()
thread = threading.Thread(target=ended.wait)
thread.start()
try:
    drop_privileges()
except StraceletError as error:
    print("Noticed:", error)
ended.set()
"""
    assert "rights are left in thread" in _after(code)["Noticed"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("CapEff", "1"),
        ("CapAmb", "80000"),
        ("CapBnd", "1"),
        ("NoNewPrivs", "0"),
        ("Uid", "1 0 1 1"),
        ("Gid", "1 1 1 2"),
    ],
)
def test_whatever_is_left_is_named(field: str, value: str, tmp_path: Path) -> None:
    clean = {"CapInh": "0", "CapPrm": "0", "CapEff": "0", "CapAmb": "0", "CapBnd": "0", "NoNewPrivs": "1"}
    clean |= {"Uid": "1\t1\t1\t1", "Gid": "1\t1\t1\t1"}
    assert not list(_left(clean, 1, 1, empty_bounding=True))
    path = tmp_path / "status"
    path.write_text("".join(f"{key}:\t{text}\n" for key, text in (clean | {field: value}).items()))
    assert len(list(_left(_status(path), 1, 1, empty_bounding=True))) == 1


@as_root
def test_a_root_that_may_not_become_somebody_else_says_what_is_missing() -> None:
    """As in a container from which all capabilities are dropped but those that tracing needs."""
    code = """
import ctypes
from stracelet.tracing.privileges import _clear_capabilities
_clear_capabilities(ctypes.CDLL(None, use_errno=True))
try:
    drop_privileges(65532, 65532)
except StraceletError as error:
    print("said:", error, error.help_text)
"""
    said = _run(code).stdout
    assert "said: root cannot become uid 65532 here: Operation not permitted" in said
    assert "--cap-add SETUID --cap-add SETGID" in said
