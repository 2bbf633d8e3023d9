# SPDX-License-Identifier: Apache-2.0
"""The window on the metrics: a process of its own that scrapes, draws, and ends when its stdin does.

The agent gives up its rights for its one thread, so nothing else may run in its process.
"""

from __future__ import annotations

import codecs
import io
import json
import select
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from stracelet.cli import demo
from stracelet.cli.demo import view
from stracelet.text import printable
from stracelet.tracing.privileges import drop_privileges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIVE_SECONDS = 1.0
PLAIN_SECONDS = 5.0
SCRAPE_SECONDS = 5.0
SILENT_SECONDS = 10.0
PLAIN_ROWS = 15
FRAME_LINES = 9  # of a table around its rows: title, rules, heading, notes


@contextmanager
def opened(url: str, title: str, notes: Sequence[str]) -> Iterator[None]:
    """The window is there until the exit, or until this process has gone, however it went."""
    line = demo.as_program(__name__, json.dumps({"url": url, "title": title, "notes": list(notes)}))
    with subprocess.Popen(line, stdin=subprocess.PIPE):
        yield


def main() -> int:
    """Draws until stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the agent ends on these, and then our stdin does
    _load_what_could_not_be_read_later()
    drop_privileges()
    given = json.loads(sys.argv[1])
    try:
        if sys.stdout.isatty():
            _live(given["url"], given["title"], given["notes"])
        else:
            _lines(given["url"], given["title"], given["notes"])
    except BrokenPipeError:
        sys.stderr.close()
    except Exception as error:  # noqa: BLE001 - the agent goes on; a window that breaks says so in one line
        print(f"stracelet: the window failed: {type(error).__name__}: {printable(str(error))}", file=sys.stderr)
        return 1
    return 0


def _load_what_could_not_be_read_later() -> None:
    """What rich and urllib load when they first need it, may then be in a home that only root may enter."""
    codecs.lookup("idna")
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Live(console=console, auto_refresh=False) as live:
        live.update(view.table([("x",) * len(view.HEADINGS)], title="x", caption="x"), refresh=True)


def _ended(seconds: float) -> bool:
    """Waits that long; True at once when stdin ends."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def _scrapes(url: str, seconds: float) -> Iterator[tuple[dict[view.Key, view.Syscall], float]]:
    """(what is there, monotonic time) at this interval, as long as stdin is open; what fails is tried again."""
    # The agent's own certificate, if it has one, is for its name in the network, not for localhost.
    context = ssl._create_unverified_context() if url.startswith("https:") else None  # noqa: S323, SLF001
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])
    )
    first, answered = True, time.monotonic()
    while not _ended(0.2 if first else seconds):
        try:
            with opener.open(url, timeout=SCRAPE_SECONDS) as answer:
                text = answer.read().decode()
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            if time.monotonic() - answered > SILENT_SECONDS:
                print(f"stracelet: {url} does not answer: {error}", file=sys.stderr, flush=True)
                answered = time.monotonic()
            continue
        first, answered = False, time.monotonic()
        yield view.parse(text), time.monotonic()


def _live(url: str, title: str, notes: Sequence[str]) -> None:
    console = Console()
    before: dict[view.Key, view.Syscall] = {}
    then = time.monotonic()
    caption = "\n".join(notes)
    with Live(console=console, auto_refresh=False) as live:
        live.update(view.table([], title=f"{title}: attaching", caption=caption), refresh=True)
        for now, moment in _scrapes(url, LIVE_SECONDS):
            rows = view.rows(now, before, moment - then if before else 0.0)
            room = max(console.height - FRAME_LINES - len(notes), 3)
            live.update(view.table(rows[:room], title=title, caption=caption), refresh=True)
            before, then = now, moment


def _lines(url: str, title: str, notes: Sequence[str]) -> None:
    before: dict[view.Key, view.Syscall] = {}
    then = time.monotonic()
    print("\n".join([f"tracing {title}", *notes]), flush=True)
    for now, moment in _scrapes(url, PLAIN_SECONDS):
        rows = view.rows(now, before, moment - then if before else 0.0)
        if rows:
            print(f"\n{time.strftime('%H:%M:%S')} {title}\n{view.plain(rows[:PLAIN_ROWS])}", flush=True)
        before, then = now, moment


if __name__ == "__main__":
    sys.exit(main())
