# SPDX-License-Identifier: Apache-2.0
"""The configuration file: one YAML document, read, and what is wrong with it said in one line."""

from __future__ import annotations

import difflib
import os
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pydantic
import yaml

from stracelet.config.keys import Config, section
from stracelet.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


FIXED = (
    "metrics.listen",
    "metrics.buckets",
    "metrics.tls",
    "metrics.auth",
    "sources",
    "tracer_socket",
    "checkpoint",
    "procfs",
    "cgroup_root",
    "api",
    "limits",
)


def load(text: str) -> Config:
    """The configuration that `text`, a YAML document, says. ConfigError: one line that names the key."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(_yaml_message(error)) from error
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise ConfigError(f"the configuration is a mapping of keys, found {_kind(document)}")
    try:
        return Config.model_validate(document)
    except pydantic.ValidationError as error:
        raise ConfigError(_message(error)) from error


def read(path: Path | None) -> Config:
    """The file's configuration, or the defaults without one. ConfigError: one line that names file and key."""
    if path is None:
        return Config()
    try:
        return _parse(path, path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def needing_restart(before: Config, after: Config) -> list[str]:
    """The keys that differ, of those that are only looked at when an agent starts."""
    return [key for key in FIXED if attrgetter(key)(before) != attrgetter(key)(after)]


class ConfigFile:
    """A file that is read again after the right to open it is gone: it stays open. Closed by close()."""

    def __init__(self, path: Path | None) -> None:
        """ConfigError if it cannot be opened."""
        self._path = path
        try:
            self._file = path.open("rb") if path else None
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error

    def read(self) -> Config:
        """As read(); where the path cannot be opened any more, the file that was opened first. ConfigError."""
        try:
            return read(self._path)
        except ConfigError as error:
            if self._path is None or self._file is None or not isinstance(error.__cause__, PermissionError):
                raise
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise ConfigError(
                    f"{self._path}: was replaced by a file that the agent may not read: restart it"
                ) from error
            self._file.seek(0)
            return _parse(self._path, self._file.read())

    def close(self) -> None:
        if self._file:
            self._file.close()


def _parse(path: Path, content: bytes) -> Config:
    try:
        return load(content.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _yaml_message(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def _message(error: pydantic.ValidationError) -> str:
    """Unknown keys first: what they were meant to be explains the rest."""
    problems = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    line = _problem(problems[0])
    return line if len(problems) == 1 else f"{line} (and {len(problems) - 1} more)"


def _problem(problem: Any) -> str:
    location = [part for part in problem["loc"] if part not in ("function-after", "Tls")]
    key = _dotted(location)
    match problem["type"]:
        case "extra_forbidden":
            *parents, name = location
            near = difflib.get_close_matches(str(name), _keys(parents), 1, 0.5)
            return f"{key}: unknown key" + (f"; did you mean {_dotted([*parents, near[0]])}?" if near else "")
        case "missing":
            return f"{key}: missing"
        case "value_error":
            text = str(problem["ctx"]["error"])
        case "literal_error":
            text = f"expected {problem['ctx']['expected']}, found {problem['input']!r}"
        case "string_pattern_mismatch":
            text = f"expected an absolute path, found {problem['input']!r}"
        case kind:
            text = f"{_expected(kind, problem)}, found {_kind(problem['input'])}"
    return f"{key}: {text}"


def _expected(kind: str, problem: Mapping[str, Any]) -> str:
    names = {"int": "a whole number", "string": "a text", "tuple": "a list", "model": "a mapping of keys"}
    wanted = names.get(kind.partition("_")[0])
    if wanted and kind.endswith(("_type", "_parsing", "_from_float", "_attributes_type")):
        return f"expected {wanted}"
    message: str = problem["msg"]
    return message[0].lower() + message[1:]


def _dotted(location: Iterable[str | int]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str() | int() | float():
            return repr(value)
    return type(value).__name__


def _keys(parents: Iterable[str | int]) -> list[str]:
    """The keys that the model has below `parents`."""
    model = Config
    for part in parents:
        if isinstance(part, str):
            found = section(model.model_fields[part].annotation)
            model = found or model
    return list(model.model_fields)
