# SPDX-License-Identifier: Apache-2.0
"""Text that comes from containers, for terminals and logs: a container chooses its own names, labels and cgroups."""

from __future__ import annotations

import json
from typing import Any

# A byte that was no UTF-8 is read as one of these: PEP 383
_UNDECODED = range(0xDC80, 0xDD00)


def printable(text: str) -> str:
    r"""On one line: what could steer a terminal or turn the writing round is shown as \xNN, \uNNNN or \UNNNNNNNN."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def printable_lines(text: str) -> str:
    """The same for text that has lines."""
    return "\n".join(map(printable, text.split("\n")))


def json_text(document: object, **options: Any) -> str:
    """As json.dumps, in ASCII throughout; that leaves DEL as it is, which no JSON has outside of its strings."""
    return json.dumps(document, **options).replace("\x7f", "\\u007f")


def _escape(code: int) -> str:
    if code in _UNDECODED:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
