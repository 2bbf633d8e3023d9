# SPDX-License-Identifier: Apache-2.0
"""What is in the memory of processes, read as root does."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
PRESENT_OR_SWAPPED = 0b11 << 62  # Documentation/admin-guide/mm/pagemap.rst
MOST = 64 << 20
# Device memory, and what the kernel shows to all.
LEFT_OUT = ("/dev/", "[vvar", "[vsyscall]", "[vdso]")


def held(pid: int, needles: Collection[bytes]) -> set[bytes]:
    """Those of the needles that are in its memory now. What was never touched is not touched by this either."""
    found: set[bytes] = set()
    overlap = max(map(len, needles)) - 1
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in _touched(pid):
            tail = b""
            for at in range(start, end, MOST):
                piece = tail + os.pread(memory.fileno(), min(MOST, end - at), at)
                found |= {needle for needle in needles if needle in piece}
                tail = piece[-overlap:]
    return found


def _touched(pid: int) -> Iterator[tuple[int, int]]:
    """The pages, as ranges of addresses, that are there: of all that it can read."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/pagemap").open("rb", buffering=0) as pagemap:
        for line in maps:
            addresses, rights, *rest = line.split(maxsplit=5)
            if not rights.startswith("r") or (len(rest) == 4 and rest[3].startswith(LEFT_OUT)):
                continue
            start, end = (int(each, 16) for each in addresses.split("-"))
            entries = os.pread(pagemap.fileno(), (end - start) // PAGE * 8, start // PAGE * 8)
            flags = memoryview(entries).cast("Q")
            first = None
            for i, entry in enumerate(flags):
                if entry & PRESENT_OR_SWAPPED:
                    first = i if first is None else first
                elif first is not None:
                    yield start + first * PAGE, start + i * PAGE
                    first = None
            if first is not None:
                yield start + first * PAGE, start + len(flags) * PAGE
