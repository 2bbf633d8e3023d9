# SPDX-License-Identifier: Apache-2.0
"""The sets that strace's -e takes: names with `!`, classes and regular expressions in, bits out.

`all`, `none`, or items between commas; `!` before the first one means all others: strace(1), "Filtering". What a set
does not know is a UsageError that names what comes near.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from stracelet import native
from stracelet.errors import UsageError
from stracelet.native import constants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

CLASSES: Mapping[str, int] = {
    "%file": constants.STL_CLASS_FILE,
    "%desc": constants.STL_CLASS_DESC,
    "%network": constants.STL_CLASS_NETWORK,
    "%net": constants.STL_CLASS_NETWORK,
    "%process": constants.STL_CLASS_PROCESS,
    "%signal": constants.STL_CLASS_SIGNAL,
    "%ipc": constants.STL_CLASS_IPC,
    "%memory": constants.STL_CLASS_MEMORY,
    "%creds": constants.STL_CLASS_CREDS,
    "%stat": constants.STL_CLASS_STAT,
    "%lstat": constants.STL_CLASS_LSTAT,
    "%fstat": constants.STL_CLASS_FSTAT,
    "%%stat": constants.STL_CLASS_STAT_LIKE,
    "%statfs": constants.STL_CLASS_STATFS,
    "%fstatfs": constants.STL_CLASS_FSTATFS,
    "%%statfs": constants.STL_CLASS_STATFS_LIKE,
    "%pure": constants.STL_CLASS_PURE,
    "%clock": constants.STL_CLASS_CLOCK,
    # as strace wrote them before its 4.17; of signal and ipc, which are syscalls too, this is what is meant
    "file": constants.STL_CLASS_FILE,
    "desc": constants.STL_CLASS_DESC,
    "network": constants.STL_CLASS_NETWORK,
    "process": constants.STL_CLASS_PROCESS,
    "signal": constants.STL_CLASS_SIGNAL,
    "ipc": constants.STL_CLASS_IPC,
    "memory": constants.STL_CLASS_MEMORY,
}
ABIS: Mapping[str, Sequence[int]] = {
    "64": (native.ABI_X86_64, native.ABI_AARCH64),
    "32": (native.ABI_I386,),
    "x32": (),  # its calls are not traced
}
FILTER_ABIS = 3
NUMBERS = (1 << native.MAX_NUMBER) - 1
SIGNALS = 64
DESCRIPTORS = 256


class Calls(NamedTuple):
    """Syscalls: for each ABI, by its number, the bits of its numbers. `unnamed`: numbers without a name too."""

    bits: tuple[int, ...]
    unnamed: bool

    def __contains__(self, call: object) -> bool:
        """Whether (ABI, number) is wanted, as a filter of the tracer has it."""
        abi, number = call if isinstance(call, tuple) else (-1, -1)
        if 0 <= abi < len(self.bits) and native.syscall_name(abi, number) is not None:
            return bool(self.bits[abi] >> number & 1) if number >= 0 else self.unnamed
        return self.unnamed


ALL_CALLS = Calls((NUMBERS,) * FILTER_ABIS, unnamed=True)


def parse_calls(text: str, option: str = "-e trace") -> Calls:
    """The syscalls that `text` names. UsageError."""
    inverted, items = _items(text)
    if items is None:
        return ALL_CALLS if inverted else Calls((0,) * FILTER_ABIS, unnamed=False)
    chosen: set[tuple[int, int]] = set()
    whole = False
    for item in items:
        if item == "all":
            whole = True
        elif item != "none":
            chosen.update(_calls(item, option))
    bits = [NUMBERS if whole else 0] * FILTER_ABIS
    for abi, number in chosen:
        bits[abi] |= 1 << number
    if inverted:
        return Calls(tuple(NUMBERS & ~each for each in bits), unnamed=not whole)
    return Calls(tuple(bits), unnamed=whole)


def _calls(item: str, option: str) -> Iterable[tuple[int, int]]:
    """One item's: a class, a regular expression, a number or a name, each perhaps with an ABI or leave to be none."""
    lenient = item.startswith("?")
    name, at, abi = item.removeprefix("?").partition("@")
    if at and abi not in ABIS:
        raise UsageError(f"{option}: unknown ABI '{abi}' in '{item}' (known: {', '.join(ABIS)})")
    found = _numbers(name, option)
    if not found and not lenient:
        raise _unknown(name, option)
    return [call for call in found if not at or call[0] in ABIS[abi]]


def _numbers(name: str, option: str) -> list[tuple[int, int]]:
    numbers = native.call_numbers()
    if name in CLASSES:
        classes = native.call_classes()
        return [call for each in numbers if classes.get(each, 0) & CLASSES[name] for call in numbers[each]]
    if name.startswith("/"):
        try:
            pattern = re.compile(name[1:])
        except re.error as error:
            raise UsageError(f"{option}: not a regular expression: '{name[1:]}': {error}") from error
        return [call for each in numbers if pattern.search(each) for call in numbers[each]]
    if name.isdecimal() and name.isascii():
        number = int(name)
        return [call for calls in numbers.values() for call in calls if call[1] == number]
    return numbers.get(name, [])


def _unknown(name: str, option: str) -> UsageError:
    if name.startswith("%"):
        return UsageError(f"{option}: unknown class '{name}'{_near(name, [key for key in CLASSES if key[0] == '%'])}")
    if name.startswith("/"):
        return UsageError(f"{option}: no syscall matches '{name}'")
    return UsageError(f"{option}: unknown syscall '{name}'{_near(name, [*native.call_numbers()])}")


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, 3, 0.6)
    return f" (near: {', '.join(near)})" if near else ""


def parse_signals(text: str) -> int:
    """The bits of the signals that `text` names, with SIG or without, or numbers. UsageError."""
    return _bits(text, SIGNALS + 1, _signal)


def _signal(item: str) -> int:
    if item.isdecimal() and item.isascii() and int(item) <= SIGNALS:
        return int(item)
    name = item.upper() if item.upper().startswith("SIG") else f"SIG{item.upper()}"
    names = _signals()
    number = names.get(name)
    if number is None:
        raise UsageError(f"-e signal: unknown signal '{item}'{_near(name, [each for each in names if each])}")
    return number


@cache
def _signals() -> Mapping[str | None, int]:
    return {native.signal_name(number): number for number in range(1, SIGNALS + 1)}


def parse_descriptors(text: str, option: str) -> int:
    """The bits of the descriptors that `text` lists. UsageError."""

    def descriptor(item: str) -> int:
        if not (item.isdecimal() and item.isascii()):
            raise UsageError(f"{option}: not a descriptor: '{item}'")
        if int(item) >= DESCRIPTORS:
            raise UsageError(f"{option}: {item} is above the highest descriptor that can be chosen, {DESCRIPTORS - 1}")
        return int(item)

    return _bits(text, DESCRIPTORS, descriptor)


def parse_words(text: str, known: Mapping[str, int], option: str) -> int:
    """The bits of the words that `text` lists. UsageError."""

    def word(item: str) -> int:
        if item not in known:
            raise UsageError(f"{option}: unknown '{item}' (known: {', '.join(known)}, all, none)")
        return known[item]

    return _bits(text, max(known.values()) + 1, word)


def _bits(text: str, count: int, bit: Callable[[str], int]) -> int:
    every = (1 << count) - 1
    inverted, items = _items(text)
    found = 0
    for item in items or ():
        found |= every if item == "all" else 0 if item == "none" else 1 << bit(item)
    return every & ~found if inverted else found


def _items(text: str) -> tuple[bool, list[str] | None]:
    """Whether it is inverted, and what is between its commas; None of `none`, and of `all` as what is inverted then."""
    if text in ("all", "!none", "none", "!all"):
        return text in ("all", "!none"), None
    return text.startswith("!"), list(dict.fromkeys(text.removeprefix("!").split(",")))
