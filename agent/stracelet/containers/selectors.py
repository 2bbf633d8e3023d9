# SPDX-License-Identifier: Apache-2.0
"""Label selectors, as kubectl's -l has them: `a=b, c!=d, e in (x, y), f notin (z), g, !h`; all have to match."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stracelet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_REQUIREMENT = re.compile(
    rf"\s*(?:(?P<absent>!\s*{_KEY})"
    rf"|(?P<key>{_KEY})(?:\s*(?P<operator>==|!=|=)\s*(?P<value>{_VALUE})"
    rf"|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*",
    re.ASCII,
)
_A_VALUE = re.compile(_VALUE, re.ASCII)


@dataclass(frozen=True)
class Requirement:
    """`values` None: that the label exists. A negated one is met by a label that is not there, as in Kubernetes."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def met(self, labels: Mapping[str, str]) -> bool:
        held = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return held != self.negated


@dataclass(frozen=True)
class Selector:
    """Requirements that all have to be met; without any it matches everything."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.met(labels) for requirement in self.requirements)

    def could_match(self, labels: Mapping[str, str]) -> bool:
        """Whether it matches with these labels and further ones, of other keys."""
        return all(each.key not in labels or each.met(labels) for each in self.requirements)


def parse_selector(text: str) -> Selector:
    """Raises UsageError, which shows where it cannot be read. Blank text matches everything."""
    requirements: list[Requirement] = []
    position = 0
    while text.strip():
        found = _REQUIREMENT.match(text, position)
        if found is None or (found.end() < len(text) and text[found.end()] != ","):
            rest = text[position:].strip()
            problem = f"cannot read {rest!r}" if rest else "a part is empty"
            raise UsageError(
                f"label selector {text!r}: {problem}",
                help_text="Write it as for kubectl -l: a=b,c!=d,e in (x,y),!f",
            )
        requirements.append(_requirement(found, text))
        position = found.end() + 1
        if found.end() == len(text):
            break
    return Selector(tuple(requirements))


def _requirement(found: re.Match[str], text: str) -> Requirement:
    if found["absent"]:
        return Requirement(found["absent"].lstrip("! \t"), None, negated=True)
    if found["set"]:
        values = frozenset(value.strip() for value in found["values"].split(","))
        if not all(_A_VALUE.fullmatch(value) for value in values):
            raise UsageError(f"label selector {text!r}: cannot read the values ({found['values']})")
        return Requirement(found["key"], values, negated=found["set"] == "notin")
    if found["operator"]:
        return Requirement(found["key"], frozenset({found["value"]}), negated=found["operator"] == "!=")
    return Requirement(found["key"], None, negated=False)
