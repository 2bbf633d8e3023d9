# SPDX-License-Identifier: Apache-2.0
"""One stream of records for consumers that come and go."""

from __future__ import annotations

from stracelet.native import NAMED_KEPT, Named
from stracelet.records.fan import REMOVE_NS, Fan


class Taker:
    def __init__(self, *, fails: bool = False) -> None:
        self.got: list[object] = []
        self._fails = fails

    def name(self, named: Named) -> None:
        self.got.append(named)

    def take(self, records: memoryview) -> None:
        if self._fails:
            raise ValueError("broken")
        self.got.append(bytes(records))

    def flush(self) -> None:
        """Nothing waits."""

    def end(self, dropped: int) -> None:
        self.got.append("end")

    @property
    def done(self) -> bool:
        return False


NAMED = Named(1, 2, NAMED_KEPT, "a" * 64)


def test_each_gets_what_comes_while_it_is_there() -> None:
    fan, one, other = Fan(failed=lambda *_: None), Taker(), Taker()
    fan.add(one)
    fan.take(memoryview(b"1"))
    fan.add(other)
    fan.tell(other, NAMED)
    fan.take(memoryview(b"2"))
    assert one.got == [b"1", b"2"]
    assert other.got == [NAMED, b"2"]


def test_who_is_removed_gets_first_what_there_is() -> None:
    gone: list[str] = []
    fan, one = Fan(failed=lambda *_: None), Taker()
    fan.add(one)
    fan.take(memoryview(b"1"))
    fan.remove(one, lambda: gone.append("one"))
    fan.take(memoryview(b"2"))
    assert not gone
    fan.flush()
    assert gone == ["one"]
    fan.take(memoryview(b"3"))
    assert one.got == [b"1", b"2", "end"]


def test_under_a_flood_who_is_removed_does_not_wait_for_its_end() -> None:
    now, gone = [0], []
    fan, one = Fan(failed=lambda *_: None, clock=lambda: now[0]), Taker()
    fan.add(one)
    fan.remove(one, lambda: gone.append("one"))
    now[0] = REMOVE_NS + 1
    fan.take(memoryview(b"1"))
    assert gone == ["one"]
    assert one.got == ["end"]


def test_who_fails_is_told_of_and_left_out_and_the_others_go_on() -> None:
    failures: list[tuple[object, str]] = []
    fan = Fan(failed=lambda consumer, error: failures.append((consumer, str(error))))
    bad, good = Taker(fails=True), Taker()
    fan.add(bad)
    fan.add(good)
    fan.take(memoryview(b"1"))
    fan.take(memoryview(b"2"))
    assert failures == [(bad, "broken")]
    assert good.got == [b"1", b"2"]


def test_when_it_is_quiet_all_of_before_has_been_passed_on() -> None:
    now = [10**9]
    fan = Fan(failed=lambda *_: None, clock=lambda: now[0])
    fan.flush()
    assert 0 < fan.quiet_ns < now[0]
