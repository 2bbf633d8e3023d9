# SPDX-License-Identifier: Apache-2.0
"""The flags of a command line, as an agent is to be given them: those that it honours, in one spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stracelet.records.printing import COLUMN

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from stracelet.config import Config

COUNTED = {
    "decode_fds": "-y",
    "quiet": "-q",
    "strings_in_hex": "-x",
    "absolute_timestamps": "-t",
}
SWITCHES = {
    "decode_pids_comm": "-Y",
    "no_abbrev": "-v",
    "instruction_pointer": "-i",
    "relative_timestamps": "-r",
    "syscall_times": "-T",
    "summary_only": "-c",
    "summary": "-C",
    "no_data": "--no-data",
    "mask_exec": "--mask-exec",
}
# With what they have if nothing is said.
VALUES = {
    "string_limit": ("--string-limit", None),
    "columns": ("--columns", COLUMN),
    "const_print_style": ("--const-print-style", "abbrev"),
    "format": ("--format", "strace"),
    "summary_sort_by": ("--summary-sort-by", None),
    "summary_columns": ("--summary-columns", None),
}
LISTS = {
    "expression": "--expression",
    "trace_path": "--trace-path",
    "decode_pids": "--decode-pids",
    "mask": "--mask",
}
STATUS = {"successful": "-z", "failed": "-Z"}


def flags_of(args: argparse.Namespace, settings: Config) -> Sequence[str]:
    """What a parser of the same flags makes the same of; what the settings leave out of lines is left out too."""
    said = [flag for name, flag in COUNTED.items() for _ in range(getattr(args, name))]
    said += [flag for name, flag in SWITCHES.items() if getattr(args, name)]
    said += [f"{flag}={value}" for name, (flag, usual) in VALUES.items() if (value := getattr(args, name)) != usual]
    said += [f"{flag}={value}" for name, flag in LISTS.items() for value in getattr(args, name)]
    said += [STATUS[args.status]] if args.status else []
    said += [f"--min-duration={round(args.min_duration * 1e9)}ns"] if args.min_duration else []
    said += [f"--limit={args.limit}"] if args.limit else []
    said += [f"--mask={mask}" for mask in settings.trace.mask]
    said += [] if settings.trace.data else ["--no-data"]
    return said + (["--mask-exec"] if settings.trace.mask_exec else [])
