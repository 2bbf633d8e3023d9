# SPDX-License-Identifier: Apache-2.0
"""Sessions that record as well as count: whatever holds of a target that is counted holds of one that is recorded."""

import asyncio
import os
import threading

import pytest

from stracelet.native import STREAM_BUFFER, Stream, constants
from stracelet.records.filters import Filter
from stracelet.tracing.session import Session

VARIABLE = "STRACELET_TEST_RECORDING"
# Not at all; all there is, and read; the same, but nobody reads it.
MODES = ["counting", "recording", "unread"]
CAPTURE = (
    constants.STL_RECORD_ON
    | constants.STL_RECORD_DESCRIPTORS
    | constants.STL_RECORD_ADDRESSES
    | constants.STL_RECORD_PIDS
)
RECORDED = pytest.mark.parametrize("recording", MODES, indirect=True)
PAUSE = 0.003


class Recording:
    """Reads a session's records, in a thread as the product does."""

    def __init__(self, stream: Stream, *, reads: bool) -> None:
        self._stream = stream
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self.records = 0
        if reads:
            self._reader.start()

    @classmethod
    async def begin(cls, session: Session) -> "Recording | None":
        """Asks for what the environment says, of a session that traces nothing yet."""
        mode = os.environ.get(VARIABLE, MODES[0])
        if mode == MODES[0]:
            return None
        session.record(Filter().encode(), capture=CAPTURE, string_limit=32)
        return cls(await session.stream(), reads=mode == MODES[1])

    def _read(self) -> None:
        buffer = bytearray(STREAM_BUFFER)
        while not self._stop.is_set():
            if not self._stream.read(buffer):
                self._stop.wait(PAUSE)

    async def end(self) -> None:
        """What is left is read too: each record was read, or counted as dropped."""
        self._stop.set()
        if self._reader.is_alive():
            await asyncio.to_thread(self._reader.join)
        buffer = bytearray(STREAM_BUFFER)
        while self._stream.read(buffer, all_=True):
            pass
        info = self._stream.info()
        self._stream.close()
        assert info.read + info.dropped == info.produced, info
