# SPDX-License-Identifier: Apache-2.0
"""What is offered where, and that the shells take it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kubectl_strace.completion import SCRIPTS, complete
from kubectl_strace.errors import KubectlError

COMMAND = Path(sys.executable).with_name("kubectl-strace")
ANSWERS = {
    "get pods -o name": "pod/web-0 pod/web-1 pod/db-0",
    "get pods -n shop -o name": "pod/cart-0",
    "get deployments.apps -o name": "deployment.apps/web deployment.apps/api",
    "get namespaces -o name": "namespace/shop namespace/default",
    "config get-contexts -o name": "prod dev",
    "get pods web-0 -o jsonpath={.spec.containers[*].name} {.spec.initContainers[*].name}": "nginx sidecar init",
}


def answer(global_flags: Sequence[str], *arguments: str) -> list[str]:
    return ANSWERS[" ".join([*global_flags, *arguments])].split()


@pytest.mark.parametrize(
    ("words", "expected", "directive"),
    [
        (["we"], ["web-0", "web-1"], 4),
        (["p"], ["pod/", "ps"], 6),
        (["-n", "shop", "ca"], ["cart-0"], 4),
        (["deploy/w"], ["deploy/web"], 4),
        (["deployment/"], ["deployment/web", "deployment/api"], 4),
        (["pod/web-0/n"], ["pod/web-0/nginx"], 4),
        (["web-0", "--container", ""], ["nginx", "sidecar", "init"], 4),
        (["-n", "s"], ["shop"], 4),
        (["--namespace=s"], ["--namespace=shop"], 4),
        (["--namespace", "=", "s"], ["shop"], 4),
        (["--context", ""], ["prod", "dev"], 4),
        (["--min"], ["--min-duration"], 4),
        (["-e", "trace=%n"], ["trace=%network"], 6),
        (["--format", "j"], ["json"], 4),
        (["-o", ""], [], 0),
        (["completion", "b"], ["bash"], 4),
        (["doctor", ""], [], 4),
        (["ps", "web-"], ["web-0", "web-1"], 4),
        (["tr"], ["trace"], 4),
    ],
)
def test_what_is_offered(words: list[str], expected: list[str], directive: int) -> None:
    assert complete(words, ask=answer) == (expected, directive)


def test_the_cluster_that_is_named_is_asked() -> None:
    asked: list[tuple[Sequence[str], tuple[str, ...]]] = []

    def ask(global_flags: Sequence[str], *arguments: str) -> list[str]:
        asked.append((list(global_flags), arguments))
        return ["pod/a"]

    complete(["--context=prod", "--as", "bob", "-A", "-y", ""], ask=ask)
    assert asked == [(["--context=prod", "--as=bob"], ("get", "pods", "-A", "-o", "name"))]


def test_without_a_cluster_nothing_is_offered_and_no_error_shown(tmp_path: Path) -> None:
    environment = {**os.environ, "KUBECONFIG": str(tmp_path / "none"), "PATH": f"{COMMAND.parent}:/usr/bin:/bin"}
    for command in ([COMMAND, "__complete", "we"], [COMMAND.with_name("kubectl_complete-strace"), "we"]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, ":1\n", "")


@pytest.mark.parametrize("shell", SCRIPTS)
def test_each_script_is_printed(shell: str) -> None:
    done = subprocess.run([COMMAND, "completion", shell], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == SCRIPTS[shell]
    program = {"kubectl": "sh"}.get(shell, shell)
    if shutil.which(program) and program != "fish":
        subprocess.run([program, "-n"], input=done.stdout, text=True, timeout=30, check=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kubectl-strace --absol", ["--absolute-timestamps"]),
        ("kubectl-strace completion ", ["bash", "zsh", "fish", "kubectl"]),
        ("kubectl-strace web --format=j", ["json"]),
    ],
)
def test_bash_completes(line: str, expected: list[str]) -> None:
    """As readline does: words are taken apart at = too."""
    words = [word for part in line.split(" ") for word in part.replace("=", " = ").split(" ")]
    array = " ".join(f"'{word}'" for word in words)
    script = (
        f'PATH="{COMMAND.parent}:$PATH"; source <(kubectl-strace completion bash); COMP_WORDS=({array}); '
        f"COMP_CWORD={len(words) - 1}; _kubectl_strace; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == expected


def test_what_fails_is_an_error_to_its_caller() -> None:
    def ask(*_: object) -> list[str]:
        raise KubectlError("no cluster")

    with pytest.raises(KubectlError):
        complete(["we"], ask=ask)
