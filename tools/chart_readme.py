# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001, T201 -- a script, not a package
"""Prints charts/stracelet/README.md from the comments of values.yaml.

`python tools/chart_readme.py > charts/stracelet/README.md`
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

CHART = Path(__file__).parent.parent / "charts/stracelet"
HEAD = """# The chart

An agent on each node of a Kubernetes cluster (1.30 or later), with what it needs.
[docs/install.md](../../docs/install.md) says how it is installed, [docs/permissions.md](../../docs/permissions.md) why
it has each right.

```sh
kubectl create namespace stracelet
kubectl label namespace stracelet pod-security.kubernetes.io/enforce=privileged
helm install stracelet charts/stracelet -n stracelet --set image.repository=REGISTRY/stracelet --wait
helm test stracelet -n stracelet
```

This page is made from the comments of `values.yaml`; `values.schema.json` refuses what is not listed here.

| value | default | meaning |
|---|---|---|"""


def rows(node: yaml.MappingNode, lines: list[str], prefix: str = "") -> Iterator[str]:
    """A line of the table for each key that has a comment; the keys of one without are on lines of their own."""
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        meaning = comment(lines, key.start_mark.line)
        if meaning:
            yield f"| `{name}` | {default(value)} | {meaning} |"
        elif isinstance(value, yaml.MappingNode):
            yield from rows(value, lines, f"{name}.")
        else:
            raise SystemExit(f"values.yaml:{key.start_mark.line + 1}: {name} has no comment")


def comment(lines: list[str], line: int) -> str:
    """The comment that stands right above that line."""
    found: list[str] = []
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        found.insert(0, lines[line].strip().lstrip("#").strip())
    return " ".join(found)


def default(node: yaml.Node) -> str:
    """The default in one line, as JSON but for what is simple."""
    value: Any = yaml.SafeLoader("").construct_object(node, deep=True)  # type: ignore[no-untyped-call]
    text = value if isinstance(value, str) and value else json.dumps(value)
    return f"`{text}`"


def document() -> str:
    """The whole page."""
    text = (CHART / "values.yaml").read_text()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise SystemExit("values.yaml: expected a mapping of keys")
    return "\n".join([HEAD, *rows(root, text.splitlines())]) + "\n"


if __name__ == "__main__":
    print(document(), end="")
