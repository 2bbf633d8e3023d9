# SPDX-License-Identifier: Apache-2.0
"""`kubectl-strace`: finds the command, runs it, and says in one line what went wrong."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kubectl_strace.errors import ClientError
from kubectl_strace.signals import Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
COMPLETE = "__complete"  # as completion scripts call us


def main(argv: Sequence[str] | None = None) -> int:
    """Its exit status. Nothing but SystemExit (of --help, --version) leaves it."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_closed()
    try:
        status = _run(words)
        sys.stdout.flush()
    except Interrupted as asked:
        return asked.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        from kubectl_strace.output import discard  # rare

        discard()
        return EXIT_BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - a bug, and still no traceback unless it is asked for
        return _report(error, debug="--debug" in words)
    return status


def _open_closed() -> None:
    """What our caller has closed (2>&-): else the next files to be opened would have its numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        """The lowest that is free (open(2))."""
    os.close(descriptor)
    sys.stdout = sys.stdout or os.fdopen(1, "w")  # Python has none where it was closed
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def _run(words: list[str]) -> int:
    if words[:1] == [COMPLETE]:
        from kubectl_strace.completion import answer

        return answer(words[1:])
    # Each is loaded when it is wanted: --version and --help need no JSON, threads or HTTP.
    from kubectl_strace.command_line import parse

    args = parse(words)
    match args.command:
        case "ps":
            from kubectl_strace.ps import run
        case "doctor":
            from kubectl_strace.doctor import run
        case "completion":
            from kubectl_strace.completion import run
        case _ if args.sidecar:
            from kubectl_strace.sidecar import run
        case _:
            from kubectl_strace.trace import run
    return run(args)


def _report(error: Exception, *, debug: bool) -> int:
    from kubectl_strace.text import one_line, printable_lines, say

    if debug:
        import traceback

        print(printable_lines(traceback.format_exc()), end="", file=sys.stderr)
    if isinstance(error, ClientError):
        say(str(error))
        return error.exit_code
    say(f"a bug: {type(error).__name__}: {one_line(str(error))[:300]} (the same with --debug shows where; report it)")
    return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
