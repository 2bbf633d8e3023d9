# SPDX-License-Identifier: Apache-2.0
"""What the package's build leaves beside the Python files, and what is in what it compiled."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import stracelet

PACKAGE = Path(stracelet.__file__).parent
PROGRAM = PACKAGE / "_bin" / "stracelet-tracer"


def test_the_native_program_is_there_and_has_the_packages_version() -> None:
    assert os.access(PROGRAM, os.X_OK)
    shown = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith(f"stracelet-tracer {stracelet.__version__} ")


def test_nothing_compiled_knows_where_it_was_built() -> None:
    compiled = [PROGRAM, *PACKAGE.glob("_native*.so")]
    assert len(compiled) == 2
    root = os.fsencode(Path(__file__).parents[3] / "native")
    assert [path.name for path in compiled if root in path.read_bytes()] == []
