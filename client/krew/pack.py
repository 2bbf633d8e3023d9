# SPDX-License-Identifier: Apache-2.0
"""Packs a folder that PyInstaller has made as an archive for krew, and writes the manifest of all archives that are
there: `pack.py FOLDER --url URL --output DIRECTORY`. Archives of other platforms are made there, and put beside."""

from __future__ import annotations

import argparse
import hashlib
import platform
import re
import shutil
import string
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
LICENSE = HERE.parents[1] / "LICENSE"
STANZA = re.compile(r"^ *# begin\n(.*?)^ *# end\n", re.DOTALL | re.MULTILINE)
# As Go names them, which krew does.
SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "Windows": "windows"}
MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
ARCHIVE = re.compile(r"kubectl-strace-(?P<os>[a-z]+)-(?P<arch>[a-z0-9]+)\.tar\.gz")


def version() -> str:
    """The client's, as semantic versioning writes it: krew takes no other."""
    text = (HERE.parent / "kubectl_strace" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit("pack.py: kubectl_strace/__init__.py has no __version__")
    return re.sub(r"\.dev(\d+)$", r"-dev.\1", found[1])


def pack(folder: Path, directory: Path) -> Path:
    """The archive of this machine's platform. krew unpacks no links, and gives no file to anybody."""
    archive = directory / f"kubectl-strace-{SYSTEMS[platform.system()]}-{MACHINES[platform.machine()]}.tar.gz"
    shutil.copy(LICENSE, folder / "LICENSE")

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(archive, "w:gz", dereference=True) as file:
        file.add(folder, arcname="kubectl-strace", filter=plain)
    return archive


def manifest(template: str, archives: list[Path], *, url: str) -> str:
    """Of these archives."""
    stanza = STANZA.search(template)
    if stanza is None:
        raise SystemExit("pack.py: the template has no stanza between `# begin` and `# end`")
    stanzas = ""
    for archive in archives:
        found = ARCHIVE.fullmatch(archive.name)
        if found is None:
            raise SystemExit(f"pack.py: {archive.name}: expected kubectl-strace-OS-ARCH.tar.gz")
        stanzas += string.Template(stanza[1]).substitute(
            found.groupdict(),
            url=url,
            archive=archive.name,
            sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
            program="kubectl-strace.exe" if found["os"] == "windows" else "kubectl-strace",
        )
    head = string.Template(template[: stanza.start()].partition("\n")[2]).substitute(version=version(), url=url)
    return head + stanzas + template[stanza.end() :]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    archive = pack(args.folder, args.output)
    archives = sorted(args.output.glob("kubectl-strace-*.tar.gz"))
    written = args.output / "strace.yaml"
    text = manifest((HERE / "strace.yaml").read_text(encoding="utf-8"), archives, url=args.url.rstrip("/"))
    written.write_text(text, encoding="utf-8")
    print(f"{archive}\n{written}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
