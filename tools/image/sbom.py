#!/opt/stracelet/bin/python
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 -- a script, not a package
"""In the image's build: prints a CycloneDX document with Debian's packages added to it.

`sbom.py DOCUMENT.json DPKG_FOLDER`
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote


def debian(folder: str) -> list[dict[str, str]]:
    """A component for each package that is installed there."""
    fields = "${db:Status-Abbrev}\t${binary:Package}\t${Version}\t${Architecture}\n"
    shown = subprocess.run(
        ["dpkg-query", f"--admindir={folder}", "--show", f"--showformat={fields}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    packages = [line.split("\t")[1:] for line in shown.splitlines() if line.startswith("ii")]
    return [component(name.partition(":")[0], version, machine) for name, version, machine in packages]


def component(name: str, version: str, machine: str) -> dict[str, str]:
    address = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={machine}&distro=bookworm"
    return {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address}


document = json.loads(Path(sys.argv[1]).read_text())
document["components"] = document.get("components", []) + debian(sys.argv[2])
print(json.dumps(document, indent=1, sort_keys=True))
