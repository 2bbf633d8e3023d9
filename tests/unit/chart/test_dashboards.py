# SPDX-License-Identifier: Apache-2.0
"""The dashboards: their queries are PromQL, of metrics that there are, and the files are what the script makes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.chart.queries import CHART, panels, promtool, samples, used

SCRIPT = CHART.parents[1] / "tools/dashboards.py"
DASHBOARDS = sorted((CHART / "dashboards").glob("*.json"))


def test_the_files_are_what_the_script_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, tmp_path], check=True)
    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert {file.name: file.read_text() for file in DASHBOARDS} == made


def test_prometheus_reads_each_query(tmp_path: Path) -> None:
    """As a recording rule, for promtool reads nothing else."""
    queries = list(panels())
    assert len(queries) > 30
    recorded = [{"record": f"query:{i}", "expr": query} for i, (_, query) in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": recorded}]}))
    done = promtool("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_query_is_of_metrics_that_there_are() -> None:
    assert {name: used(query) - samples() for name, query in panels() if used(query) - samples()} == {}


def test_no_two_have_the_same_address() -> None:
    uids = [json.loads(file.read_text())["uid"] for file in DASHBOARDS]
    assert len(set(uids)) == len(uids) == 4
