# SPDX-License-Identifier: Apache-2.0
"""`doctor`: tries what `kubectl strace` needs, one thing after another, and says what to do about what fails."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from kubectl_strace.agents import Agent, find_agents
from kubectl_strace.errors import ClientError, KubectlError, NotPermitted
from kubectl_strace.kubectl import Kubectl
from kubectl_strace.parallel import each
from kubectl_strace.refusals import GROUP, binding
from kubectl_strace.resolution import Group
from kubectl_strace.session import Session
from kubectl_strace.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

SECONDS = 60.0
# Verb and resource: in the targets' namespace, and in the agents'.
OF_TARGETS = [
    ("get", "pods"),
    ("list", "pods"),
    ("watch", "pods"),
    ("create", GROUP),
    ("get", GROUP),
    ("delete", GROUP),
]
OF_AGENTS = [("list", "pods"), ("get", "pods/portforward"), ("create", "pods/portforward")]


@dataclass(frozen=True)
class Finding:
    """`mend`: what to do; a note works, or may be meant so."""

    check: str
    state: Literal["ok", "note", "failed"]
    found: str
    mend: str = ""


def run(args: argparse.Namespace) -> int:
    """The exit status: 1 if a check failed."""
    findings: list[Finding] = []
    for finding in examine(args):
        findings.append(finding)
        if args.output == "text":
            sys.stdout.write(line(finding))
            sys.stdout.flush()
    failed = sum(finding.state == "failed" for finding in findings)
    if args.output == "json":
        sys.stdout.write(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2) + "\n")
    else:
        sys.stdout.write(f"{failed} of {len(findings)} checks failed.\n" if failed else "All is well.\n")
    return int(failed > 0)


def line(finding: Finding) -> str:
    mark = "FAILED" if finding.state == "failed" else finding.state
    text = f"{mark:6}  {finding.check:14}  {printable(finding.found)}\n"
    return text + (f"{'':24}→ {printable(finding.mend)}\n" if finding.mend else "")


def examine(args: argparse.Namespace) -> Iterator[Finding]:
    """In order; what cannot work after a failure is not tried."""
    check = "kubectl"
    try:
        kubectl = Kubectl.find(args.kubectl)
        version = json.loads(kubectl.run("version", "--client", "-o", "json"))
        yield Finding(check, "ok", f"{version['clientVersion']['gitVersion']} ({kubectl.program})")
        check = "API server"
        version = json.loads(kubectl.run("version", "-o", "json"))
        yield Finding(check, "ok", str(version["serverVersion"]["gitVersion"]))
    except (ClientError, ValueError, KeyError) as error:
        yield Finding(check, "failed", str(error))
        return
    try:
        user = kubectl.user()
    except ClientError as error:
        yield Finding("user", "failed", str(error), "Kubernetes 1.28 or later says who one is (SelfSubjectReview)")
        return
    yield Finding("user", "ok", user)
    namespace = args.namespace or kubectl.namespace()
    definition = _definition(kubectl)
    yield definition
    yield _policy(kubectl)
    # Of a kind that it does not know, `auth can-i` says what is not so.
    of_targets = [what for what in OF_TARGETS if what[1] != GROUP or definition.state == "ok"]
    permissions = [(*what, namespace, False) for what in of_targets]
    permissions += [(*what, args.agent_namespace, True) for what in OF_AGENTS]
    checked = each(lambda what: _permission(kubectl, user, *what), permissions)
    yield from (_unexpected(one) if isinstance(one, Exception) else one for one in checked)
    try:
        agents = find_agents(kubectl, args.agent_namespace)
    except ClientError as error:
        yield Finding("agents", "failed", str(error))
        return
    yield from _agents(agents)
    ready = next((agent for agent in agents if not agent.why), None)
    if ready is not None:
        yield _connection(kubectl, ready, namespace, user)


def _definition(kubectl: Kubectl) -> Finding:
    try:
        document = json.loads(kubectl.run("get", "--raw", "/apis/stracelet.io/v1alpha1"))
    except (ClientError, ValueError) as error:
        return Finding("Trace", "failed", str(error), "Somebody who administers the cluster installs stracelet's chart")
    known = {resource.get("name") for resource in document.get("resources", [])}
    if "traces" not in known:
        return Finding("Trace", "failed", f"the API server serves no {GROUP}", "Install stracelet's chart")
    return Finding("Trace", "ok", f"the API server serves {GROUP}, v1alpha1")


def _policy(kubectl: Kubectl) -> Finding:
    """That holds spec.user to who makes the object."""
    try:
        names = kubectl.run("get", "validatingadmissionpolicies.admissionregistration.k8s.io", "-o", "name").split()
    except NotPermitted:
        return Finding("policy", "note", "whether the admission policy is there is not yours to see")
    except ClientError as error:
        return Finding("policy", "note", str(error))
    ours = [name.partition("/")[2] for name in names if "stracelet" in name]
    if ours:
        return Finding("policy", "ok", ", ".join(ours))
    return Finding("policy", "note", "no ValidatingAdmissionPolicy of stracelet's: spec.user is not checked",
                   "The chart has it where Kubernetes does (1.30 or later)")  # fmt: skip


def _permission(kubectl: Kubectl, user: str, verb: str, resource: str, namespace: str, of_agents: bool) -> Finding:
    name, _, sub = resource.partition("/")
    arguments = ["auth", "can-i", verb, name, *([f"--subresource={sub}"] if sub else []), "-n", namespace]
    what = f"{verb} {resource} in {namespace}"
    try:
        kubectl.run(*arguments)
    except KubectlError as error:  # it ends with status 1 for "no"
        if not error.silent:
            return Finding("permission", "failed", f"{what}: {error}")
        return Finding("permission", "failed", f"{user} may not {what}", binding(user, namespace, of_agents=of_agents))
    return Finding("permission", "ok", what)


def _agents(agents: list[Agent]) -> Iterator[Finding]:
    ready = [agent for agent in agents if not agent.why]
    yield Finding(
        "agents", "ok" if ready else "failed", f"{len(ready)} of {len(agents)} ready, in {agents[0].namespace}"
    )
    for agent in agents:
        if agent.why:
            yield Finding("agent", "failed", f"{agent.name} on {agent.node or 'no node'}: {agent.why}",
                          f"kubectl describe pod -n {agent.namespace} {agent.name}")  # fmt: skip


def _connection(kubectl: Kubectl, agent: Agent, namespace: str, user: str) -> Finding:
    group = Group(namespace, f"all pods of {namespace}", endless=True)
    try:
        with Session(kubectl) as session:
            session.allow([group], user=user, filter_=(), seconds=SECONDS)
            document = session.api(group, agent).get("/v1/containers")
    except ClientError as error:
        return Finding("connection", "failed", str(error))
    seen = len(document.get("containers") or [])
    return Finding("connection", "ok", f"the agent on {agent.node} answers; it sees {seen} containers of {namespace}")


def _unexpected(error: Exception) -> Finding:
    return Finding("permission", "failed", str(error))
