# SPDX-License-Identifier: Apache-2.0
"""Our own image, built from this checkout by the machine's Docker."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.images import shared_folder

ROOT = Path(__file__).parents[1]
BASE = "debian:bookworm-slim"
TAG = "test"
IMAGE = f"local/stracelet:{TAG}"
BUILD_SECONDS = 1500.0


def build_image(*, name: str = IMAGE, options: tuple[str, ...] = (), socket: str = "/var/run/docker.sock") -> str:
    """Builds it, unless it is there already; its name. Skips where there is no base image to be had."""
    environment = {**os.environ, "DOCKER_HOST": f"unix://{socket}"}
    base = shared_folder() / "images/base"
    if not _there(BASE, environment):
        if not base.exists():
            pytest.skip(f"no base image to be had: {base} is not there (STRACELET_SHARED says where it is)")
        _run([base, BASE], environment)
    _run(
        ["make", "-C", ROOT, "image", f"IMAGE={name}", " ".join(["IMAGE_OPTIONS=--network=host", *options])],
        environment,
    )
    return name


def _there(image: str, environment: Mapping[str, str]) -> bool:
    command = ["docker", "image", "inspect", image]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def _run(command: list[str | Path], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


if __name__ == "__main__":
    build_image()
