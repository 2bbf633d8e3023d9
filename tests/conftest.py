# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: marks by folder, skips that fail where nothing may be skipped, and no leaks."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.machine import adopt_orphans
from tests.processes import Process, descendants, read_process, traced_or_stopped

FOLDERS = {
    "unit": "no root, no runtime; quick",
    "native": "real tracees; needs root",
    "runtimes": "real Docker, Podman and containerd; needs root",
    "cluster": "a real Kubernetes; needs root",
    "client": "kubectl-strace, against an agent's API that is strict; no root, no cluster",
    "agreement": "many programs under strace and stracelet; needs root",
}
ROOTLESS = {"unit", "client"}
TESTS = Path(__file__).parent
LEAVING_SECONDS = 3.0


def pytest_configure(config: pytest.Config) -> None:
    for folder, what in FOLDERS.items():
        config.addinivalue_line("markers", f"{folder}: {what}")
    adopt_orphans(yes=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not item.path.is_relative_to(TESTS):
            continue
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in FOLDERS:
            item.add_marker(folder)
        if folder in FOLDERS and folder not in ROOTLESS and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason=f"tests/{folder} needs root"))


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("STRACELET_NO_SKIP") != "1" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"skipped, and STRACELET_NO_SKIP=1 allows no skip: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a process of its own running, stopped or traced.

    Its teardown comes after all other fixtures of the test; what a fixture of a module or session started is there
    before it, and is only looked at for being stopped or traced.
    """
    if "unit" in request.keywords:
        yield
        return
    before = {process.key for process in descendants(os.getpid())}
    yield
    deadline = time.monotonic() + LEAVING_SECONDS
    while True:
        now = descendants(os.getpid())
        left = [process for process in now if process.key not in before]
        caught = traced_or_stopped((process.pid for process in now), by=os.getpid())
        if not (left or caught) or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    for process in left:
        _end(process)
    _reap_orphans()
    assert not caught, f"still traced or stopped: {'; '.join(caught)}"
    assert not left, f"still running: {'; '.join(map(str, left))}"


def _reap_orphans() -> None:
    """What of a test has come to us and is dead: a thousand zombies make each look at the machine slow."""
    for task in Path("/proc/self/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            process = read_process(child)
            if process is not None and process.state == "Z":
                os.waitpid(child, os.WNOHANG)


def _end(process: Process) -> None:
    """Kills what the test started and left, so that one failure does not become many."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if process.is_same():
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
