# SPDX-License-Identifier: Apache-2.0
"""What the Docker API says of containers, read: its list and its events, as Docker and Podman write them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stracelet.containers.model import CREATED, EXITED, PAUSED, RUNNING, Container
from stracelet.containers.sources import Change, Forgotten, Known

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPOSE = ("com.docker.compose", "io.podman.compose")
SANDBOX_LABEL, SANDBOX_NAMES = "io.kubernetes.docker.type", "k8s_POD_"
STATUS = {
    "created": CREATED,
    "configured": CREATED,
    "initialized": CREATED,
    "restarting": CREATED,
    "running": RUNNING,
    "paused": PAUSED,
    "exited": EXITED,
    "stopped": EXITED,
    "dead": EXITED,
}
EVENTS = {"start": RUNNING, "unpause": RUNNING, "pause": PAUSED, "rename": None, "die": EXITED, "died": EXITED}
GONE = ("destroy", "remove")
NO_LABELS = ("exitCode", "containerExitCode", "podId", "signal", "execDuration", "oldName")
"""Attributes of events that are no labels of the container, besides its name and image."""


def runtime_of(version: Mapping[str, Any]) -> str:
    """`podman` or `docker`, from /version: Podman calls its component Podman Engine."""
    components = version.get("Components") or ()
    return "podman" if any("podman" in str(c.get("Name", "")).lower() for c in components) else "docker"


def parse_container(entry: Mapping[str, Any], runtime: str, source: str) -> Container | None:
    """From an entry of /containers/json; None for one that is being removed or has no usable ID."""
    status = STATUS.get(str(entry.get("State", "")).lower())
    names = sorted(entry.get("Names") or (), key=lambda name: str(name).count("/"))
    if status is None or not entry.get("Id"):
        return None
    return _container(
        container_id=str(entry["Id"]),
        runtime=runtime,
        name=str(names[0]).lstrip("/") if names else "",  # a link's name is /OTHER/ALIAS
        image=str(entry.get("Image") or ""),
        labels=entry.get("Labels") or {},
        status=status,
        source=source,
    )


def parse_created(event: Mapping[str, Any], runtime: str, source: str) -> Container | None:
    """From a `create` event, whose attributes are the labels, and name and image besides."""
    actor = event.get("Actor") or {}
    attributes = dict(actor.get("Attributes") or {})
    name, image = str(attributes.pop("name", "")), str(attributes.pop("image", ""))
    if not actor.get("ID"):
        return None
    return _container(
        container_id=str(actor["ID"]),
        runtime=runtime,
        name=name.lstrip("/"),
        image=image,
        labels={key: value for key, value in attributes.items() if key not in NO_LABELS},
        status=CREATED,
        source=source,
    )


def _container(
    *, container_id: str, runtime: str, name: str, image: str, labels: Mapping[str, Any], status: str, source: str
) -> Container:
    texts = {str(key): str(value) for key, value in labels.items()}

    def compose(key: str) -> str:
        return next((texts[f"{prefix}.{key}"] for prefix in COMPOSE if f"{prefix}.{key}" in texts), "")

    return Container(
        id=container_id,
        runtime=runtime,
        name=name,
        image=image,
        labels=texts,
        compose_project=compose("project"),
        compose_service=compose("service"),
        status=status,
        sources=(source,),
        # An image can have that label too, but not the name (cri-dockerd's core/naming.go, makeSandboxName).
        sandbox=texts.get(SANDBOX_LABEL) == "podsandbox" and name.startswith(SANDBOX_NAMES),
    )


def follow(event: Mapping[str, Any], known: Mapping[str, Container], runtime: str, source: str) -> Change | None:
    """What an event means; None if it is nothing to us. `known` is what the source knew before."""
    action = str(event.get("Action") or event.get("status") or "")
    actor = event.get("Actor") or {}
    container = known.get(str(actor.get("ID", "")))
    if action == "create":
        created = parse_created(event, runtime, source)
        return Known(created) if created else None
    if action in GONE:
        return Forgotten(str(actor.get("ID", "")))
    if action not in EVENTS:
        return None
    if container is None:  # it was made before the events began: its event has all that a `create` has
        created = parse_created(event, runtime, source)
        return Known(replace(created, status=EVENTS[action] or CREATED)) if created else None
    name = str((actor.get("Attributes") or {}).get("name") or container.name).lstrip("/")
    return Known(replace(container, name=name, status=EVENTS[action] or container.status))
