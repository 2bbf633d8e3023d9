#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds in native/tests/corpus/decoder from files of records: one for each call and other kind of record.

    stracelet trace -v -yy -Y -s 48 -w FILE -- PROGRAM
    .venv/bin/python native/tests/corpus/make_seeds.py FILE ...

A seed is 16 bytes that choose how is printed (native/tests/fuzz_decoder.c), then up to two records: of a call one that
succeeded and one that failed. A call that has a seed already keeps it.
"""

import struct
import sys
from pathlib import Path

from stracelet.native import syscall_name
from stracelet.records.files import RecordReader

FOLDER = Path(__file__).resolve().parent / "decoder"
HEAD = struct.Struct("<IHHQQQQIiiiiIiI6Qq")
CHOICE = bytes([0, 32, 0, 0, 2, 40, 0, 0xFF, 0, 0, 1, 1, 0, 0, 31, 0])
LARGEST = 2048
SYSCALL = 1
KINDS = ("pad", "syscall", "entry", "signal", "stopped", "fork", "exec", "exit", "attached", "detached", "dropped")


def name_of(kind: int, abi: int, number: int) -> str:
    if kind != SYSCALL:
        return KINDS[kind]
    return f"{syscall_name(abi, number) or 'unknown'}-{('x86_64', 'i386', 'aarch64')[abi] if abi < 3 else abi}"


def records(path: str) -> dict[tuple[str, bool], bytes]:
    """By what it is, and whether it failed: the first record that is not too large."""
    found: dict[tuple[str, bool], bytes] = {}
    for block in RecordReader.of(path).blocks():
        at = 0
        while block.is_records and at < len(block.content):
            size, kind, _, *_, abi, number, _, _, _, _, _, _, _, result = HEAD.unpack_from(block.content, at)
            if size <= LARGEST:
                key = (name_of(kind, abi, number), result < 0)
                found.setdefault(key, bytes(block.content[at : at + size]))
            at += size
    return found


def main() -> None:
    found: dict[tuple[str, bool], bytes] = {}
    for path in sys.argv[1:]:
        found = records(path) | found
    FOLDER.mkdir(exist_ok=True)
    for name in sorted({name for name, _ in found}):
        seed = FOLDER / name
        if not seed.exists():
            seed.write_bytes(CHOICE + found.get((name, False), b"") + found.get((name, True), b""))


if __name__ == "__main__":
    main()
