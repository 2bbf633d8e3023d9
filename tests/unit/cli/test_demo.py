# SPDX-License-Identifier: Apache-2.0
"""The demonstration's view of an exposition, and where it puts its cgroup."""

from contextlib import suppress
from pathlib import Path

import pytest

from stracelet.cli.demo import window
from stracelet.cli.demo.command import others
from stracelet.cli.demo.container import container, hierarchy
from stracelet.cli.demo.view import duration, parse, plain, rows
from stracelet.containers.merging import merge
from stracelet.containers.targets import match, parse_target
from stracelet.errors import StraceletError

LABELS = 'namespace="",pod="",container="stracelet-demo"'


def exposition(opens: int) -> str:
    return f"""\
# TYPE stracelet_syscalls_total counter
stracelet_syscalls_total{{{LABELS},syscall="openat"}} {opens}
stracelet_syscalls_total{{{LABELS},syscall="close"}} 4
# TYPE stracelet_syscall_errors_total counter
stracelet_syscall_errors_total{{{LABELS},syscall="openat",errno="ENOENT"}} 6
# TYPE stracelet_syscall_duration_seconds histogram
stracelet_syscall_duration_seconds_bucket{{{LABELS},syscall="openat",le="0.000004"}} {opens - 1}
stracelet_syscall_duration_seconds_bucket{{{LABELS},syscall="openat",le="0.001024"}} {opens}
stracelet_syscall_duration_seconds_bucket{{{LABELS},syscall="openat",le="+Inf"}} {opens}
stracelet_syscall_duration_seconds_sum{{{LABELS},syscall="openat"}} {opens * 5e-6}
stracelet_syscall_duration_seconds_count{{{LABELS},syscall="openat"}} {opens}
# TYPE stracelet_tracees gauge
stracelet_tracees{{{LABELS}}} 1
"""


def test_rates_errors_and_times_come_from_two_scrapes() -> None:
    lines = rows(parse(exposition(30)), parse(exposition(10)), 2.0)
    assert lines[0] == ("stracelet-demo", "openat", "30", "10.0", "6", "ENOENT", "5 us", "1.02 ms")
    assert lines[1][:5] == ("stracelet-demo", "close", "4", "0.0", "")


def test_plain_lines_are_aligned() -> None:
    heading, first, second = plain(rows(parse(exposition(30)), {}, 1.0)).splitlines()
    assert heading.index("calls") == first.index("30") == second.index("4")


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.5, "1.5 s"), (0.00512, "5.12 ms"), (12.34e-6, "12.3 us"), (2.5e-7, "250 ns")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_cgroup_goes_to_v2_where_there_is_one() -> None:
    v1 = "25 20 0:22 / /sys/fs/cgroup/pids rw,nosuid - cgroup cgroup rw,pids"
    v2 = "26 20 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:3 - cgroup2 cgroup2 rw"
    assert hierarchy(f"{v1}\n{v2}\n") == Path("/sys/fs/cgroup/unified")
    assert hierarchy(f"{v1}\n") == Path("/sys/fs/cgroup/pids")
    with pytest.raises(StraceletError):
        hierarchy("24 20 0:21 / /proc rw - proc proc rw\n")


def test_the_cgroup_tree_alone_names_the_demonstration_container() -> None:
    path = f"/sys/fs/cgroup/stracelet-demo/{'ab' * 32}"
    found = merge("ab" * 32, [], (path,))
    assert found is not None
    assert match(parse_target("container/stracelet-demo"), [found]) == [found]
    other = merge("ab" * 32, [], (path.replace("stracelet-demo", "docker"),))
    assert other is not None
    assert other.name == ""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with modules in it that whoever imports them leaves a file `imported` there."""
    for name in ("json", "rich", "secrets", "stracelet", "subprocess", "yaml"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "imported"


def test_the_keeper_imports_nothing_from_the_current_directory(
    hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no unshare, so no container either
    with suppress(StraceletError), container():
        pass
    assert not hostile.exists()


def test_the_window_imports_nothing_from_the_current_directory(hostile: Path) -> None:
    with window.opened("http://127.0.0.1:1/metrics", "x", []):
        pass
    assert not hostile.exists()


def test_the_listing_imports_nothing_from_the_current_directory(hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").touch()
    settings = tmp_path / "stracelet.yaml"
    settings.write_text(f"{{sources: {{docker: off, podman: off, cri: off}}, cgroup_root: {tmp_path}}}\n")
    assert others(settings, []) == ["no other containers on this node"]
    assert not hostile.exists()
