# SPDX-License-Identifier: Apache-2.0
"""The text of the per-container families, in Prometheus' text format 0.0.4 and in OpenMetrics 1.0.

prometheus-client takes 0.5 s for 73,000 lines, most of it for putting the same labels together again and again. Here a
syscall's lines are one %-format, made once for each scrape, and its labels one string.
"""

from __future__ import annotations

from itertools import accumulate, chain
from typing import TYPE_CHECKING

from stracelet.metrics import families
from stracelet.metrics.families import CONTAINER, FAILURE_REASONS, Family

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from stracelet.metrics.series import ContainerSeries

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def negotiate(accept: str) -> str:
    """TEXT or OPENMETRICS, whichever the Accept header likes better; TEXT where it likes both the same."""
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for item in accept.split(","):
        kind, *parameters = (part.strip() for part in item.split(";"))
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        if kind in best and given.get("version", "1.0.0") in ("0.0.1", "0.0.4", "1.0.0"):
            best[kind] = max(best[kind], _quality(given.get("q", "1")))
    return OPENMETRICS if best["application/openmetrics-text"] > best["text/plain"] else TEXT


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def escape(value: str) -> str:
    """A label's value as it stands between quotes; what UTF-8 cannot say becomes a question mark."""
    return value.translate(_ESCAPES).encode(errors="replace").decode()


def pairs(names: Sequence[str], values: Sequence[str]) -> str:
    """`a="1",b="2"`."""
    return ",".join([f'{name}="{escape(value)}"' for name, value in zip(names, values, strict=True)])


def render(groups: Collection[ContainerSeries], edges_ns: Sequence[int], *, openmetrics: bool) -> Iterator[str]:
    """The families' text, in pieces, without OpenMetrics' `# EOF`. Its time is linear in the lines."""
    labelled = [(pairs(CONTAINER, group.labels), group) for group in groups]
    created = (lambda group: f"{group.created_ns / 1e9:.3f}") if openmetrics else None
    writer = _Writer(created)
    yield from writer.family(families.SYSCALLS, labelled, _syscalls)
    yield from writer.family(families.ERRORS, labelled, _errors)
    yield from _durations(labelled, edges_ns, created)
    yield from writer.family(families.SIGNALS, labelled, _signals)
    yield from writer.family(families.TRACEES, labelled, lambda _, group: [("", group.tracees)])
    yield from writer.family(families.COVERAGE, labelled, _coverage)
    yield from writer.family(families.OVERHEAD, labelled, _overhead)
    yield from writer.family(families.INFO, labelled, _info)
    yield from writer.family(families.FAILURES, labelled, _failures)
    yield from writer.family(families.DELAYED, labelled, lambda _, group: [("", group.delayed)])
    yield from writer.family(families.EINTR, labelled, lambda _, group: [("", group.eintr_passed)])
    yield from writer.family(families.LIMITED, labelled, lambda _, group: [("", len(group.diverted))])


if TYPE_CHECKING:
    Labelled = Sequence[tuple[str, ContainerSeries]]
    Created = Callable[[ContainerSeries], str] | None
    # The further labels, with a comma before each, and the value, of each line of one container.
    Lines = Callable[[str, ContainerSeries], Iterable[tuple[str, float]]]


class _Writer:
    """Writes families of one line a series."""

    def __init__(self, created: Created) -> None:
        self._created = created

    def family(self, family: Family, labelled: Labelled, lines: Lines) -> Iterator[str]:
        counter = family.kind == "counter"
        name = family.full_name
        yield _head(family, openmetrics=self._created is not None)
        sample = f"{name}_total" if counter else name
        for text, group in labelled:
            if self._created and counter:
                tail = f" {self._created(group)}\n"
                made = [
                    f"{sample}{{{text}{more}}} {value}\n{name}_created{{{text}{more}}}{tail}"
                    for more, value in lines(text, group)
                ]
            else:
                made = [f"{sample}{{{text}{more}}} {value}\n" for more, value in lines(text, group)]
            yield "".join(made)


def _head(family: Family, *, openmetrics: bool) -> str:
    name = family.full_name + ("_total" if family.kind == "counter" and not openmetrics else "")
    return f"# HELP {name} {family.help.translate(_HELP[openmetrics])}\n# TYPE {name} {family.kind}\n"


_HELP = {False: str.maketrans({"\\": r"\\", "\n": r"\n"}), True: _ESCAPES}


def _syscalls(_: str, group: ContainerSeries) -> Iterable[tuple[str, float]]:
    return [(f',syscall="{name}"', sum(series.buckets)) for name, series in group.visible()]


def _errors(_: str, group: ContainerSeries) -> Iterable[tuple[str, float]]:
    return [
        (f',syscall="{name}",errno="{errno}"', calls)
        for name, series in group.visible()
        for errno, calls in series.errors.items()
    ]


def _signals(_: str, group: ContainerSeries) -> Iterable[tuple[str, float]]:
    return [(f',signal="{name}"', count) for name, count in group.signals.items()]


def _coverage(_: str, group: ContainerSeries) -> Iterable[tuple[str, float]]:
    return [("", _ratio(group.traced_ns, group.lifetime_ns))] if group.members else []


def _overhead(_: str, group: ContainerSeries) -> Iterable[tuple[str, float]]:
    return [("", _ratio(group.held_ns, group.held_ns + group.cpu_ns))] if group.members else []


def _ratio(part: int, whole: int) -> float:
    return min(1.0, part / whole) if whole > 0 else 0.0


def _info(_: str, group: ContainerSeries) -> Iterable[tuple[str, float]]:
    names = families.INFO.labels[len(CONTAINER) :]
    return [
        ("," + pairs(names, (key, who.image, who.runtime, who.engine, who.workload_kind, who.workload)), 1)
        for key, who in group.members.items()
    ]


def _failures(_: str, group: ContainerSeries) -> Iterable[tuple[str, float]]:
    return [(f',reason="{reason}"', n) for reason, n in zip(FAILURE_REASONS, group.failures, strict=True)]


def _durations(labelled: Labelled, edges_ns: Sequence[int], created: Created) -> Iterator[str]:
    """The histogram. A sum is whole nanoseconds until here, so that as a float it does not fall either."""
    family = families.DURATION
    name = family.full_name
    yield _head(family, openmetrics=created is not None)
    bounds = [repr(edge / 1e9) for edge in edges_ns] + ["+Inf"]
    layout = "".join(f'{name}_bucket{{%s,le="{bound}"}} %d\n' for bound in bounds)
    layout += f"{name}_sum{{%s}} %r\n{name}_count{{%s}} %d\n" + (f"{name}_created{{%s}} %s\n" if created else "")
    for text, group in labelled:
        start = (created(group),) if created else ()
        made = []
        for syscall, series in group.visible():
            counts = list(accumulate(series.buckets))
            values = (*counts, series.sum_ns / 1e9, counts[-1], *start)
            labels = f'{text},syscall="{syscall}"'
            made.append(layout % tuple(chain.from_iterable(zip((labels,) * len(values), values, strict=True))))
        yield "".join(made)
