# SPDX-License-Identifier: Apache-2.0
"""The part of the build that pyproject.toml cannot say: the cffi module and the native program."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

from setuptools import Command, setup
from setuptools.command.build import build

PROGRAM = "stracelet-tracer"
NATIVE = Path("native")


def commit() -> str:
    """What is built: STRACELET_COMMIT, or git's HEAD, or nothing where there is no git (an sdist)."""
    if (given := os.environ.get("STRACELET_COMMIT")) is not None:
        return given
    if not Path(".git").exists() or shutil.which("git") is None:
        return ""
    head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    return head.stdout.strip()


class BuildProgram(Command):
    """Compiles the native program, with native/Makefile's flags, into the package's ``_bin``.

    Beside it goes ``commit``, one line for the metric ``build_info``.
    """

    description = "compile the native program"
    user_options: ClassVar = [("build-lib=", "d", "folder to build to")]

    def initialize_options(self) -> None:
        self.build_lib: str | None = None
        self.editable_mode = False

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        subprocess.run(["make", "-C", str(NATIVE), f"-j{os.cpu_count() or 1}", "program"], check=True)
        target = self._target()
        target.parent.mkdir(parents=True, exist_ok=True)
        # copied beside and renamed: the program may be running
        partial = target.with_suffix(".new")
        shutil.copy2(NATIVE / "build" / PROGRAM, partial)
        partial.replace(target)
        (target.parent / "commit").write_text(f"{commit()}\n")

    def _target(self) -> Path:
        root = Path("agent") if self.editable_mode else Path(self.build_lib or "")
        return root / "stracelet" / "_bin" / PROGRAM

    def get_outputs(self) -> list[str]:
        return [str(self._target()), str(self._target().parent / "commit")]

    def get_output_mapping(self) -> dict[str, str]:
        return {}

    def get_source_files(self) -> list[str]:
        patterns = ("Makefile", "include/*.h", "src/*/*.[ch]", "ffi/*.py")
        files = (path for pattern in patterns for path in NATIVE.glob(pattern))
        return [str(path) for path in files]


class Build(build):
    """setuptools' build, and the native program."""

    sub_commands: ClassVar = [*build.sub_commands, ("build_program", None)]


setup(
    cffi_modules=["native/ffi/build_ffi.py:ffibuilder"],
    cmdclass={"build": Build, "build_program": BuildProgram},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
