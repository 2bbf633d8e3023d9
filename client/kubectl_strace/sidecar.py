# SPDX-License-Identifier: Apache-2.0
"""`--sidecar`: runs `stracelet trace` in the container `stracelet` of a pod, with `kubectl exec`, and no agent."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from kubectl_strace.errors import UsageError
from kubectl_strace.kubectl import Kubectl
from kubectl_strace.output import Output
from kubectl_strace.targets import POD, parse_target

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

CONTAINER = "stracelet"
CHUNK = 1 << 16


def run(args: argparse.Namespace) -> int:
    """kubectl's exit status, which is that of `stracelet trace`. ClientError."""
    if args.selector is not None or len(args.targets) != 1 or args.all_namespaces:
        raise UsageError("--sidecar: it is for one pod, named as pod/NAME")
    target = parse_target(args.targets[0])
    if target.kind != POD:
        raise UsageError(f"--sidecar: {target.text} is no pod: name one of its pods, as pod/NAME")
    container = target.container or args.container
    inside = ["stracelet", "trace", *args.filter, *(["--container", container] if container else [])]
    inside += ["--wait"] if args.wait else []
    where = ["-n", args.namespace] if args.namespace else []
    # With a terminal of its own there, Ctrl-C ends it there; without, what has our input ends with it.
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and args.output is None
    command = Kubectl.find(args.kubectl).lasting.command(
        "exec", target.name, *where, "-c", CONTAINER, "-it" if terminal else "-i", "--", *inside
    )
    return _call(command) if args.output is None else _call_into(command, args.output)


def _call(command: list[str]) -> int:
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 - its signals and its terminal are kubectl's
    with _left_to_kubectl():
        return subprocess.call(command)


def _call_into(command: list[str], where: str) -> int:
    output = Output(where, lambda: False)
    try:
        with _left_to_kubectl(), subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert isinstance(process.stdout, io.BufferedReader)  # noqa: S101 - a pipe
            while data := process.stdout.read1(CHUNK):
                output.put(data)
            return process.wait()
    finally:
        output.close()


@contextlib.contextmanager
def _left_to_kubectl() -> Iterator[None]:
    """A terminal's Ctrl-C reaches kubectl too: it ends, and then we do."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
