# SPDX-License-Identifier: Apache-2.0
"""Real runtimes, started once by the script that the machine has for it; left running for the next session."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.images import Engine, shared_folder, wait_for
from tests.machine import run_script
from tests.runtimes.cri_pods import IMAGE, PAUSE_IMAGE, Pods, import_image

CONTAINERD_CONFIG = """
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "{pause}"
"""


@pytest.fixture(scope="session")
def sockets() -> Mapping[str, str]:
    """The sockets of `docker`, `docker-v2` and `podman`, by name."""
    if shutil.which("docker") is None:
        pytest.skip("docker's client is not installed")
    started = run_script(shared_folder() / "runtimes/up")
    return dict(line.split(maxsplit=1) for line in started.splitlines())


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program whose calls are known."""
    program = tmp_path_factory.mktemp("known") / "known"
    source = Path(__file__).parent / "programs/known.c"
    subprocess.run(["gcc", "-static", "-O1", "-Wall", "-Werror", "-o", program, source], check=True)
    return program


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
def containerd() -> Iterator[str]:
    """The socket of a containerd of the tests' own, whose CRI plugin runs pods here: it needs no right to lower
    oom_score_adj, as the machine's own containerd does."""
    if shutil.which("containerd") is None or shutil.which("ctr") is None:
        pytest.skip("containerd is not installed")
    directory = Path(tempfile.mkdtemp(prefix="stracelet-containerd-"))
    socket = str(directory / "s")
    (directory / "config.toml").write_text(
        CONTAINERD_CONFIG.format(directory=directory, socket=socket, pause=PAUSE_IMAGE)
    )
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(["containerd", "--config", str(directory / "config.toml")], stdout=log, stderr=log)
    try:
        ready = ["ctr", "-a", socket, "version"]
        wait_for(
            lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0,
            what=f"containerd: {(directory / 'log').read_text(errors='replace')[-500:]}",
            seconds=30,
        )
        import_image(socket, IMAGE, "/bin/sh")
        import_image(socket, PAUSE_IMAGE, "/bin/sleep", "1000000")
        yield socket
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def pods(containerd: str) -> Iterator[Pods]:
    """Runs pods; all are removed."""
    made = Pods(containerd)
    try:
        yield made
    finally:
        made.close()
