# SPDX-License-Identifier: Apache-2.0
"""Which records are wanted, as strace's flags say it, and as the tracer and the printer take it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from stracelet.native import constants
from stracelet.records.sets import ALL_CALLS, SIGNALS, Calls

STATUSES = {
    "successful": constants.STL_STATUS_SUCCESSFUL,
    "failed": constants.STL_STATUS_FAILED,
    "unfinished": constants.STL_STATUS_UNFINISHED,
    "unavailable": constants.STL_STATUS_UNAVAILABLE,
    "detached": constants.STL_STATUS_DETACHED,
}
STATUS_BITS = {name: value.bit_length() - 1 for name, value in STATUSES.items()}
ALL_STATUSES: int = constants.STL_STATUS_ALL
ALL_SIGNALS = (1 << SIGNALS + 1) - 1

# struct stl_filter: each bitmap as bytes, which is what words of a little-endian machine are
_LAYOUT = struct.Struct("<384s16sQII32s32s")


@dataclass(frozen=True)
class Filter:
    """All calls and signals by default. Bits are numbers: of signals, of STL_STATUS_*, of descriptors."""

    calls: Calls = ALL_CALLS
    signals: int = ALL_SIGNALS
    statuses: int = ALL_STATUSES
    min_duration_ns: int = 0
    dump_reads: int = 0
    dump_writes: int = 0

    def encode(self) -> bytes:
        """As struct stl_filter."""
        return _LAYOUT.pack(
            b"".join(bits.to_bytes(128, "little") for bits in self.calls.bits),
            self.signals.to_bytes(16, "little"),
            self.min_duration_ns,
            self.statuses,
            self.calls.unnamed,
            self.dump_reads.to_bytes(32, "little"),
            self.dump_writes.to_bytes(32, "little"),
        )
