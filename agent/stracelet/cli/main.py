# SPDX-License-Identifier: Apache-2.0
"""The `stracelet` command: finds the subcommand, runs it, and says in one line what went wrong."""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import resource
import signal
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn, Protocol

from stracelet import __version__, log
from stracelet.cli.words import tell_w_apart
from stracelet.errors import StraceletError, UsageError
from stracelet.text import printable, printable_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXIT_FAILED = 1
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_BROKEN_PIPE = 128 + signal.SIGPIPE


class Command(Protocol):
    """A subcommand. `run` returns the exit status, or the negative of the signal to end by, or raises StraceletError.

    `args.command_line` is what follows `--`, None without it; only a command that `takes_command_line` is given one.
    """

    name: str
    summary: str
    takes_command_line: bool

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


class Parser(argparse.ArgumentParser):
    """argparse, with our way to report: an error is a UsageError, not a page of usage and an exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, help_text=f"`{self.prog} --help` shows the arguments.")


# Each is loaded when it is wanted: the first line of a trace does not wait for what serves metrics.
COMMANDS = {
    "trace": ("stracelet.cli.trace", "Trace"),
    "record": ("stracelet.cli.record", "Record"),
    "replay": ("stracelet.cli.replay", "Replay"),
    "ps": ("stracelet.cli.ps", "Ps"),
    "doctor": ("stracelet.cli.doctor", "Doctor"),
    "agent": ("stracelet.cli.agent", "Agent"),
    "demo": ("stracelet.cli.demo.command", "Demo"),
}


def commands(names: Iterable[str] = tuple(COMMANDS)) -> Sequence[Command]:
    """Those with these names."""
    places = (COMMANDS[name] for name in names)
    return tuple(getattr(importlib.import_module(module), name)() for module, name in places)


def build_parser(names: Iterable[str] = tuple(COMMANDS)) -> Parser:
    """Of these subcommands."""
    parser = Parser(prog="stracelet", description="strace for every container on the node. Names in, syscalls out.")
    parser.add_argument("--version", action="version", version=f"stracelet {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for command in commands(names):
        subparser = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=command.summary[:1].upper() + command.summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        subparser.add_argument("--debug", action="store_true", help="log what is done, and show where a failure arose")
        command.prepare_parser(subparser)
        subparser.set_defaults(command=command)
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The subcommand and its arguments. What follows `--` is set apart first: it is another program's. UsageError."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    own = arguments[:end]
    known = own[:1] if own and own[0] in COMMANDS else tuple(COMMANDS)
    args = build_parser(known).parse_args(tell_w_apart(own) if own[:1] == ["trace"] else own)
    args.command_line = None
    if end < len(arguments):
        if not args.command.takes_command_line:
            raise UsageError(f"{args.command.name} takes no `-- COMMAND`")
        args.command_line = list(arguments[end + 1 :])
    return args


def _one_line(error: Exception) -> str:
    return printable(" ".join(str(error).split()))


def _report(error: StraceletError) -> None:
    print(f"stracelet: {_one_line(error)}", file=sys.stderr)
    if error.help_text:
        print(printable_lines(error.help_text), file=sys.stderr)


def _report_bug(error: Exception) -> None:
    print(f"stracelet: a bug: {type(error).__name__}: {_one_line(error)[:300]}", file=sys.stderr)
    print("The same command with --debug shows where; please report it with that.", file=sys.stderr)


def _discard_output() -> None:
    """Our output's reader has gone. Python would complain once more as it flushes at exit: give it nowhere to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_anything() -> None:
    """What the terminal's encoding lacks is escaped, as on stderr: it is no reason to print nothing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _open_closed() -> None:
    """What our caller has closed (2>&-): else the next files to be opened would have its numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        """The lowest that is free (open(2))."""
    os.close(descriptor)
    sys.stdout = sys.stdout or os.fdopen(1, "w")  # Python has none where it was closed
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def _end_by(number: int) -> NoReturn:
    """Dies as the traced command did, without a core of our own, as strace does (its terminate())."""
    sys.stdout.flush()
    sys.stderr.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    sys.exit(128 + number)


def _configure_log(*, debug: bool) -> None:
    """A command says itself what its user has to know; the agent, which has a log, configures it anew."""
    log.configure(level="debug" if debug else "error")
    if not debug:
        logging.getLogger().setLevel(logging.ERROR)


def _run(arguments: Sequence[str]) -> int:
    args = parse(arguments)
    _configure_log(debug=args.debug)
    status = int(args.command.run(args))
    sys.stdout.flush()
    return status


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status. Nothing but SystemExit (of --help, --version) leaves it."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_closed()
    _print_anything()
    debug = "--debug" in arguments[: arguments.index("--") if "--" in arguments else None]
    try:
        status = _run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return EXIT_BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - a bug, and still no traceback unless it is asked for
        if debug:
            print(printable_lines(traceback.format_exc()), end="", file=sys.stderr)
        if isinstance(error, StraceletError):
            _report(error)
            return error.exit_code
        _report_bug(error)
        return EXIT_FAILED
    if status < 0:
        _end_by(-status)
    return status


if __name__ == "__main__":
    sys.exit(main())
