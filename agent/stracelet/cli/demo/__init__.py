# SPDX-License-Identifier: Apache-2.0
"""`stracelet demo`: a container made without a runtime, traced, and shown live.

`container` makes and removes it, `program` is what runs in it, `window` shows what the agent's metrics say of it as
`view` lays it out, and `command` puts them together.
"""

from __future__ import annotations

import sys


def as_program(module: str, *arguments: str) -> list[str]:
    """The command line of a module of ours, for a process of its own.

    Without -P, -m would look for every import in the current directory first, which may be anybody's (python(1)).
    """
    return [sys.executable, "-P", "-m", module, *arguments]
