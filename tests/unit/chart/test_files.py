# SPDX-License-Identifier: Apache-2.0
"""The chart's files agree with one another and with the program, where that can be seen without Helm."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import stracelet

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts/stracelet"


def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return found


def schema() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return found


def test_the_chart_has_the_programs_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == stracelet.__version__
    assert chart["version"].replace("-dev.", ".dev") == stracelet.__version__


def test_the_readme_is_made_from_the_values() -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "tools/chart_readme.py"], capture_output=True, text=True, check=True
    ).stdout
    assert (CHART / "README.md").read_text() == made
    assert "| `config.monitor` | `{}` |" in made


def test_the_defaults_meet_the_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    jsonschema.validate(values(), schema())


def test_the_schema_knows_every_value() -> None:
    def known(node: Mapping[str, Any], properties: Mapping[str, Any], path: str) -> list[str]:
        missing = [f"{path}{key}" for key in node if key not in properties]
        for key, value in node.items():
            below = properties.get(key, {})
            if isinstance(value, dict) and "properties" in below:
                missing += known(value, below["properties"], f"{path}{key}.")
        return missing

    assert known(values(), schema()["properties"], "") == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda v: v.update(unknown=1),
        lambda v: v["image"].update(digest="sha256:short"),
        lambda v: v["config"].update(unknown={}),
        lambda v: v["config"]["monitor"].update(annotations={"on": "shop"}),
        lambda v: v["config"]["monitor"].update(annotation={}),
        lambda v: v["config"]["api"].update(listen=":9478"),
        lambda v: v["config"]["api"].update(listen="0.0.0.0:9478"),
        lambda v: v["config"]["api"].update(listen="127.0.0.1:9479"),
        lambda v: v["config"]["metrics"].update(auth="basic"),
        lambda v: v["config"]["sources"].update(cri="containerd.sock"),
        lambda v: v["rbac"].update(aggregateTo=["view"]),
        lambda v: v["prometheus"].update(rules="yes"),
        lambda v: v.update(terminationGracePeriodSeconds=0),
    ],
)
def test_the_schema_refuses(wrong: Callable[[dict[str, Any]], None]) -> None:
    changed = copy.deepcopy(values())
    wrong(changed)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, schema())


def test_the_sidecar_has_the_programs_version_and_no_right_on_the_node() -> None:
    pod = yaml.safe_load((ROOT / "manifests/sidecar.yaml").read_text())["spec"]
    sidecar = pod["containers"][1]
    assert sidecar["image"] == f"stracelet:{stracelet.__version__}"
    assert pod["shareProcessNamespace"] is True
    assert not pod.keys() & {"hostPID", "hostNetwork"}
    assert [volume.keys() for volume in pod["volumes"]] == [{"name", "emptyDir"}]
