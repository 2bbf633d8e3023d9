# SPDX-License-Identifier: Apache-2.0
"""How log records look: lines for people, or one JSON object a line. Called once, by the command."""

from __future__ import annotations

import logging
import time
from typing import TextIO

from stracelet.text import json_text, printable, printable_lines

# What every record carries; anything beyond it came by `extra=` and is context worth showing.
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """`2026-05-09T07:29:33Z warning tracing.session: the tracer died by SIGSEGV generation=2`; always one line."""

    def format(self, record: logging.LogRecord) -> str:
        name = record.name.removeprefix("stracelet.")
        context = "".join(f" {key}={value}" for key, value in _context(record).items())
        line = f"{_stamp(record)} {record.levelname.lower()} {name}: {record.getMessage()}{context}"
        return printable(line) + _trace(self, record)


class JsonFormatter(logging.Formatter):
    """`{"time": …, "level": …, "logger": …, "message": …, …context}`."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            **_context(record),
            "time": _stamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json_text(entry, default=str)


def configure(*, level: str = "info", format: str = "text", stream: TextIO | None = None) -> None:  # noqa: A002
    """Sends what the package logs to `stream` (standard error). Called again it changes level and format."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # libraries: what goes wrong alone
    logging.getLogger("stracelet").setLevel(level.upper())


def _context(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _stamp(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return "\n" + printable_lines(formatter.formatException(record.exc_info)) if record.exc_info else ""
