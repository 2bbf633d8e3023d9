# SPDX-License-Identifier: Apache-2.0
"""The configuration: what is read, what is refused and how that is said."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stracelet.config import BUCKET_EDGES, Config, ConfigFile, load, parse_listen, read
from stracelet.durations import format_duration, parse_duration
from stracelet.errors import ConfigError

DOCS = Path(__file__).parents[3] / "docs"

REFUSED = {
    "metrics: {listn: ':1'}": r"metrics\.listn: unknown key; did you mean metrics\.listen\?",
    "monitr: {}": r"monitr: unknown key; did you mean monitor\?",
    "zzz: 1": r"zzz: unknown key",
    "monitor: {include: [{names: [a]}, {name: [a]}]}": r"monitor\.include\[1\]\.name: unknown key; did you mean .*\?",
    "monitor: {include: [{names: a}]}": r"monitor\.include\[0\]\.names: expected a list, found 'a'",
    "monitor: {include: [{}]}": r"monitor\.include\[0\]: a rule without a key would match everything.*",
    "monitor: {annotations: {onn: []}}": r"monitor\.annotations\.onn: unknown key; did you mean .*\?",
    "monitor: {annotations: {on: shop}}": r"monitor\.annotations\.on: expected a list, found 'shop'",
    "monitor: {annotations: {on: [a], 'on': [b]}}": r"monitor\.annotations: expected each of the keys .* once.*",
    "monitor: {engine: bpf}": r"monitor\.engine: expected 'auto' or 'ptrace', found 'bpf'",
    "metrics: {max_series: many}": r"metrics\.max_series: expected a whole number, found 'many'",
    "metrics: {max_series: '300'}": r"metrics\.max_series: expected a whole number, found '300'",
    "metrics: {max_series: true}": r"metrics\.max_series: expected a whole number, found True",
    "metrics: {max_series: 3}": r"metrics\.max_series: .*greater than or equal to 100, found 3",
    "metrics: 3": r"metrics: expected a mapping of keys, found 3",
    "metrics: {buckets: [1ms]}": r"metrics\.buckets: 1ms is no edge .*the nearest are 960us and 1\.024ms",
    "metrics: {buckets: [2us, 250ns]}": r"metrics\.buckets: buckets have to ascend",
    "metrics: {buckets: []}": r"metrics\.buckets: expected 1 to 31 buckets, found 0",
    "metrics: {buckets: [soon]}": r"metrics\.buckets\[0\]: expected a duration .* found 'soon'",
    "metrics: {linger: 5}": r"metrics\.linger: expected a duration .* found 5",
    "metrics: {listen: 9477}": r"metrics\.listen: expected ADDRESS:PORT .* found 9477",
    "metrics: {listen: ':99999'}": r"metrics\.listen: expected ADDRESS:PORT .*",
    "metrics: {listen: '::1:80'}": r"metrics\.listen: write an IPv6 address in brackets.*",
    "metrics: {tls: {cert: /a}}": r"metrics\.tls\.key: missing",
    "metrics: {auth: basic}": r"metrics\.auth: expected 'none' or 'kubernetes', found 'basic'",
    "sources: {docker: nope}": r"sources\.docker: expected auto, off, an absolute path .* found 'nope'",
    "sources: {kubernetes: [/x, /y]}": r"sources\.kubernetes: expected auto, off or a path, found .*",
    "procfs: proc": r"procfs: expected an absolute path, found 'proc'",
    "tracer_socket: run/tracer.sock": r"tracer_socket: expected an absolute path, found 'run/tracer\.sock'",
    "log: {level: loud}": r"log\.level: expected 'debug', .*, found 'loud'",
    "a: [": r"line 1, column 5: .*",
    "[1]": r"the configuration is a mapping of keys, found a list",
    "{aa: 1, metrics: 3}": r"aa: unknown key \(and 1 more\)",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_wrong_is_said_in_one_line_that_names_the_key(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert re.fullmatch(REFUSED[text], str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing", "metrics:", "monitor:\nlog:\n", "{}"])
def test_empty_is_the_defaults(text: str) -> None:
    assert load(text) == Config()


def test_values_are_read() -> None:
    config = load("""
        monitor:
          include: [{names: ["web-*"], labels: "app=web"}]
        metrics: {listen: "[::1]:80", buckets: [250ns, 0.000256, 1.048576s], linger: 90s}
        sources: {docker: off, podman: /run/p.sock, cri: [/a, /b]}
    """)
    assert config.monitor.include[0].names == ("web-*",)
    assert config.metrics.buckets == (250, 256_000, 1_048_576_000)
    assert config.metrics.linger == 90 * 10**9
    assert (config.sources.docker, config.sources.podman, config.sources.cri) == ("off", ("/run/p.sock",), ("/a", "/b"))


def test_the_default_buckets_are_edges() -> None:
    assert set(Config().metrics.buckets) <= set(BUCKET_EDGES)
    assert Config().metrics.buckets[0] == 250
    assert Config().metrics.buckets[-1] == 250 * 4**13


def test_the_edges_are_those_of_the_native_library() -> None:
    lib = pytest.importorskip("stracelet._native", reason="the native library is not built").lib
    assert [lib.stl_bucket_edge(i) for i in range(len(BUCKET_EDGES))] == list(BUCKET_EDGES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":9477", (None, 9477)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_addresses(text: str, expected: tuple[str | None, int]) -> None:
    assert parse_listen(text) == expected


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 10**14))
def test_a_duration_is_read_as_it_is_written(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=80))
def test_any_text_is_a_config_or_one_line(text: str) -> None:
    try:
        said = ""
        load(text)
    except ConfigError as error:
        said = str(error)
    assert "\n" not in said


def test_a_file_is_named_in_what_is_wrong_with_it(tmp_path: Path) -> None:
    assert read(None) == Config()
    file = tmp_path / "a.yaml"
    for content, expected in ((b"zz: 1", "zz: unknown key"), (b"\xff", "is not UTF-8 text")):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=f"^{re.escape(str(file))}: {expected}$"):
            read(file)
    file.unlink()
    with pytest.raises(ConfigError, match=f"^{re.escape(str(file))}: cannot be read: No such file or directory$"):
        read(file)
    file.write_text("metrics: {linger: 3s}")
    assert read(file).metrics.linger == 3 * 10**9


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_file_is_read_again_without_the_right_to_open_it(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("metrics: {linger: 3s}")
    tmp_path.chmod(0o700)
    file = ConfigFile(path)
    try:
        path.write_text("metrics: {linger: 4s}")
        with somebody_else():
            assert file.read().metrics.linger == 4 * 10**9
        (tmp_path / "b.yaml").write_text("metrics: {linger: 5s}")
        (tmp_path / "b.yaml").rename(path)
        with somebody_else(), pytest.raises(ConfigError, match="was replaced by a file that the agent may not read"):
            file.read()
        assert file.read().metrics.linger == 5 * 10**9
    finally:
        file.close()


@contextmanager
def somebody_else() -> Iterator[None]:
    os.seteuid(65532)
    try:
        yield
    finally:
        os.seteuid(0)


def test_the_page_is_in_step_with_the_model() -> None:
    spec = importlib.util.spec_from_file_location("configuration_page", DOCS / "configuration.py")
    assert spec
    assert spec.loader
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert (DOCS / "configuration.md").read_text() == page.document()


def test_the_page_s_example_is_read() -> None:
    example = (DOCS / "configuration.md").read_text().split("```yaml\n")[1].split("```")[0]
    assert len(load(example).monitor.include) == 2
