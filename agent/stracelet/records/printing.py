# SPDX-License-Identifier: Apache-2.0
"""How records are shown, and what has to be captured so that they can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stracelet.native import Printer, constants

if TYPE_CHECKING:
    from stracelet.records.filters import Filter

FORMATS = {"strace": constants.STL_FORMAT_TEXT, "json": constants.STL_FORMAT_JSON}
COUNTS: int = constants.STL_FORMAT_COUNTS
CONSTANTS = {
    "abbrev": constants.STL_CONSTANTS_ABBREV,
    "raw": constants.STL_CONSTANTS_RAW,
    "verbose": constants.STL_CONSTANTS_VERBOSE,
}
RELATIVE: int = constants.STL_TIME_RELATIVE
TIMES: tuple[int, ...] = (
    constants.STL_TIME_NONE,
    constants.STL_TIME_SECONDS,
    constants.STL_TIME_MICROSECONDS,
    constants.STL_TIME_EPOCH,
)
STRING_LIMIT = 32
COLUMN = 40


@dataclass(frozen=True)
class Flags:
    """STL_PRINT_*, by name."""

    duration: bool = False
    ip: bool = False
    verbose: bool = False
    descriptors: bool = False
    addresses: bool = False
    comms: bool = False
    pidns: bool = False
    no_data: bool = False
    mask_exec: bool = False
    always_pid: bool = False
    no_pid: bool = False
    container: bool = False
    colour: bool = False
    no_attach: bool = False
    no_exit: bool = False
    stamps: bool = False
    name_unknown: bool = False

    def bits(self) -> int:
        return sum(getattr(constants, f"STL_PRINT_{name.upper()}") for name, on in vars(self).items() if on)


@dataclass(frozen=True)
class PrintOptions:
    """struct stl_print_options, and which paths are wanted and what is masked."""

    format: int = FORMATS["strace"]
    string_limit: int = STRING_LIMIT
    column: int = COLUMN
    hex: int = 0
    constants: int = CONSTANTS["abbrev"]
    time: int = TIMES[0]
    limit: int = 0
    node: str = ""
    flags: Flags = Flags()
    paths: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()

    def printer(self, filter_: Filter) -> Printer:
        """PatternError: a mask is no regular expression."""
        printer = Printer(
            filter_=filter_.encode(),
            node=self.node,
            format=self.format,
            string_limit=self.string_limit,
            column=self.column,
            hex=self.hex,
            constants=self.constants,
            time=self.time,
            limit=self.limit,
            flags=self.flags.bits(),
        )
        for path in self.paths:
            printer.path(path)
        for mask in self.masks:
            printer.mask(mask)
        return printer


@dataclass(frozen=True)
class Capture:
    """What the tracer copies with each record: STL_RECORD_*, by name, and how many bytes of a string."""

    verbose: bool = False
    descriptors: bool = False
    addresses: bool = False
    pids: bool = False
    lossless: bool = False
    no_data: bool = False
    string_limit: int = STRING_LIMIT

    @classmethod
    def of(cls, options: PrintOptions, *, lossless: bool) -> Capture:
        """What these options show. To compare a path with what a call is about takes what its descriptors are."""
        flags = options.flags
        return cls(
            verbose=flags.verbose,
            descriptors=flags.descriptors or flags.addresses or bool(options.paths),
            addresses=flags.addresses,
            pids=flags.comms or flags.pidns,
            lossless=lossless,
            no_data=flags.no_data,
            string_limit=options.string_limit,
        )

    def bits(self) -> int:
        names = ("verbose", "descriptors", "addresses", "pids", "lossless", "no_data")
        chosen = (getattr(constants, f"STL_RECORD_{name.upper()}") for name in names if getattr(self, name))
        return int(sum(chosen, constants.STL_RECORD_ON))

    def lacks(self, wanted: Capture, *, strings: bool) -> list[str]:
        """What `wanted` would show and was not captured, in words; `strings`: how long they are is asked for."""
        missing = {
            "-v: arrays and environments were not recorded whole": wanted.verbose and not self.verbose,
            "-y or -P: what descriptors are was not recorded": wanted.descriptors and not self.descriptors,
            "-yy: the addresses of sockets were not recorded": wanted.addresses and not self.addresses,
            "-Y or --decode-pids: whose PIDs are was not recorded": wanted.pids and not self.pids,
            f"-s {wanted.string_limit}: strings were recorded to {self.string_limit} bytes": strings
            and wanted.string_limit > self.string_limit,
        }
        return [what for what, lacking in missing.items() if lacking]
