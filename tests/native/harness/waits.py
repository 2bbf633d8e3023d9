# SPDX-License-Identifier: Apache-2.0
"""The tracee `waits`: threads in calls that a stop ends with EINTR, and what each has seen."""

from dataclasses import dataclass

from tests.native.harness.tracee import Tracee

KINDS = ("epoll_wait", "epoll_pwait", "semop", "semtimedop", "sigtimedwait", "io_getevents", "recv")


@dataclass(frozen=True)
class Seen:
    """What one thread has seen of its calls. early, late: of time-outs, by more than 1 and 50 ms."""

    returns: int
    eintrs: int
    early: int
    late: int
    others: int
    handled: int


class Waits:
    """Speaks to a running `waits`."""

    def __init__(self, tracee: Tracee) -> None:
        self.tracee = tracee

    def status(self) -> dict[str, Seen]:
        rows = (line.split() for line in self.tracee.ask())
        return {name: Seen(*map(int, numbers)) for name, *numbers in rows}

    def signal(self, number: int) -> None:
        """Sends the signal to each thread inside its call; one that is handled (SIGUSR2) has to end every call."""
        self.tracee.tell(f"signal {int(number)}")
        answer = self.tracee.line()
        assert answer in ("sent", "interrupted"), answer

    def assert_undisturbed(self) -> None:
        """No EINTR but for handled signals, no time-out too early, no other error."""
        for name, seen in self.status().items():
            assert seen.eintrs <= seen.handled, f"{name}: {seen}"
            assert (seen.early, seen.others) == (0, 0), f"{name}: {seen}"
