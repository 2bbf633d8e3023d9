# SPDX-License-Identifier: Apache-2.0
"""Completion: what may stand where the cursor is, in Cobra's protocol, which kubectl speaks with plugins."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kubectl_strace import flags
from kubectl_strace.command_line import COMMANDS, SHELLS, build_parser, command_of
from kubectl_strace.errors import ClientError
from kubectl_strace.kubectl import Kubectl
from kubectl_strace.targets import ALIASES, KINDS, POD

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

# Cobra's ShellCompDirective
DEFAULT, ERROR, NO_SPACE, NO_FILES = 0, 1, 2, 4

EXPRESSIONS = (
    "trace=", "status=", "signal=", "read=", "write=", "quiet=", "decode-fds=", "decode-pids=", "trace=%file",
    "trace=%network", "trace=%process", "trace=%signal", "trace=%ipc", "trace=%desc", "trace=%memory", "trace=%creds",
)  # fmt: skip
FILES = {
    "-o", "-w", "--output", "--write", "--kubeconfig", "--kuberc", "--certificate-authority", "--client-certificate",
    "--client-key", "--cache-dir", "--profile-output",
}  # fmt: skip

BASH = """\
# bash completion of kubectl-strace:  source <(kubectl-strace completion bash)
_kubectl_strace() {
    local line directive=0 lines=()
    while IFS= read -r line; do lines+=("$line"); done \\
        < <(kubectl-strace __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    COMPREPLY=()
    for line in "${lines[@]}"; do
        if [[ $line == :* ]]; then directive=${line#:}; else COMPREPLY+=("${line%%$'\\t'*}"); fi
    done
    if ((directive & 2)); then compopt -o nospace 2>/dev/null; fi
    if ((!(directive & 4) && ${#COMPREPLY[@]} == 0)); then compopt -o default 2>/dev/null; fi
}
complete -F _kubectl_strace kubectl-strace
"""
ZSH = """\
#compdef kubectl-strace
# zsh completion of kubectl-strace:  source <(kubectl-strace completion zsh)
_kubectl_strace() {
    local -a lines
    local directive
    lines=("${(@f)$(kubectl-strace __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    directive=${lines[-1]#:}
    lines=("${(@)lines[1,-2]%%$'\\t'*}")
    if ((directive & 2)); then compadd -S '' -a lines; else compadd -a lines; fi
    ((directive & 4)) || ((${#lines})) || _files
}
compdef _kubectl_strace kubectl-strace
"""
FISH = """\
# fish completion of kubectl-strace:  kubectl-strace completion fish | source
function __kubectl_strace_complete
    set -l words (commandline -opc) (commandline -ct)
    kubectl-strace __complete $words[2..-1] 2>/dev/null | string match -v -r '^:\\d+$'
end
complete -c kubectl-strace -f -a '(__kubectl_strace_complete)'
complete -c kubectl-strace -s o -r -F
complete -c kubectl-strace -s w -r -F
"""
KUBECTL = """\
#!/bin/sh
# Completion of `kubectl strace`: as kubectl_complete-strace on the PATH, executable.
exec kubectl-strace __complete "$@"
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH, "kubectl": KUBECTL}


def run(args: argparse.Namespace) -> int:
    sys.stdout.write(SCRIPTS[args.shell])
    return 0


def main() -> int:
    """`kubectl_complete-strace WORD... PREFIX`."""
    return answer(sys.argv[1:])


def answer(words: Sequence[str]) -> int:
    """Prints the candidates and the directive."""
    try:
        candidates, directive = complete(words, ask=_ask)
    except ClientError:  # no cluster to ask: nothing is offered, and the shell shows no error
        candidates, directive = [], ERROR
    sys.stdout.write("".join(f"{each}\n" for each in candidates) + f":{directive}\n")
    return 0


def _ask(global_flags: Sequence[str], *arguments: str) -> list[str]:
    """The words that kubectl prints. ClientError."""
    kubectl = Kubectl.find([*global_flags, "--request-timeout=3s"])
    return kubectl.run(*arguments, seconds=5.0).split()


def complete(words: Sequence[str], *, ask: Callable[..., list[str]]) -> tuple[list[str], int]:
    """The candidates for the last word, and the directive. ClientError."""
    *before, prefix = words or [""]
    if prefix == "=":  # bash takes a word apart at =
        before, prefix = [*before, "="], ""
    if before[-1:] == ["="]:
        before.pop()
    command, rest = command_of(before)
    known = build_parser(command).options()
    flag = before[-1] if before else ""
    choices = known.get(flag)
    context = _Context(rest if choices is None else rest[:-1], known, ask)
    if choices is not None:
        return _matching(context.values(flag, choices), prefix)
    if prefix.startswith("--") and "=" in prefix:
        flag, _, value = prefix.partition("=")
        found, directive = _matching(context.values(flag, known.get(flag)), value)
        return [f"{flag}={each}" for each in found], directive
    if prefix.startswith("-"):
        return sorted(each for each in known if each.startswith(prefix)), NO_FILES
    if command == "completion":
        return _matching((list(SHELLS), NO_FILES), prefix)
    if command == "doctor":
        return [], NO_FILES
    found, directive = context.targets(prefix)
    if command == "trace" and not context.positional and "trace" not in before:
        found += [each for each in COMMANDS if each.startswith(prefix)]
    return found, directive


def _matching(found: tuple[list[str], int], prefix: str) -> tuple[list[str], int]:
    return [each for each in found[0] if each.startswith(prefix)], found[1]


class _Context:
    """What the words before say of where to look. `known`: flags with a value, and their choices; others are None."""

    def __init__(
        self, words: Sequence[str], known: dict[str, tuple[str, ...] | None], ask: Callable[..., list[str]]
    ) -> None:
        self._globals: list[str] = []
        self._where: list[str] = []
        self.positional: list[str] = []
        self._ask = ask
        left = list(words)
        while left:
            self._take(left.pop(0), left, known)

    def _take(self, word: str, left: list[str], known: dict[str, tuple[str, ...] | None]) -> None:
        name, joined, value = word.partition("=")
        if not word.startswith("-"):
            self.positional.append(word)
        elif word in ("-A", "--all-namespaces"):
            self._where = ["-A"]
        elif flags.GLOBAL_SWITCH.fullmatch(word):
            self._globals.append(word)
        elif known.get(name) is not None:
            if not joined:
                value = left.pop(0) if left else ""
            if name in ("-n", "--namespace"):
                self._where = ["-n", value]
            elif name.lstrip("-") in flags.GLOBAL:
                self._globals.append(f"{name}={value}")

    def values(self, flag: str, choices: tuple[str, ...] | None) -> tuple[list[str], int]:
        """Of a flag."""
        found, directive = list(choices or ()), NO_FILES
        match flag:
            case _ if found:
                pass
            case "-n" | "--namespace" | "--agent-namespace":
                found = self._names("get", "namespaces")
            case "--context":
                found = self._ask(self._globals, "config", "get-contexts", "-o", "name")
            case "--cluster" | "--user":
                path = f"jsonpath={{.{flag[2:]}s[*].name}}"
                found = self._ask(self._globals, "config", "view", "-o", path)
            case "--container":
                found = self._containers(self.positional[-1] if self.positional else "")
            case "-e" | "--expression":
                found, directive = list(EXPRESSIONS), NO_SPACE | NO_FILES
            case _ if flag in FILES:
                directive = DEFAULT
        return found, directive

    def targets(self, prefix: str) -> tuple[list[str], int]:
        kind, slash, name = prefix.partition("/")
        kind = ALIASES.get(kind, kind)
        if not slash:
            kinds = [f"{each}/" for each in KINDS if each.startswith(prefix)]
            pods = [each for each in self._names("get", KINDS[POD], *self._where) if each.startswith(prefix)]
            return kinds + pods, NO_FILES | (NO_SPACE if kinds and not pods else 0)
        if kind not in KINDS:
            return [], NO_FILES
        if "/" in name:
            pod = prefix.rpartition("/")[0]
            found = [f"{pod}/{each}" for each in self._containers(pod)] if kind == POD else []
        else:
            named = self._names("get", KINDS[kind], *self._where)
            found = [f"{prefix.partition('/')[0]}/{each}" for each in named]
        return [each for each in found if each.startswith(prefix)], NO_FILES

    def _names(self, *arguments: str) -> list[str]:
        return [each.partition("/")[2] for each in self._ask(self._globals, *arguments, "-o", "name")]

    def _containers(self, pod: str) -> list[str]:
        name = pod.rpartition("/")[2]
        if not name:
            return []
        path = "jsonpath={.spec.containers[*].name} {.spec.initContainers[*].name}"
        return self._ask(self._globals, "get", "pods", name, *self._where, "-o", path)
