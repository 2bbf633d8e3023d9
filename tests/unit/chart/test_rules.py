# SPDX-License-Identifier: Apache-2.0
"""The alerts: Prometheus' own tool reads them and runs them over series that are made up."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.unit.chart.queries import RULES, promtool, rules, samples, used

CASES = Path(__file__).parent / "alerts.yaml"


def test_prometheus_reads_them() -> None:
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules())} rules found" in done.stdout


def test_each_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(CASES.read_text().replace("RULES", str(RULES)))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_has_a_case_where_it_fires_and_one_where_it_does_not() -> None:
    cases = [case for test in yaml.safe_load(CASES.read_text())["tests"] for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in rules()}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == names
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == names


def test_they_use_metrics_that_there_are() -> None:
    assert {rule["alert"]: used(rule["expr"]) - samples() for rule in rules() if used(rule["expr"]) - samples()} == {}


def test_each_says_how_bad_and_what_it_is() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert {"summary", "description"} <= set(rule["annotations"])
