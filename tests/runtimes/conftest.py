# SPDX-License-Identifier: Apache-2.0
"""Real runtimes, started once by the script that the machine has for it; left running for the next session."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.images import Engine, shared_folder

CONTAINERD = "/run/containerd/containerd.sock"


@pytest.fixture(scope="session")
def sockets() -> Mapping[str, str]:
    """The sockets of `docker`, `docker-v2` and `podman`, by name."""
    script = shared_folder() / "runtimes/up"
    if not script.exists():
        pytest.skip(f"no container runtimes to be had: {script} is not there (STRACELET_SHARED says where it is)")
    if shutil.which("docker") is None:
        pytest.skip("docker's client is not installed")
    done = subprocess.run([script], capture_output=True, text=True, timeout=180, check=False)
    if done.returncode != 0:
        pytest.skip(f"{script}: {done.stderr.strip()}")
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


@pytest.fixture
def engine(request: pytest.FixtureRequest, sockets: Mapping[str, str]) -> Iterator[Engine]:
    """An engine with the busybox image; parametrise it with a name of `sockets`. Its containers are removed."""
    name = request.param
    if name not in sockets:
        pytest.skip(f"no {name} here")
    engine = Engine(name, sockets[name])
    engine.make_image()
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture
def docker(sockets: Mapping[str, str]) -> Iterator[Engine]:
    """The machine's own Docker, with the busybox image. Its containers are removed."""
    engine = Engine("docker", sockets["docker"])
    engine.make_image()
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="session")
def containerd(sockets: Mapping[str, str]) -> str:
    """The socket of containerd, whose CRI plugin answers."""
    if not Path(CONTAINERD).exists():
        pytest.skip(f"no containerd at {CONTAINERD}")
    return CONTAINERD
