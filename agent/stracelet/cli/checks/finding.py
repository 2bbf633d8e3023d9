# SPDX-License-Identifier: Apache-2.0
"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "failed"]


@dataclass(frozen=True)
class Finding:
    """`found` is what there is, `mend` what to do about it; a note works, or may be meant so; failed does not work."""

    check: str
    state: State
    found: str
    mend: str = ""
