# SPDX-License-Identifier: Apache-2.0
"""What is refused, as `ps` shows it; and what a configuration's model cannot know, as `agent --check` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from stracelet.cli.listing import Listed, as_json, table
from stracelet.cli.main import main
from tests.unit.cli.test_listing import REDIS, WEB

WHY = "stracelet.io/monitor: not permitted in shop (monitor.annotations.on)"


def test_there_is_a_column_for_it_where_something_is_refused() -> None:
    assert "REFUSED" not in table([Listed(REDIS, ())], wide=True, cut=True)[0]
    heading, redis, web = table([Listed(REDIS, ()), Listed(WEB, (), refused=WHY)], wide=False, cut=True)
    assert (heading[-1], redis[-1], web[-1]) == ("REFUSED", "", WHY)
    assert as_json(Listed(WEB, (), refused=WHY))["refused"] == WHY
    assert as_json(Listed(REDIS, ()))["refused"] == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("monitor: {filter: opn}", "monitor.filter: 'opn': unknown syscall 'opn' (near: open, openat, fsopen)"),
        ("monitor: {exclude: [{labels: 'a in b'}]}", "monitor.exclude[0].labels: label selector 'a in b': "),
    ],
)
def test_a_configuration_is_checked_whole(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "stracelet.yaml"
    file.write_text(text)
    assert main(["agent", "--check", "--config", str(file)]) == 2
    assert said in capsys.readouterr().err
    file.write_text("monitor: {filter: '%network'}")
    assert main(["agent", "--check", "--config", str(file)]) == 0
