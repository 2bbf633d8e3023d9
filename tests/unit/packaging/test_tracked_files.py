# SPDX-License-Identifier: Apache-2.0
"""What no tracked file may hold, and what each must: the tree speaks of itself alone, on any machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# Written so that this file does not match itself.
REGISTRIES = r"\b(?:pypi[.]org|registry[.]npmjs|proxy[.]golang|(?:docker|quay|ghcr)[.]io/)|pythonhosted[.]org"
MACHINE_PATHS = r"(?<![\w.}$*-])/(?:work|home|Users|root|farm)/[\w.]+|/var/tmp/(?:runtimes|k8s)"
LEFT_OPEN = r"\b(?:TO[D]O|FIX[M]E|XX[X])\b"
SIGNED = {".py": "# SPDX", ".c": "/* SPDX", ".h": "/* SPDX"}


def tracked() -> list[Path]:
    """The text files that git knows, links left out."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip(f"not a git checkout: {listed.stderr.strip()}")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def matches(pattern: str, texts: dict[Path, str]) -> list[str]:
    found = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if found.search(line)
    ]


@pytest.fixture(scope="module")
def texts() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8", errors="replace") for path in tracked()}


@pytest.mark.parametrize(
    ("pattern", "sample"),
    [
        (REGISTRIES, "https://pypi" + ".org/simple"),
        (MACHINE_PATHS, "see /ho" + "me/someone/project"),
        (LEFT_OPEN, "# TO" + "DO: later"),
    ],
    ids=["registries", "paths of one machine", "left open"],
)
def test_no_tracked_file_holds(texts: dict[Path, str], pattern: str, sample: str) -> None:
    assert re.search(pattern, sample), "the pattern finds what it is for"
    assert matches(pattern, texts) == []


def test_each_source_file_says_its_licence(texts: dict[Path, str]) -> None:
    sources = {
        path: text for path, text in texts.items() if path.suffix in SIGNED and text.strip() and "_pb2" not in path.name
    }
    assert len(sources) > 20
    unsigned = [
        path.relative_to(ROOT)
        for path, text in sources.items()
        if not any(line.startswith(SIGNED[path.suffix]) for line in text.splitlines()[:3])
    ]
    assert unsigned == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "tools/image/requirements.lock"])
def test_a_lock_file_holds_versions_and_hashes_alone(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) > 20
    wrong = [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+(\s+--hash=sha256:[0-9a-f]{64})+\s*", line)]
    assert wrong == []
