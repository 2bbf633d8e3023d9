# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001 -- a script, not a package
"""Prints docs/configuration.md from the model: `python docs/configuration.py > docs/configuration.md`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from stracelet.config import Config, Metrics, Rule, section
from stracelet.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# Configuration

One YAML file: `stracelet agent --config FILE`. The commands that look for containers take it too, for `sources`,
`procfs` and `cgroup_root`; of them `trace`, `record` and `ps` for `api.socket`, where they ask the agent of
this host, `ps` for `monitor` (what pods ask for in vain), and `doctor` for `metrics.auth`. The keys `trace.*`
hold for `trace`, `record` and `replay`, and for all that is traced through the agent, whoever asks for it.

Every key may be left out. An unknown key, a wrong type or a value out of range is refused with one line that
names the key. On SIGHUP the agent reads the file again; a bad file changes nothing, a changed key that needs
a restart is named in the log, and `trace.*` holds for the traces that begin from then on. By then the agent is
uid 65532: a file that only root may read can be edited in place, but not replaced by another one; a TLS key it
has to be able to read.

Durations are written `500us`, `20ms`, `5s`, `2m`, `1h`. A path is absolute. A rule matches when all its keys do; of the
globs of one key, any will do. A rule without a key is refused: `names: ['*']` means all. A rule's keys:

| key | default | meaning |
|---|---|---|"""


def rows(model: Any, prefix: str = "") -> Iterator[str]:
    """A line of the table for each key of `model`, nested sections after their own line."""
    for name, field in model.model_fields.items():
        inner = section(field.annotation)
        nested = inner is not None and inner is not Rule
        if not nested or field.default is None:
            yield f"| `{prefix}{name}` | {default(name, field.default)} | {field.description} |"
        if nested:
            yield from rows(inner, f"{prefix}{name}.")


def default(name: str, value: Any) -> str:
    """The default as the file would say it."""
    if name == "buckets":
        return "`[" + ", ".join(map(format_duration, value)) + "]`"
    if name in ("linger", "duration"):
        return f"`{format_duration(value)}`"
    if value is None or repr(value) == "PydanticUndefined":
        return "none" if value is None else "required"
    if value == ():
        return "`[]`"
    return f"`{value}`" if value != "" else '`""`'


def document() -> str:
    """The whole page."""
    lines = [HEAD, *rows(Rule), "", "The keys:", "", "| key | default | meaning |", "|---|---|---|", *rows(Config)]
    example = [
        "",
        "## Example",
        "",
        "```yaml",
        "monitor:",
        "  include:",
        "    - {runtimes: [docker, podman], names: ['web-*', redis]}",
        "    - {namespaces: [shop], labels: 'app in (cart, checkout)'}",
        "  exclude:",
        "    - {images: ['*/debug:*']}",
        "metrics:",
        f"  listen: '127.0.0.1{Metrics().listen}'",
        "  buckets: [1us, 16us, 256us, 4.096ms, 65.536ms, 1.048576s]",
        "```",
    ]
    return "\n".join(lines + example) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
