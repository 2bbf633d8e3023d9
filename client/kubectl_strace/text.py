# SPDX-License-Identifier: Apache-2.0
"""Text from elsewhere: an agent may be on a stolen node, and names are chosen by whoever made a pod."""

from __future__ import annotations

import sys

_UNDECODED = range(0xDC80, 0xDD00)  # a byte that was no UTF-8: PEP 383


def printable(text: str, *, json: bool = False) -> str:
    r"""On one line: what could steer a terminal is shown as \xNN, \uNNNN or \UNNNNNNNN; with `json` as JSON has it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(ord(c), json=json) for c in text)


def printable_lines(text: str) -> str:
    """The same for text that has lines."""
    return "\n".join(printable(line.expandtabs()) for line in text.split("\n"))


def one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def say(text: str) -> None:
    """To the user, beside the lines."""
    print(said(text), end="", file=sys.stderr, flush=True)


def said(text: str) -> str:
    """As a line of ours."""
    return f"kubectl-strace: {one_line(text)}\n"


def columns(rows: list[list[str]]) -> str:
    """A table: each column as wide as its widest cell, two spaces between."""
    shown = [[printable(cell) or "-" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in shown
    )


def _escape(code: int, *, json: bool) -> str:
    if json and code > 0xFFFF:
        high, low = divmod(code - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    if json:
        return f"\\u{code:04x}"
    if code in _UNDECODED:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
