# SPDX-License-Identifier: Apache-2.0
"""Services that the machine has scripts for, started as the machine's own: they are no test's to leave or to end."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PR_SET_CHILD_SUBREAPER = 36
START_SECONDS = 300.0


def adopt_orphans(*, yes: bool) -> None:
    """Whether orphans of what a test starts come to us instead of PID 1, so that they are seen."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0) == 0, ctypes.get_errno()


def run_script(script: Path, *arguments: str) -> str:
    """What it prints. Skips the test where it is not there, or fails."""
    if not script.exists():
        pytest.skip(f"{script} is not there (STRACELET_SHARED says where such scripts are)")
    with _orphans_of_the_machine():
        done = subprocess.run(
            [script, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        pytest.skip(f"{script}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def _orphans_of_the_machine() -> Iterator[None]:
    """A daemon, and the containers that it will start, are orphans as well."""
    adopt_orphans(yes=False)
    try:
        yield
    finally:
        adopt_orphans(yes=True)
