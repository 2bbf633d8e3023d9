# SPDX-License-Identifier: Apache-2.0
"""Log lines: one line each, whatever a container calls itself; JSON that a parser reads."""

from __future__ import annotations

import io
import json
import logging

import pytest

from stracelet import log


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_text_is_one_line_with_its_context(stream: io.StringIO) -> None:
    log.configure(level="info", stream=stream)
    logger = logging.getLogger("stracelet.app")
    logger.debug("not shown")
    logger.warning("container %s ended", "a\nb\x1b[31m\u202e", extra={"container": "web"})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r"Z warning app: container a\x0ab\x1b[31m\u202e ended container=web")


def test_json_is_one_object_a_line(stream: io.StringIO) -> None:
    log.configure(level="debug", format="json", stream=stream)
    logging.getLogger("stracelet.app").info("it's \n %d", 3, extra={"container": "web"})
    entry = json.loads(stream.getvalue())
    assert stream.getvalue().count("\n") == 1
    assert (entry["level"], entry["message"], entry["container"]) == ("info", "it's \n 3", "web")


def test_no_record_steers_a_terminal(stream: io.StringIO) -> None:
    name = "\x1b[31m\x9b2J\x7f\u202e\udcff"
    error = ValueError(name)
    for form in ("text", "json"):
        log.configure(format=form, stream=stream)
        logging.getLogger("stracelet.app").error("%s", name, exc_info=error)
    assert stream.getvalue().replace("\n", "").isprintable()
    assert stream.getvalue().isascii()
    assert json.loads(stream.getvalue().splitlines()[-1])["message"] == name


def test_libraries_are_heard_only_when_something_goes_wrong(stream: io.StringIO) -> None:
    log.configure(level="debug", stream=stream)
    logging.getLogger("docker").info("chatter")
    logging.getLogger("docker").warning("trouble")
    assert "chatter" not in stream.getvalue()
    assert "trouble" in stream.getvalue()
