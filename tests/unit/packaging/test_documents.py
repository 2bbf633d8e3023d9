# SPDX-License-Identifier: Apache-2.0
"""What the documents promise is there: commands and their flags, make's targets, files, versions."""

from __future__ import annotations

import re
import shlex
import subprocess
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml

import stracelet
from stracelet import config
from stracelet.cli.main import commands, parse

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / f"{name}.md" for name in ("README", "ARCHITECTURE", "CONTRIBUTING", "SECURITY", "CHANGELOG")]


def examples() -> list[str]:
    """The lines of code blocks in README.md that call stracelet, without prompt, sudo and comment."""
    blocks = re.findall(r"```(?:console|sh)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    calls = [re.sub(r"^(# )?(sudo )?(\.venv/bin/)?", "", line) for line in lines]
    return [call for call in calls if call.startswith("stracelet ")]


def make_database() -> str:
    return subprocess.run(
        ["make", "-C", ROOT, "--print-data-base", "--question", "help"], capture_output=True, text=True, check=False
    ).stdout


def test_the_readme_has_examples_of_every_command_for_users() -> None:
    shown = {shlex.split(call, comments=True)[1] for call in examples()}
    assert shown == {"agent", "ps", "trace", "record", "replay", "doctor"}
    assert shown <= {command.name for command in commands()}


@pytest.mark.parametrize("call", examples())
def test_an_example_is_understood(call: str) -> None:
    args = parse(shlex.split(call, comments=True)[1:])
    assert args.command.name == call.split()[1]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_make_targets_that_are_named_exist(document: Path) -> None:
    named = set(re.findall(r"\bmake ([a-z]+)\b(?=[`\s])", "\n".join(code(document.read_text()))))
    targets = set(re.findall(r"^([a-z]+):", make_database(), re.MULTILINE))
    assert {"help", "build", "run", "test", "check", "bench", "clean"} <= targets
    assert named <= targets


def code(text: str) -> list[str]:
    """Code blocks and inline code, each ending with a newline."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [f"{piece}\n" for piece in blocks + inline]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_files_that_are_linked_exist(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []


def test_the_readmes_configuration_is_valid() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    ours = [block for block in blocks if "monitor" in yaml.safe_load(block)]
    assert len(ours) == 1
    assert config.load(ours[0]).monitor.include


def test_help_lists_every_target_for_users() -> None:
    shown = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^  make ([a-z]+) ", shown, re.MULTILINE))
    assert {"help", "build", "run", "test", "check", "bench", "clean"} <= listed


def test_the_version_is_one() -> None:
    assert version("stracelet") == stracelet.__version__
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    expected = "Unreleased" if ".dev" in stracelet.__version__ else stracelet.__version__
    assert newest[1] == expected


def test_each_dependency_has_a_lower_bound_that_its_locked_version_meets() -> None:
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE))
    for requirement in requires("stracelet") or []:
        found = re.match(r"([\w.-]+)>=([\d.]+)", requirement)
        assert found, f"{requirement}: no lower bound"
        name, bound = found[1].lower().replace("_", "-"), found[2]
        assert numbers(locked[name]) >= numbers(bound), requirement


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
