# SPDX-License-Identifier: Apache-2.0
"""What `trace --format json` prints of real tracees is what docs/record.schema.json says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tests.command import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "record.schema.json"
SCRIPT = r"""
printf '\377\0\342\202\254"\n' >&2
cat /nonexistent-$(printf '\376')
sh -c 'kill -USR1 $$'
sh -c 'kill -KILL $$'
(sleep 0.2; exec true 'an "argument"') &
kill -STOP $!
kill -CONT $!
wait
exit 3
"""


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _records(output: Path) -> Iterator[dict[str, Any]]:
    for line in output.read_bytes().splitlines():
        yield json.loads(line.decode("utf-8"))


@pytest.mark.parametrize("flags", [(), ("-yy", "-Y", "-v", "-xx", "-X", "verbose"), ("-X", "raw", "-z", "-s", "2")])
def test_every_record_is_as_the_schema_says(
    tmp_path: Path, validator: Draft202012Validator, flags: tuple[str, ...]
) -> None:
    output = tmp_path / "records"
    with Command("trace", "--format", "json", *flags, "-o", str(output), "--", "sh", "-c", SCRIPT) as command:
        assert command.wait() == 3
    records = list(_records(output))
    for record in records:
        validator.validate(record)
    types = {record["type"] for record in records}
    assert types >= {"syscall", "signal", "exec", "exit", "attached"}
    ends = [record for record in records if record["type"] == "exit"]
    assert {3, "SIGUSR1", "SIGKILL"} <= {record.get("status", record.get("signal")) for record in ends}


def test_the_schema_refuses_what_is_none(validator: Draft202012Validator) -> None:
    common = {"time": "2026-01-01T00:00:00.000000000Z", "node": "n", "namespace": "", "pod": "", "container": ""}
    dropped = {**common, "container_id": "", "type": "dropped", "count": 1, "since": common["time"]}
    assert validator.is_valid(dropped)
    assert not validator.is_valid({**dropped, "type": "lost"})
    assert not validator.is_valid({**dropped, "more": 1})
    assert not validator.is_valid({**dropped, "time": "yesterday"})
