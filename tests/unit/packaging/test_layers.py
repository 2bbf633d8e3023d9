# SPDX-License-Identifier: Apache-2.0
"""What import-linter cannot see: who imports the compiled module, which is no Python file."""

from __future__ import annotations

import ast
from pathlib import Path

import stracelet

PACKAGE = Path(stracelet.__file__).parent


def imports_native(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        if any(name == "stracelet._native" or name.startswith("stracelet._native.") for name in names):
            return True
    return False


def test_one_module_imports_the_compiled_one() -> None:
    importers = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if imports_native(path)]
    assert importers == ["native.py"]


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    generated = ("_pb2.py", "_pb2_grpc.py")
    lengths = {path.name: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: n for name, n in lengths.items() if n > 400 and not name.endswith(generated)} == {}
