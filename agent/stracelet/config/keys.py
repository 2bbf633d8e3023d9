# SPDX-License-Identifier: Apache-2.0
"""The configuration's keys, their types, bounds and defaults. docs/configuration.md is made from this module."""

from __future__ import annotations

import re
import types
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

import pydantic
from pydantic import BeforeValidator, Field

from stracelet.durations import A_DURATION, format_duration, parse_duration

MAX_BUCKETS = 31  # STL_MAX_EDGES
LONGEST_SOCKET = 107  # unix(7): sun_path, less its end

# The upper edges of the arena's histogram, 250 ns * 2^j * (1 + m/8), in whole ns: durations are whole, so rounding
# down changes no bucket. tests/unit/config checks them against the native library.
BUCKET_EDGES = tuple(250 * (8 + i % 8) * 2 ** (i // 8) // 8 for i in range(35 * 8 + 1))


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else _refuse(value, A_DURATION)


def _bucket(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0 < value < 10**6:
            raise ValueError(f"expected seconds above 0, found {value!r}")
        return round(value * 10**9)
    return _duration(value)


def _refuse(value: Any, expected: str) -> Any:
    raise ValueError(f"expected {expected}, found {value!r}")


def _source(value: Any) -> Any:
    if value is False:  # YAML 1.1 reads a bare `off` as false
        return "off"
    if isinstance(value, str) and value in ("auto", "off"):
        return value
    paths = [value] if isinstance(value, str) else value
    if isinstance(paths, (list, tuple)) and paths and all(isinstance(p, str) and p.startswith("/") for p in paths):
        return tuple(paths)
    return _refuse(value, "auto, off, an absolute path of a socket or a list of such paths")


def _no_path(value: Any) -> Any:
    found = _source(value)
    return found if isinstance(found, str) else _refuse(value, "auto or off")


def _kubeconfig(value: Any) -> Any:
    found = _source(value)
    if isinstance(found, str):
        return found
    return found[0] if isinstance(found, tuple) and len(found) == 1 else _refuse(value, "auto, off or a path")


_ON_OFF = {True: "on", False: "off", "true": "on", "false": "off"}


def _on_off(value: Any) -> Any:
    """YAML 1.1 reads a bare `on` or `off` as true or false, as a key too; JSON made of that has texts."""
    if not isinstance(value, dict):
        return value
    named = {_ON_OFF.get(key, key): item for key, item in value.items()}
    return named if len(named) == len(value) else _refuse([*value], "each of the keys on and off once")


def _pattern(value: str) -> str:
    if not value:
        raise ValueError("an empty expression matches everything")
    return value


def _listen(value: Any) -> Any:
    if isinstance(value, str):
        parse_listen(value)
        return value
    return _refuse(value, "ADDRESS:PORT or :PORT, in quotes")


def _listen_or_off(value: Any) -> Any:
    return "off" if value in (False, "off") else _listen(value)


def _socket(value: Any) -> Any:
    if value in (False, "off"):
        return "off"
    right = isinstance(value, str) and re.fullmatch(r"/[^\0]*[^/\0]", value) and len(value.encode()) <= LONGEST_SOCKET
    return value if right else _refuse(value, f"an absolute path of at most {LONGEST_SOCKET} bytes, or off")


def parse_listen(text: str) -> tuple[str | None, int]:
    """`:9477` is (None, 9477), all addresses of all families; `[::1]:9477` and `127.0.0.1:9477` are one. ValueError."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"write an IPv6 address in brackets, as [::1]:9477; found {text!r}")
    if not colon or not re.fullmatch(r"\d{1,5}", port) or int(port) > 65535:
        raise ValueError(f"expected ADDRESS:PORT or :PORT with a port of 0 to 65535, found {text!r}")
    return host or None, int(port)


Duration = Annotated[int, BeforeValidator(_duration)]
Bucket = Annotated[int, BeforeValidator(_bucket)]
Source: TypeAlias = Annotated[Literal["auto", "off"] | tuple[str, ...], BeforeValidator(_source)]
Globs: TypeAlias = tuple[str, ...]
Directory = Annotated[str, Field(pattern=r"^/")]


class Model(pydantic.BaseModel):
    """What all sections share: immutable, no unknown keys, no silent conversions between types."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _empty_section(cls, value: Any) -> Any:
        return {} if value is None else value  # `metrics:` with all its keys commented out


class Rule(Model):
    """Which containers. All of a rule's keys have to match; of the globs of one key, any."""

    namespaces: Globs = Field(default=(), description="Globs of Kubernetes namespaces.")
    names: Globs = Field(default=(), description="Globs of names: the pod's, the container's, or a Compose service's.")
    images: Globs = Field(default=(), description="Globs of images as the runtime shows them, `*/redis:*`.")
    runtimes: Globs = Field(default=(), description="Globs of `docker`, `podman`, `containerd`, `cri-o`.")
    labels: str = Field(
        default="",
        description="A selector as kubectl's `-l`: `app=web,tier!=cache,track in (a, b)`. Docker's and Podman's labels "
        "include those of the image.",
    )

    @pydantic.model_validator(mode="after")
    def _says_something(self) -> Rule:
        if not (self.namespaces or self.names or self.images or self.runtimes or self.labels):
            raise ValueError("a rule without a key would match everything; to mean that, write names: ['*']")
        return self


class Annotations(Model):
    """Whose pods may say by an annotation, `stracelet.io/monitor`, that they are monitored, or are not."""

    on: Globs = Field(
        default=(),
        description='Globs of namespaces: a pod there that says `stracelet.io/monitor: "true"` is monitored, and its '
        "`stracelet.io/syscalls` narrows `monitor.filter`. What other pods ask for is refused, which `ps` shows. "
        "Annotations are known from the Kubernetes API alone.",
    )
    off: Globs = Field(
        default=(),
        description='Globs of namespaces: a pod there that says `stracelet.io/monitor: "false"` is not monitored, '
        "although a rule of `include` matches it.",
    )

    _names = pydantic.model_validator(mode="before")(_on_off)


class Monitor(Model):
    """What is traced always. Empty: nothing, until a target on the command line or a permitted annotation asks."""

    include: tuple[Rule, ...] = Field(default=(), description="Rules; what any of them matches is monitored.")
    exclude: tuple[Rule, ...] = Field(
        default=(), description="Rules; they win over `include` and annotations. We never trace ourselves."
    )
    annotations: Annotations = Field(
        default=Annotations(),
        description="Whose pods may switch monitoring by annotation.",
    )
    filter: str = Field(
        default="",
        description="Which syscalls the metrics show, as `-e trace=` says it (`%network,close`, `!futex`); empty: all. "
        "It bounds series, not cost: all are counted.",
    )
    engine: Literal["auto", "ptrace"] = Field(default="auto", description="What observes the kernel; `auto`: `ptrace`.")


class Tls(Model):
    """A certificate for the metrics; it is read again on SIGHUP."""

    cert: str = Field(description="Path of the certificate chain, PEM.")
    key: str = Field(description="Path of its private key, PEM.")


class Metrics(Model):
    """The Prometheus endpoint and what it shows."""

    listen: Annotated[str, BeforeValidator(_listen)] = Field(
        default=":9477", description="`ADDRESS:PORT`; without an address all of both families. Needs a restart."
    )
    buckets: tuple[Bucket, ...] = Field(
        default=tuple(250 * 4**k for k in range(14)),
        description="Upper bounds of the duration histogram: durations, or numbers in seconds; at most 31, each an "
        "edge 250 ns × 2^j × (1 + m/8), m = 0 to 7, of the histogram inside, so that they are exact. Needs a restart.",
    )
    max_series: int = Field(
        default=30000,
        strict=True,
        ge=100,
        description='Lines of the per-syscall families in all; over it new ones go to `syscall="other"`.',
    )
    max_series_per_container: int = Field(default=1500, strict=True, ge=50, description="The same for one container.")
    linger: Duration = Field(default=parse_duration("2m"), description="How long an ended container's series stay.")
    tls: Tls | None = Field(
        default=None,
        description="Without it plain HTTP. SIGHUP reads both files again; to name others needs a restart.",
    )
    auth: Literal["none", "kubernetes"] = Field(
        default="none",
        description="Who may read them; `none`: whoever reaches the port; `kubernetes`: whose bearer token may `get` "
        "the non-resource URL `/metrics`, as the API server says, that of `sources.kubernetes` or (`off`) of the pod. "
        "Needs a restart.",
    )

    @pydantic.field_validator("buckets")
    @classmethod
    def _edges(cls, buckets: tuple[int, ...]) -> tuple[int, ...]:
        if not 1 <= len(buckets) <= MAX_BUCKETS:
            raise ValueError(f"expected 1 to {MAX_BUCKETS} buckets, found {len(buckets)}")
        for bucket in buckets:
            if bucket not in BUCKET_EDGES:
                near = sorted(sorted(BUCKET_EDGES, key=lambda edge: abs(edge - bucket))[:2])
                names = " and ".join(format_duration(edge) for edge in near)
                raise ValueError(f"{format_duration(bucket)} is no edge of the histogram; the nearest are {names}")
        if any(low >= high for low, high in pairwise(buckets)):
            raise ValueError("buckets have to ascend")
        return buckets


class Api(Model):
    """The trace API: on a port where the agent watches the Kubernetes API, elsewhere on a Unix socket."""

    listen: Annotated[str, BeforeValidator(_listen_or_off)] = Field(
        default="127.0.0.1:9478",
        description="`ADDRESS:PORT`, or `off`: for an agent that watches the Kubernetes API. On loopback it is reached "
        "by a port-forward alone; `kubectl strace` forwards 9478. Needs a restart.",
    )
    socket: Annotated[str, BeforeValidator(_socket)] = Field(
        default="/run/stracelet/agent.sock",
        description="A Unix socket of mode 0600, or `off`: for `stracelet trace` on this host, and whoever else may "
        "open it; that is the check. Where the agent watches the Kubernetes API, or has `tracer_socket`, there is one "
        "only if it is set here. Needs a restart.",
    )


class Limits(Model):
    """Bounds of the traces that are asked of an agent. What is monitored is bounded by its rules."""

    containers: int = Field(
        default=20, strict=True, ge=1, le=256, description="Containers of one trace, at once. Needs a restart."
    )
    duration: Duration = Field(
        default=parse_duration("10m"), description="How long a trace lasts at most. Needs a restart."
    )
    traces: int = Field(
        default=50, strict=True, ge=1, le=256, description="Traces at once, of all users. Needs a restart."
    )
    traces_per_user: int = Field(
        default=20, strict=True, ge=1, le=256, description="Traces at once, of one user. Needs a restart."
    )
    records_per_second: int = Field(
        default=20000,
        strict=True,
        ge=1,
        description="Lines a second of one trace; those beyond are dropped, and counted. Needs a restart.",
    )


class Sources(Model):
    """Where names come from: `auto` (the usual sockets), `off`, a socket's path or a list of paths. Needs a restart."""

    kubernetes: Annotated[str, BeforeValidator(_kubeconfig)] = Field(
        default="auto",
        description="The Kubernetes API: `auto` (in a pod, with its service account), `off`, or a kubeconfig's path. "
        "Needs a restart.",
    )
    node: str = Field(
        default="",
        description="The node's name in Kubernetes; empty: NODE_NAME of the environment, or else the host's name. "
        "Needs a restart.",
    )
    cri: Source = Field(
        default="auto",
        description="CRI v1: containerd, CRI-O, k3s. `auto` (the usual sockets), `off`, a socket's path, or a list of "
        "paths. Needs a restart.",
    )
    docker: Source = Field(default="auto", description="The Docker API. Values as for `sources.cri`. Needs a restart.")
    podman: Source = Field(default="auto", description="Podman, likewise. Needs a restart.")
    cgroup: Annotated[str, BeforeValidator(_no_path)] = Field(
        default="auto",
        description="`auto` or `off`: containers that no other source knows are listed by their ID. Needs a restart.",
    )


class Log(Model):
    """What is said on standard error, one line for each change of state."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="`debug` to `error`.")
    format: Literal["text", "json"] = Field(default="text", description="`text`, or `json`: one object a line.")


class Trace(Model):
    """What `stracelet trace` leaves out of its lines, whatever its flags say: for what is shipped to a log store."""

    data: bool = Field(
        default=True, strict=True, description="`false`: data of files and sockets is neither copied nor shown."
    )
    mask: tuple[Annotated[str, pydantic.AfterValidator(_pattern)], ...] = Field(
        default=(),
        description="Regular expressions, regex(7), extended; what matches in strings, paths, argv and environments is "
        "shown as `[masked]`.",
    )
    mask_exec: bool = Field(
        default=False, strict=True, description="`true`: arguments and environment of exec are shown as `[masked]`."
    )


class Config(Model):
    """One file; every key may be left out."""

    monitor: Monitor = Field(default=Monitor(), description="What is traced always.")
    metrics: Metrics = Field(default=Metrics(), description="The Prometheus endpoint.")
    api: Api = Field(default=Api(), description="The trace API.")
    limits: Limits = Field(default=Limits(), description="Bounds of the traces that are asked of an agent.")
    trace: Trace = Field(default=Trace(), description="What traces leave out.")
    sources: Sources = Field(default=Sources(), description="Where names come from.")
    log: Log = Field(default=Log(), description="What is said on standard error.")
    tracer_socket: str = Field(
        default="",
        pattern=r"^(/.*)?$",
        max_length=LONGEST_SOCKET,
        description="Where a `stracelet-tracer --listen` waits for the agent, as in a pod of two containers; empty: "
        "the agent starts the native program itself. Needs a restart.",
    )
    checkpoint: str = Field(
        default="",
        pattern=r"^(/.*)?$",
        description="A file in which the agent keeps what it knows of its node's pods, for its next start while the "
        "Kubernetes API is away: names, labels, owners and container IDs. Its folder has to be writable for uid 65532; "
        "empty: nothing is kept. Needs a restart.",
    )
    procfs: Directory = Field(default="/proc", description="The procfs that shows the host's PIDs. Needs a restart.")
    cgroup_root: Directory = Field(default="/sys/fs/cgroup", description="The host's cgroup tree. Needs a restart.")


def section(annotation: Any) -> type[Any] | None:
    """The Model within an annotation such as `tuple[Rule, ...]` or `Tls | None`; None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    if get_origin(annotation) in (tuple, Union, types.UnionType, Annotated):
        return next((found for found in map(section, get_args(annotation)) if found), None)
    return None
