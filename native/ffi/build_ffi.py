# SPDX-License-Identifier: Apache-2.0
"""Makes ``stracelet._native``: the arena's reader and the tables, bound by cffi in API mode.

The declarations are read from the very header that the compiler includes, so there is no second copy of them.
"""

from pathlib import Path

from cffi import FFI

NATIVE = Path(__file__).resolve().parent.parent
HEADER = NATIVE / "include" / "stracelet.h"
PARTS = ("arena", "syscalls", "records", "decode", "constants")
BEGIN, END = "/* cdef: begin */", "/* cdef: end */"


def declarations(header: str) -> str:
    """The part of the header between the cdef marks, which holds only what a C compiler and cffi both understand."""
    _, begin, rest = header.partition(BEGIN)
    cdef, end, _ = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{HEADER}: no part between {BEGIN!r} and {END!r}")
    return cdef


def sources() -> list[str]:
    """The library's C files, relative to the project's root as setuptools wants them."""
    files = sorted(path for part in PARTS for path in (NATIVE / "src" / part).glob("*.c"))
    return [str(path.relative_to(NATIVE.parent)) for path in files]


ffibuilder = FFI()
ffibuilder.cdef(declarations(HEADER.read_text()))
ffibuilder.set_source(
    "stracelet._native",
    '#include "stracelet.h"',
    sources=sources(),
    include_dirs=["native/include", "native/src"],
    extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden", f"-ffile-prefix-map={NATIVE.parent}=."],
    py_limited_api=True,
)
