# SPDX-License-Identifier: Apache-2.0
"""What doctor tries for real, works where tracing does."""

from __future__ import annotations

from stracelet.cli.checks.attach import check_attach
from stracelet.config import Config


async def test_a_command_and_a_process_are_traced() -> None:
    found = {finding.check: (finding.state, finding.found) for finding in await check_attach(Config())}
    assert found.keys() == {"trace a command", "trace a process"}
    assert {state for state, _ in found.values()} == {"ok"}, found
