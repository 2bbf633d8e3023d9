# SPDX-License-Identifier: Apache-2.0
"""The image: what is in it, and that an agent and a tracer of it, each in a cgroup namespace of its own and with the
host's tree at /host/cgroup, find and name what runs there, under a Docker that has cgroup v2 alone."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stracelet import __version__
from tests.image import BASE, ROOT, build_image
from tests.images import Engine, wait_for

pytestmark = pytest.mark.timeout(1800)  # the first one builds the image

ADDED, ADDED_COMPRESSED = 170_000_000, 60_000_000
PACKAGES = "opt/stracelet/lib/python3.11/site-packages/"
SBOM = "usr/share/doc/stracelet/sbom.cdx.json"
BUILD_TOOLS = re.compile(r"(.+-)?(gcc|cc|c\+\+|g\+\+|cpp|clang|tcc|as|ld|make|pip3?|easy_install)(-?[\d.]+)?")
UNCHECKED = 0b01  # PEP 552: a hash that is never compared with the source
HIERARCHY = Path("/sys/fs/cgroup/unified")
SECONDS = 30.0
LOOP = "while :; do kill -0 4194305 2>/dev/null; sleep 0.1; done"
CONFIG = """\
tracer_socket: /run/stracelet/tracer.sock
cgroup_root: /host/cgroup
sources: {kubernetes: off, cri: off, podman: off, docker: /var/run/docker.sock}
monitor: {include: [{names: ["PREFIX-*"]}], exclude: [{names: ["*-not"]}]}
"""
SCRAPE = "import urllib.request as r; print(r.urlopen('http://localhost:9477/metrics', timeout=5).read().decode())"


@dataclass
class Files:
    """What is in an image: sizes of its regular files by path, and of the files that its base lacks their size as they
    are and compressed."""

    sizes: dict[str, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    contents: dict[str, bytes] = field(default_factory=dict)
    added: int = 0
    compressed: int = 0


@pytest.fixture(scope="module")
def image(sockets: Mapping[str, str]) -> str:
    """Ours, in the machine's own Docker."""
    assert sockets["docker"] == "/var/run/docker.sock"
    return build_image()


@pytest.fixture(scope="module")
def files(image: str) -> Files:
    return read_files(image, base=read_files(BASE).sizes)


def read_files(image: str, base: Mapping[str, int] | None = None) -> Files:
    """Those of a container that is never started."""
    made = subprocess.run(["docker", "create", image, "/bin/true"], capture_output=True, text=True, check=True)
    container_id = made.stdout.strip()
    found = Files()
    try:
        with (
            subprocess.Popen(["docker", "export", container_id], stdout=subprocess.PIPE) as process,
            tarfile.open(fileobj=process.stdout, mode="r|") as archive,
        ):
            _read(archive, found, base)
    finally:
        subprocess.run(["docker", "rm", container_id], capture_output=True, check=True)
    return found


def _read(archive: tarfile.TarFile, found: Files, base: Mapping[str, int] | None) -> None:
    compressor = zlib.compressobj(6)  # gzip's default, which layers are compressed with
    for member in archive:
        found.names.add(member.name)
        if not member.isfile():
            continue
        found.sizes[member.name] = member.size
        if base is None or base.get(member.name) == member.size:
            continue
        content = archive.extractfile(member)
        assert content is not None
        data = content.read()
        found.added += member.size
        found.compressed += len(compressor.compress(data))
        if member.name == SBOM or member.name.endswith(".pyc"):
            found.contents[member.name] = data if member.name == SBOM else data[:8]
    found.compressed += len(compressor.flush())


def configuration(image: str) -> dict[str, Any]:
    told = subprocess.run(["docker", "image", "inspect", image], capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(told)[0]["Config"]
    return found


def test_it_says_what_it_is_and_who_runs_it(image: str) -> None:
    config = configuration(image)
    label = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    commit = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    assert label["version"] == __version__
    assert label["revision"] == subprocess.run(commit, capture_output=True, text=True, check=True).stdout.strip()
    assert label["licenses"] == "Apache-2.0"
    assert label["title"] == "stracelet"
    assert label["description"]
    assert label["base.name"] == BASE
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("65532:65532", ["stracelet"], ["agent"])
    # What the machine that built it sets for its own place has no business in it.
    assert {each.partition("=")[0] for each in config["Env"]} == {"PATH", "PYTHONUNBUFFERED"}


def test_it_is_small(files: Files) -> None:
    print(f"adds {files.added / 1e6:.1f} MB, compressed {files.compressed / 1e6:.1f} MB")
    assert 10_000_000 < files.compressed < ADDED_COMPRESSED
    assert files.compressed < files.added < ADDED


def test_nothing_is_in_it_that_builds(files: Files) -> None:
    folders = ("usr/bin", "usr/sbin", "usr/local/bin", "opt/stracelet/bin", "bin", "sbin")
    programs = {Path(name).name for name in files.names if str(Path(name).parent) in folders}
    assert {"stracelet", "stracelet-tracer", "python3"} <= programs
    assert [each for each in programs if BUILD_TOOLS.fullmatch(each)] == []
    top = {name.removeprefix(PACKAGES).partition("/")[0] for name in files.names if name.startswith(PACKAGES)}
    assert "stracelet" in top
    assert [each for each in top if re.match(r"pip|setuptools|wheel", each)] == []


def test_its_bytecode_is_made_already(files: Files) -> None:
    """Its root is read-only: else each start would compile, and keep nothing."""
    sources = [name for name in files.sizes if name.startswith(PACKAGES) and name.endswith(".py")]
    assert len(sources) > 500
    for name in sources:
        compiled = str(Path(name).parent / "__pycache__" / f"{Path(name).stem}.cpython-311.pyc")
        assert compiled in files.contents, name
        assert int.from_bytes(files.contents[compiled][4:8], "little") == UNCHECKED
    assert "usr/lib/python3.11/__pycache__/os.cpython-311.pyc" in files.sizes


def test_it_lists_what_it_is_made_of(files: Files) -> None:
    document = json.loads(files.contents[SBOM])
    assert document["bomFormat"] == "CycloneDX"
    found = {(each["name"].lower().replace("_", "-"), each["version"]) for each in document["components"]}
    locked = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert len(locked) > 10
    build_only = {"setuptools", "cffi", "pycparser", "wheel"}
    assert {(name.lower(), version) for name, version in locked if name not in build_only} <= found
    assert {"libc6", "python3.11-minimal"} <= {name for name, _ in found}


@pytest.fixture
def pods_cgroup() -> Iterator[str]:
    """A cgroup's path as the kubelet makes it; Docker makes it, and leaves it."""
    path = f"kubepods/burstable/pod{uuid.uuid4()}"
    there = [each for each in (HIERARCHY / "kubepods", HIERARCHY / "kubepods/burstable") if each.exists()]
    yield path
    for each in (HIERARCHY / path, HIERARCHY / "kubepods/burstable", HIERARCHY / "kubepods"):
        if each.exists() and each not in there:
            each.rmdir()


@pytest.fixture
def on_v2(engine: Engine, image: str) -> Iterator[str]:
    """Our image in the Docker that has cgroup v2 alone; with a volume of the same life."""
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
        load = ["docker", "-H", f"unix://{engine.socket}", "load"]
        subprocess.run(load, stdin=saved.stdout, capture_output=True, check=True, timeout=120)
    volume = engine.call("volume", "create")
    yield volume
    for container_id in list(engine.ids):
        engine.remove(container_id)
    engine.call("volume", "rm", volume)
    engine.call("image", "rm", image)


@pytest.mark.parametrize("engine", ["docker-v2"], indirect=True)
def test_on_cgroup_v2_it_finds_and_names_what_runs_there(
    pods_cgroup: str, engine: Engine, image: str, on_v2: str, tmp_path: Path
) -> None:
    prefix = f"t-{uuid.uuid4().hex[:8]}"
    config = tmp_path / "stracelet.yaml"
    config.write_text(CONFIG.replace("PREFIX", prefix))
    tmp_path.chmod(0o755)

    def run(name: str, *command: str, options: tuple[str, ...] = (), **kwargs: str) -> str:
        return engine.run(*command, options=["--name", f"{prefix}-{name}", *options], **kwargs)

    targets = {
        "plain": run("plain", "sh", "-c", LOOP),
        "pod": run("pod", "sh", "-c", LOOP, options=("--cgroup-parent", pods_cgroup)),
        "not": run("not", "sh", "-c", LOOP),
    }
    ours = (
        *("--read-only", "--pid=host", "--cgroupns=private", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
        *("-v", "/sys/fs/cgroup:/host/cgroup:ro", "-v", f"{on_v2}:/run/stracelet"),
    )
    rights = ("--user=0", "--cap-add=SYS_PTRACE", "--cap-add=DAC_READ_SEARCH", "--entrypoint=stracelet-tracer")
    listening = ("--listen", "/run/stracelet/tracer.sock", "--uid", "65532", "--cgroup-root", "/host/cgroup")
    tracer = run("tracer", *listening, options=(*ours, *rights), image=image)
    group = Path(engine.socket).stat().st_gid
    given = ("-v", f"{config}:/c.yaml:ro", "-v", f"{engine.socket}:/var/run/docker.sock", f"--group-add={group}")
    agent = run("agent", "agent", "--config", "/c.yaml", options=(*ours, *given), image=image)

    def counted() -> set[str]:
        page = engine.call("exec", agent, "python3", "-c", SCRAPE, check=False)
        return set(
            re.findall(r'^stracelet_syscalls_total{.*container="(.*?)".*syscall="kill"} [1-9]', page, re.MULTILINE)
        )

    expected = {f"{prefix}-plain", f"{prefix}-pod"}
    wait_for(lambda: counted() == expected, what="what runs there is counted under its name", seconds=SECONDS)
    listed = json.loads(engine.call("exec", agent, "stracelet", "ps", "--config", "/c.yaml", "-o", "json"))
    by_id = {each["id"]: each for each in listed["containers"]}
    for name, id_ in targets.items():
        assert by_id[id_]["name"] == f"{prefix}-{name}"
        assert engine.pid(id_) in {process["pid"] for process in by_id[id_]["processes"]}
    assert pods_cgroup in by_id[targets["pod"]]["cgroups"][0]
    # It would trace itself and its tracer, whose names match, if it could; and that is nothing to be said.
    for each in (agent, tracer):
        logs = ["docker", "-H", f"unix://{engine.socket}", "logs", each]
        said = subprocess.run(logs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout
        assert not re.search(r"warn|refuse", said, re.IGNORECASE), said
