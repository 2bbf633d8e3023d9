# SPDX-License-Identifier: Apache-2.0
"""The doctor's reading of /proc and /sys, from trees made for each case."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stracelet.cli.checks import host
from stracelet.cli.checks.finding import Finding
from stracelet.cli.checks.processes import check_processes

ALL = "000001ffffffffff"
NONE = "0000000000000000"
DOCKER = "00000000a80425fb"


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("effective", "bounding", "state", "mend"),
    [
        (ALL, ALL, "ok", ""),
        (f"{1 << 19 | 1 << 2:016x}", ALL, "ok", ""),
        (f"{1 << 19 | 1 << 1:016x}", ALL, "ok", ""),
        (f"{1 << 19:016x}", ALL, "failed", "sudo"),
        (NONE, ALL, "failed", "sudo"),
        (DOCKER, DOCKER, "failed", "--cap-add SYS_PTRACE"),
    ],
)
def test_capabilities(effective: str, bounding: str, state: str, mend: str) -> None:
    finding = host.capabilities({"CapEff": effective, "CapBnd": bounding})
    assert finding.state == state
    assert mend in finding.mend


@pytest.mark.parametrize(
    ("scope", "privileged", "state"),
    [
        (None, False, "ok"),
        ("0", False, "ok"),
        ("1", False, "note"),
        ("1", True, "ok"),
        ("2", False, "failed"),
        ("2", True, "ok"),
        ("3", True, "failed"),
        ("garbage", True, "note"),
    ],
)
def test_yama(tmp_path: Path, scope: str | None, privileged: bool, state: str) -> None:
    if scope is not None:
        write(tmp_path, "sys/kernel/yama/ptrace_scope", scope + "\n")
    assert host.yama(tmp_path, privileged=privileged).state == state


def test_seccomp_is_a_note_because_the_attach_shows_what_it_denies() -> None:
    assert host.seccomp({"Seccomp": "0"}).state == "ok"
    found = host.seccomp({"Seccomp": "2", "Seccomp_filters": "1"})
    assert (found.state, "filters: 1" in found.found, "seccomp=unconfined" in found.mend) == ("note", True, True)


@pytest.mark.parametrize(
    ("enabled", "profile", "state"),
    [("N", "", "ok"), ("Y", "unconfined\n", "ok"), ("Y", "docker-default (enforce)\n", "failed"),
     ("Y", "mine (complain)\n", "note")],
)  # fmt: skip
def test_apparmor(tmp_path: Path, enabled: str, profile: str, state: str) -> None:
    write(tmp_path, "sys/module/apparmor/parameters/enabled", enabled + "\n")
    write(tmp_path, "proc/self/attr/apparmor/current", profile)
    assert [finding.state for finding in host.apparmor(tmp_path / "proc", tmp_path / "sys")] == [state]


@pytest.mark.parametrize(
    ("enforce", "deny", "domain", "state"),
    [(None, "", "", "ok"), ("0", "1 1", "", "ok"), ("1", "1 1", "unconfined_u:unconfined_r:unconfined_t:s0", "failed"),
     ("1", "0 0", "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023\0", "ok"),
     ("1", "0 0", "system_u:system_r:container_t:s0:c1,c2\0", "note")],
)  # fmt: skip
def test_selinux(tmp_path: Path, enforce: str | None, deny: str, domain: str, state: str) -> None:
    if enforce is not None:
        write(tmp_path, "sys/fs/selinux/enforce", enforce)
        write(tmp_path, "sys/fs/selinux/booleans/deny_ptrace", deny)
    write(tmp_path, "proc/self/attr/current", domain)
    assert [finding.state for finding in host.selinux(tmp_path / "proc", tmp_path / "sys")] == [state]


@pytest.mark.parametrize(("mapping", "state"), [("0 0 4294967295", "ok"), ("0 1000 1", "failed")])
def test_user_namespace(tmp_path: Path, mapping: str, state: str) -> None:
    write(tmp_path, "self/uid_map", f"{mapping}\n")
    assert host.user_namespace(tmp_path).state == state


@pytest.mark.parametrize(
    ("limit", "privileged", "state"), [("65536", False, "note"), ("8388608", False, "ok"), ("unlimited", False, "ok"),
                                       ("65536", True, "ok")],
)  # fmt: skip
def test_locked_memory(tmp_path: Path, limit: str, privileged: bool, state: str) -> None:
    write(tmp_path, "self/limits", f"Max locked memory         {limit}              {limit}              bytes\n")
    assert host.memlock(tmp_path, privileged=privileged).state == state


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., None]:
    def make(pid: int, *, tracer: int = 0, uid: int = 1000, comm: str = "redis", namespace: str = "user:[1]") -> None:
        write(
            tmp_path,
            f"{pid}/status",
            f"Name:\t{comm}\nState:\tS (sleeping)\nTracerPid:\t{tracer}\nUid:\t{uid} {uid} {uid}\n",
        )
        write(tmp_path, f"{pid}/stat", f"{pid} ({comm}) S 1 " + "0 " * 17 + "5 0")
        (tmp_path / str(pid) / "ns").mkdir()
        (tmp_path / str(pid) / "ns/user").symlink_to(namespace)

    make(1)
    (tmp_path / "self").symlink_to("1")
    return make


def found(tmp_path: Path, *pids: int, privileged: bool = True) -> list[Finding]:
    return list(check_processes("docker/redis", pids, proc=tmp_path, privileged=privileged, uid=1000))


def test_a_process_that_somebody_else_traces_is_named_with_its_tracer(
    tmp_path: Path, process: Callable[..., None]
) -> None:
    process(10, tracer=20)
    process(20, comm="strace")
    (finding,) = found(tmp_path, 10)
    assert finding.state == "failed"
    assert finding.found == "10 traced by 20 (strace)"
    assert "stop strace (20)" in finding.mend


def test_processes_of_other_users_fail_without_the_capability_alone(
    tmp_path: Path, process: Callable[..., None]
) -> None:
    process(10, uid=0)
    assert [finding.state for finding in found(tmp_path, 10)] == ["ok"]
    (finding,) = found(tmp_path, 10, privileged=False)
    assert (finding.state, finding.found) == ("failed", "processes of other users: 10")


def test_another_user_namespace_is_a_note_for_root(tmp_path: Path, process: Callable[..., None]) -> None:
    process(10, namespace="user:[2]")
    assert [finding.state for finding in found(tmp_path, 10)] == ["note", "ok"]
    assert [finding.state for finding in found(tmp_path, 10, privileged=False)] == ["failed"]


def test_processes_that_have_ended_are_said_to_be_gone(tmp_path: Path, process: Callable[..., None]) -> None:
    assert [finding.state for finding in found(tmp_path, 77)] == ["failed"]
