# SPDX-License-Identifier: Apache-2.0
"""`ps`: the containers that the agents see of the targets, or of a namespace."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from kubectl_strace.agents import plan
from kubectl_strace.errors import ClientError, NoAgent
from kubectl_strace.kubectl import Kubectl
from kubectl_strace.parallel import each
from kubectl_strace.session import Session
from kubectl_strace.text import columns, say

if TYPE_CHECKING:
    import argparse

    from kubectl_strace.agents import Agent
    from kubectl_strace.resolution import Group

SECONDS = 60.0
SHORT_ID = 12


def run(args: argparse.Namespace) -> int:
    """The exit status: 1 if a node could not be asked. ClientError."""
    with Session(Kubectl.find(args.kubectl)) as session:
        groups, agents, user = session.look(args, wait=False)
        asked: list[tuple[Group, Agent]] = []
        complaints: list[str] = []
        for group in groups:
            try:
                planned = plan(group, agents, endless=False)
            except NoAgent as error:
                complaints.append(str(error))
                continue
            complaints += planned.notes
            asked += [(group, agent) for agent in planned.agents]
        for _, agent in asked:
            session.forward(agent)
        named = list({group: None for group, _ in asked})
        refused = session.allow(named, user=user, filter_=(), seconds=SECONDS, some=args.all_namespaces)
        complaints += map(str, refused.values())
        asked = [one for one in asked if one[0] not in refused]
        answers = each(lambda one: containers(session.api(*one).get("/v1/containers")), asked)
    found: list[dict[str, Any]] = []
    for answer in answers:
        if isinstance(answer, ClientError):
            complaints.append(str(answer))
        elif isinstance(answer, Exception):
            raise answer
        else:
            found += answer
    found.sort(key=lambda one: (one["namespace"], one["pod"], one["container"], one["node"]))
    show(found, args.output, with_namespace=args.all_namespaces)
    for complaint in dict.fromkeys(complaints):
        say(complaint)
    return int(bool(complaints))


def containers(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of an agent's answer, each with its node. ClientError."""
    try:
        return [{**_text(one), "node": str(document["node"])} for one in document["containers"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ClientError("an agent's answer is not what this version understands") from error


def _text(one: dict[str, Any]) -> dict[str, Any]:
    names = ("namespace", "pod", "container", "container_id", "image", "runtime", "status")
    return {**one, **{name: str(one[name]) for name in names}}


def show(found: list[dict[str, Any]], how: str | None, *, with_namespace: bool) -> None:
    if how == "json":
        sys.stdout.write(json.dumps({"containers": found}, indent=2) + "\n")
        return
    headings = ["NAMESPACE"] if with_namespace else []
    headings += ["POD", "CONTAINER", "NODE", "STATUS", "WORKLOAD", "ID"]
    headings += ["RUNTIME", "IMAGE", "MONITORED"] if how == "wide" else []
    sys.stdout.write(columns([headings, *(_row(one, how == "wide", with_namespace) for one in found)]))


def _row(one: dict[str, Any], wide: bool, with_namespace: bool) -> list[str]:
    workload = one.get("workload")
    owner = f"{workload.get('kind')}/{workload.get('name')}" if isinstance(workload, dict) else ""
    status = f"{one['status']} (refused: {one['refused']})" if one.get("refused") else one["status"]
    row = [one["namespace"]] if with_namespace else []
    row += [one["pod"], one["container"], one["node"], status, owner, one["container_id"][:SHORT_ID]]
    return row + ([one["runtime"], one["image"], "yes" if one.get("monitored") else "no"] if wide else [])
