# SPDX-License-Identifier: Apache-2.0
"""The PromQL of rules and dashboards, what metrics there are, and promtool."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stracelet.metrics import families
from stracelet.metrics.families import Family

CHART = Path(__file__).parents[3] / "charts/stracelet"
RULES = CHART / "rules/stracelet.yaml"
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$__interval": "1m"}
TYPES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> Iterator[tuple[str, str]]:
    """The name of each query of each dashboard's panel, and the query, its variables replaced as Grafana does."""
    for file in sorted((CHART / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield f"{file.stem}: {panel['title']} {target['refId']}", replaced(target["expr"])


def replaced(query: str) -> str:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return re.sub(r"\$\w+", ".*", query)


def samples() -> set[str]:
    """The names of all the agent's samples."""
    table = (family for family in vars(families).values() if isinstance(family, Family))
    return {f"{family.full_name}{suffix}" for family in table for suffix in TYPES[family.kind]}


def used(query: str) -> set[str]:
    return set(re.findall(r"\bstracelet_\w+", query))
