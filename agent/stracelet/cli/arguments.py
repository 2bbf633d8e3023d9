# SPDX-License-Identifier: Apache-2.0
"""Arguments that several commands share: which containers, and where names come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from stracelet.containers.request import Request
from stracelet.errors import ConfigError, StraceletError

if TYPE_CHECKING:
    import argparse

    from stracelet.config import Config

TARGET_HELP = "[KIND/]NAME[/CONTAINER]; kinds: pod docker podman container compose pid; or 4 or more digits of an ID"


@dataclass(frozen=True)
class Wanted:
    """Which containers, for how long; `duration` in seconds, None without an end."""

    targets: tuple[str, ...]
    selector: str | None
    namespace: str | None
    all_namespaces: bool
    container: str | None
    wait: bool
    duration: float | None
    config: Config

    @classmethod
    def of(cls, args: argparse.Namespace) -> Wanted:
        return cls(
            targets=tuple(args.targets),
            selector=args.selector,
            namespace=args.namespace,
            all_namespaces=args.all_namespaces,
            container=args.container,
            wait=getattr(args, "wait", False),
            duration=getattr(args, "duration", None),
            config=sources_and_paths(args.config),
        )

    def request(self) -> Request:
        """UsageError."""
        return Request.of(
            self.targets,
            selector=self.selector,
            namespace=None if self.all_namespaces else self.namespace,
            container=self.container,
            wait=self.wait,
        )


def add_targets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=TARGET_HELP)
    parser.add_argument("-l", "--selector", metavar="SELECTOR", help="containers with these labels, as kubectl's -l")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="pods of this namespace")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="pods of all namespaces (the default here)")
    parser.add_argument("--container", metavar="NAME", help="of a pod, this container only")


def add_config(
    parser: argparse.ArgumentParser, what: str = "sources and paths, as in the agent's configuration"
) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help=what)


# As the configuration's model has them; without a file, it is not loaded for the sake of its defaults.
DEFAULTS = SimpleNamespace(
    procfs="/proc",
    cgroup_root="/sys/fs/cgroup",
    sources=SimpleNamespace(kubernetes="auto", node="", cri="auto", docker="auto", podman="auto", cgroup="auto"),
    metrics=SimpleNamespace(auth="none"),
    api=SimpleNamespace(socket="/run/stracelet/agent.sock"),
    trace=SimpleNamespace(data=True, mask=(), mask_exec=False),
)


def sources_and_paths(path: Path | None) -> Config:
    """The file's configuration, or of the defaults what a trace has to know. ConfigError."""
    return cast("Config", DEFAULTS) if path is None else load_config(path)


def load_config(path: Path | None) -> Config:
    """The file's configuration, or the defaults. Raises ConfigError, which names the file."""
    from stracelet import config  # noqa: PLC0415 - pydantic takes a while to load

    if path is None:
        return config.Config()
    try:
        return config.load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    except StraceletError as error:
        raise ConfigError(f"{path}: {error}") from error
