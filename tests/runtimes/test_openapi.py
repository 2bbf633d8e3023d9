# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml against a running agent, on its Unix socket: what it permits is answered, as it says, and what it
does not permit is refused."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema
import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from stracelet.containers.unix_http import Transport
from tests.command import Command
from tests.images import Engine

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/openapi.yaml"
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
)
OPERATIONS = ("listContainers", "listStats", "trace", "acknowledge", "end")
FLAGS = ("-c", "-C", "-y", "-t", "-T", "-v", "-q", "--format=json", "--expression=trace=openat", "--limit=1")
STREAM = "application/x-ndjson"


@dataclass(frozen=True)
class Served:
    """An agent's API, and the name of a container that it monitors."""

    session: requests.Session
    container: str

    def call(self, case: schemathesis.Case) -> Any:
        return case.call(session=self.session, timeout=20)


@pytest.fixture(scope="module")
def served(sockets: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Its traces are over in a moment."""
    docker = Engine("docker", sockets["docker"])
    docker.make_image()
    name = f"openapi-{os.getpid()}"
    docker.run("sh", "-c", "while :; do cat /nope 2>/dev/null; sleep 0.02; done", options=["--name", name])
    folder = tmp_path_factory.mktemp("openapi")
    path = folder / "agent.sock"
    settings = {
        "monitor": {"include": [{"names": [name]}]},
        "metrics": {"listen": "127.0.0.1:0"},
        "api": {"socket": str(path)},
        "limits": {"duration": "2s"},
        "sources": {"docker": docker.socket, "podman": "off", "cri": "off"},
    }
    (folder / "agent.yaml").write_text(json.dumps(settings))

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(str(path))
        return made

    try:
        with Command("agent", "--config", str(folder / "agent.yaml")) as agent, requests.Session() as session:
            agent.says("the trace API listens")
            session.mount("http://", Transport(connect))
            yield Served(session, name)
            assert agent.interrupt() == 0
            assert "a request of the trace API failed" not in agent.err
    finally:
        docker.close()


def operation(name: str) -> Any:
    schema = schemathesis.openapi.from_path(DOCUMENT)
    schema.config.update(base_url="http://localhost")
    refusals = schema.config.checks.negative_data_rejection
    refusals.expected_statuses = [*refusals.expected_statuses, "413"]
    return schema.find_operation_by_id(name)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as it says", "otherwise"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_answered_is_what_the_document_says(served: Served, name: str, mode: GenerationMode) -> None:
    seen: set[int] = set()

    @hypothesis.settings(
        max_examples=25, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation(name).as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        answer = served.call(case)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    check()
    assert seen & {400, 404}


@pytest.mark.parametrize("name", ["listContainers", "listStats", "trace"])
def test_a_container_that_is_there_is_found_whatever_else_is_said(served: Served, name: str) -> None:
    """Random names are of nobody, so that nothing but refusals would be seen."""
    found = operation(name)
    seen: list[int] = []

    @hypothesis.settings(
        max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(headers=found.as_strategy(), flags=st.sets(st.sampled_from(FLAGS)), more=st.booleans())
    def check(headers: schemathesis.Case, flags: set[str], *, more: bool) -> None:
        wanted: dict[str, Any] = {"targets": [f"docker/{served.container}"]}
        if name == "trace":
            case = found.Case(
                headers=headers.headers,
                body={**wanted, "flags": ["--duration=100ms", *sorted(flags)], "colour": more, "wait": more},
            )
        else:
            case = found.Case(headers=headers.headers, query=wanted)
        answer = served.call(case)
        seen.append(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    check()
    assert set(seen) == {200}


def test_a_stream_is_of_the_messages_that_it_says(served: Served) -> None:
    schema = yaml.safe_load(DOCUMENT.read_text())
    parts = schema["components"]
    message = jsonschema.Draft4Validator(
        {**parts["schemas"]["Message"], "components": parts, "additionalProperties": False}
    )
    case = operation("trace").Case(
        body={"targets": [f"docker/{served.container}"], "flags": ["-C", "--duration=300ms"], "wait": True}
    )
    answer = case.call(session=served.session, timeout=20, stream=True)
    assert answer.headers["content-type"] == [STREAM]
    messages = [json.loads(line) for line in answer.content.splitlines()]
    for each in messages:
        message.validate(each)
    assert {"started", "container", "lines", "summary", "end"} <= {each["type"] for each in messages}
    assert messages[-1]["reason"] == "duration"


def test_a_trace_that_runs_is_acknowledged_and_ended(served: Served) -> None:
    body = {"targets": [f"docker/{served.container}"]}
    with served.session.post("http://localhost/v1/traces", json=body, stream=True, timeout=20) as stream:
        lines = stream.iter_lines()
        started = json.loads(next(lines))
        for name, said in (("acknowledge", {"position": 0}), ("end", None)):
            case = operation(name).Case(path_parameters={"id": started["id"]}, **({"body": said} if said else {}))
            answer = served.call(case)
            case.validate_response(answer, checks=CHECKS)
            assert answer.status_code == 204
        assert json.loads(list(lines)[-1])["reason"] == "client"
