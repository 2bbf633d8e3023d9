# SPDX-License-Identifier: Apache-2.0
"""The words of `trace`'s command line, before they are parsed: strace's -w takes no value, and ours names a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Flags in a cluster such as -cw: those that take no value, and those that take one.
PLAIN, VALUED = frozenset("cCfvxytTriqzZYhw"), frozenset("esaXPoSUln")


def tell_w_apart(words: Sequence[str]) -> list[str]:
    """-w is strace's flag with -c or -C, which takes no value: then it is given its long name. Else it names a file."""
    clusters = {at: word[1:] for at, word in _flags(words)}
    if not any(_plain(cluster) & {"c", "C"} for cluster in clusters.values()) and not {
        "--summary-only", "--summary",
    } & set(words):  # fmt: skip
        return list(words)
    rewritten = []
    for at, word in enumerate(words):
        if at in clusters and "w" in _plain(clusters[at]):
            rest = _without_w(clusters[at])
            rewritten += [f"-{rest}"] * bool(rest) + ["--summary-wall-clock"]
        else:
            rewritten.append(word)
    return rewritten


def _flags(words: Sequence[str]) -> list[tuple[int, str]]:
    """The words that are clusters of short flags, with their places; not those that are a flag's value."""
    found = []
    is_value = False
    for at, word in enumerate(words):
        if not is_value and re.match(r"-[A-Za-z]", word):
            found.append((at, word))
            last = next((each for each in word[1:] if each in VALUED), "")
            is_value = bool(last) and word.endswith(last) and word.index(last) == len(word) - 1
        else:
            is_value = False
    return found


def _plain(cluster: str) -> set[str]:
    """The flags without a value in it; none where what follows a -w is a name."""
    plain = re.split(f"[{''.join(VALUED)}]", cluster, maxsplit=1)[0]
    if not set(plain) <= PLAIN:
        return set()
    if plain.startswith("w") and len(plain) < len(cluster) and "c" not in plain.lower():
        return set()
    return set(plain)


def _without_w(cluster: str) -> str:
    end = next((at for at, each in enumerate(cluster) if each in VALUED), len(cluster))
    return cluster[:end].replace("w", "") + cluster[end:]
