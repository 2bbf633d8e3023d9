# SPDX-License-Identifier: Apache-2.0
"""What both doctors and `kubectl strace` complain of is in docs/troubleshooting.md, word for word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs/troubleshooting.md"
SAYING = ("doctor", "agents", "resolution", "refusals", "kubectl")
CLIENT = [ROOT / f"client/kubectl_strace/{name}.py" for name in SAYING]
SOURCES = [*sorted((ROOT / "agent/stracelet/cli/checks").glob("[a-z]*.py")), *CLIENT]
# Where a text is made before it is a finding's.
NAMES = {"found", "mend", "MEND", "MENDS", "UNANSWERED", "WHO", "NOT_INSTALLED"}
SHORTEST = 8  # a shorter piece between two values is no text that anybody searches for


def spoken(tree: ast.AST) -> Iterator[ast.expr]:
    """What is said of something that is not as it should be."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
            well = len(node.args) > 1 and isinstance(node.args[1], ast.Constant) and node.args[1].value == "ok"
            yield node.args[0]  # the check's name
            if not well:
                yield from (each for each in node.args[2:] if not isinstance(each, ast.Call))
        elif isinstance(node, ast.Assign) and {each.id for each in node.targets if isinstance(each, ast.Name)} & NAMES:
            if not isinstance(node.value, ast.Call):
                yield node.value
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from node.exc.args


def pieces(source: Path) -> set[str]:
    """The texts as they stand in the code, what is put in left out."""
    found = {
        " ".join(each.value.split())
        for expression in spoken(ast.parse(source.read_text()))
        for each in ast.walk(expression)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }
    return {text.strip() for text in found if len(text.strip()) >= SHORTEST}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_what_a_doctor_says_is_in_the_document(source: Path) -> None:
    document = " ".join(re.sub(r"[|]", " ", DOCUMENT.read_text()).split())
    assert sorted(text for text in pieces(source) if text not in document) == []


def test_the_texts_are_found() -> None:
    assert sum(len(pieces(source)) for source in SOURCES) > 80


@pytest.mark.parametrize("document", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.stem)
def test_links_of_the_documents_lead_somewhere(document: Path) -> None:
    for path, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text())):
        if "://" in path:
            continue
        there = document.parent / path if path else document
        assert there.exists(), path
        assert not anchor or anchor in anchors(there), f"{path}#{anchor}"


def anchors(document: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
