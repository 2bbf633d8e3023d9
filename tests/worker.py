# SPDX-License-Identifier: Apache-2.0
"""A shell program that works when it is told to, in a container of whichever runtime."""

from __future__ import annotations

from collections.abc import Callable


def known_calls(count: int | str) -> str:
    """Makes so many calls of a known kind: no PID is that high (PID_MAX_LIMIT, proc(5)), and signal 0 does nothing."""
    return f"i=0; while [ $i -lt {count} ]; do kill -0 4194305 2>/dev/null; i=$((i + 1)); done"


def on_each_line(program: str) -> str:
    """Runs the program, whose $line it is, each time that a line comes, and then says that it has."""
    return f"""\
mkfifo /tmp/go /tmp/done
while read line </tmp/go; do
{program}
echo "$line" >/tmp/done
done
"""


WORKER = on_each_line(known_calls("$line"))


def tell(call: Callable[..., str], line: int | str) -> None:
    """Gives it that line, and waits until it has worked; `call` runs a command in its container."""
    assert call("/bin/sh", "-c", f"echo {line} >/tmp/go; cat /tmp/done").rstrip("\n") == str(line)
