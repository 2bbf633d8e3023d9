# SPDX-License-Identifier: Apache-2.0
"""The image: what is in it, what is not, and that it runs without a right, on a read-only root, in a namespace of
cgroups of its own."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import stracelet
from tests.image import BASE, ROOT, build_image
from tests.images import IMAGE as BUSYBOX
from tests.images import Engine

pytestmark = pytest.mark.timeout(1800)  # the first one builds it

MEGABYTE = 10**6
LOOK_AT_BYTECODE = """
import importlib.util, pathlib, sysconfig
packages = pathlib.Path(sysconfig.get_path("purelib"))
for source in packages.rglob("*.py"):
    compiled = pathlib.Path(importlib.util.cache_from_source(str(source)))
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little") if compiled.exists() else None
    if flags != 1:  # PEP 552: by hash, and not checked
        print(source, flags)
"""

LOOK_AT_DEBIANS = """
import importlib.util, pathlib
for source in pathlib.Path("/usr/lib/python3.11").rglob("*.py"):
    compiled = pathlib.Path(importlib.util.cache_from_source(str(source)))
    if compiled.exists() and int.from_bytes(compiled.read_bytes()[8:12], "little") != int(source.stat().st_mtime):
        print(source)
"""
AS_ROOT = ("--user=0",)


@pytest.fixture(scope="module")
def engine(sockets: Mapping[str, str]) -> Iterator[Engine]:
    made = Engine("docker", sockets["docker"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return build_image(socket=engine.socket)


def ran(engine: Engine, image: str, *command: str, options: tuple[str, ...] = ()) -> str:
    """`docker run` of that command on a read-only root."""
    return engine.call(
        "run", "--rm", "--network=none", "--read-only", *options, "--entrypoint", command[0], image, *command[1:]
    )


def inspected(engine: Engine, image: str) -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = json.loads(engine.call("image", "inspect", image))
    return found[0]


def compressed(engine: Engine, image: str) -> int:
    """Bytes of its layers as a registry keeps them."""
    save = ["docker", "-H", f"unix://{engine.socket}", "save", image]
    with tempfile.TemporaryFile() as packed, subprocess.Popen(save, stdout=subprocess.PIPE) as saved:
        assert saved.stdout is not None
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6) as archive:
            shutil.copyfileobj(saved.stdout, archive)
        assert saved.wait(timeout=60) == 0
        return packed.tell()


def test_it_adds_little_to_its_base(engine: Engine, image: str) -> None:
    unpacked = inspected(engine, image)["Size"] - inspected(engine, BASE)["Size"]
    assert unpacked <= 170 * MEGABYTE
    assert compressed(engine, image) - compressed(engine, BASE) <= 60 * MEGABYTE


def test_its_programs_run_as_nobody_on_a_read_only_root(engine: Engine, image: str) -> None:
    assert ran(engine, image, "id", "-u") == "65532"
    assert ran(engine, image, "stracelet", "--version").split()[1] == stracelet.__version__
    assert ran(engine, image, "stracelet-tracer", "--version").split()[1] == stracelet.__version__


def test_doctor_runs_in_it(engine: Engine, image: str) -> None:
    rights = ("--user=0", "--pid=host", "--cap-drop=ALL", "--cap-add=SYS_PTRACE", "--cap-add=DAC_READ_SEARCH")
    command = ("run", "--rm", "--network=none", "--read-only", *rights, image, "doctor", "-o", "json")
    findings = {each["check"]: each for each in json.loads(engine.call(*command, check=False))["findings"]}
    assert findings["capabilities"]["state"] == "ok"
    assert findings["trace a process"]["state"] == "ok"


def test_it_is_labelled_and_free_of_the_builders_settings(engine: Engine, image: str) -> None:
    settings = inspected(engine, image)["Config"]
    environment = dict(each.split("=", 1) for each in settings["Env"])
    assert environment.keys() == {"PATH", "PYTHONUNBUFFERED"}
    labels = settings["Labels"]
    assert labels["org.opencontainers.image.version"] == stracelet.__version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert re.fullmatch("[0-9a-f]{12}", labels["org.opencontainers.image.revision"])


def test_all_of_its_bytecode_is_compiled_and_tells_no_time(engine: Engine, image: str) -> None:
    assert ran(engine, image, "/opt/stracelet/bin/python", "-c", LOOK_AT_BYTECODE) == ""


def test_what_the_build_made_has_the_commits_time(engine: Engine, image: str) -> None:
    epoch = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=True)
    time = int(epoch.stdout)
    places = ("/opt", "/usr", "/var")
    assert ran(engine, image, "find", *places, "-newermt", f"@{time}", options=AS_ROOT) == ""
    older = ran(engine, image, "find", *places, "!", "-newermt", f"@{time - 1}", options=AS_ROOT).splitlines()
    assert not [path for path in older if not re.fullmatch(r"/usr/(lib|share)/python3.*[.]py", path)]
    stale = ran(engine, image, "python3", "-c", LOOK_AT_DEBIANS)
    assert stale == ""


def test_what_it_does_not_need_is_not_in_it(engine: Engine, image: str) -> None:
    listed = ran(engine, image, "find", "/", "-xdev", "-not", "-path", "/proc/*", options=AS_ROOT)
    paths = set(listed.splitlines())
    programs = {path.rpartition("/")[2] for path in paths if "/bin/" in path}
    assert not programs & {"gcc", "cc", "make", "pip", "pip3", "strip", "ld"}
    assert not [path for path in paths if re.search(r"site-packages/(kubernetes/aio|setuptools|pip)(/|$)", path)]
    assert not [path for path in paths if path.startswith(("/var/lib/apt/lists/", "/var/log/apt"))]


def test_it_says_what_is_in_it(engine: Engine, image: str) -> None:
    document = json.loads(ran(engine, image, "cat", "/usr/share/doc/stracelet/sbom.cdx.json"))
    assert document["bomFormat"] == "CycloneDX"
    found = {(each["name"].lower().replace("_", "-"), each["version"]) for each in document["components"]}
    locked = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert {(name, version) for name, version in locked if name != "setuptools"} <= found
    assert {"python3", "libc6"} <= {name for name, _ in found}


def test_it_names_what_runs_beyond_a_namespace_of_cgroups(
    sockets: Mapping[str, str], image: str, tmp_path: Path
) -> None:
    """As in a pod on cgroup v2: its own tree shows itself alone, and the host's is at /host/cgroup."""
    engine = Engine("docker-v2", sockets["docker-v2"])
    archive = tmp_path / "image.tar"
    subprocess.run(
        ["docker", "-H", f"unix://{sockets['docker']}", "save", "-o", archive, image], check=True, timeout=120
    )
    try:
        engine.call("load", "-i", str(archive))
        engine.make_image()
        seen = engine.run("sleep", "1000000", options=("--name", "stracelet-seen"), image=BUSYBOX)
        (tmp_path / "config.yaml").write_text("cgroup_root: /host/cgroup\n")
        options = ("--user=0", "--pid=host", "--cgroupns=private", "-v", "/sys/fs/cgroup:/host/cgroup:ro")
        options += ("-v", f"{engine.socket}:/var/run/docker.sock", "-v", f"{tmp_path}/config.yaml:/etc/config.yaml:ro")
        shown = ran(engine, image, "stracelet", "ps", "-o", "json", "--config", "/etc/config.yaml", options=options)
        found = {each["name"]: each for each in json.loads(shown)["containers"]}
        assert found["stracelet-seen"]["id"] == seen
        assert engine.pid(seen) in {process["pid"] for process in found["stracelet-seen"]["processes"]}
        inside = ran(engine, image, "cat", "/proc/1/cgroup", options=options)
        assert "0::/.." in inside, "what is not below its own cgroup is shown by a way up"
    finally:
        engine.close()
