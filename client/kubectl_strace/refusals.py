# SPDX-License-Identifier: Apache-2.0
"""What kubectl says on stderr, as an error of one line that names what to do."""

from __future__ import annotations

import re

from kubectl_strace.errors import KubectlError, NotFound, NotInstalled, NotPermitted, Unreachable

ROLE = "stracelet-tracer"  # a ClusterRole, bound where the pods are
AGENTS_ROLE = "stracelet-portforward"  # a Role where the agents are
GROUP = "traces.stracelet.io"

# The API server's words (k8s.io/apiserver, endpoints/handlers/responsewriters, "forbidden").
FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]*)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?: in the namespace "(?P<namespace>[^"]*)"| at the cluster scope)?'
)
POLICY = re.compile(r"ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request: (?P<why>.*)", re.DOTALL)
LOG_LINE = re.compile(r"[EWIF]\d{4} \d\d:\d\d:\d\d|Warning: ")  # klog's, and the server's warnings
NOT_INSTALLED = (
    f"the cluster does not know {GROUP}: stracelet is not installed in it (helm install stracelet, by an administrator)"
)


def error_of(said: str, *, doing: str, of_agents: bool = False) -> KubectlError:
    """`doing`: what kubectl was asked for, for where it says nothing of use. `of_agents`: in their namespace."""
    text = _text(said)
    if "orbidden" in text or "denied request" in text:  # of an upgraded connection it is in lower case
        return _refused(text, of_agents=of_agents)
    bare = _bare(text)
    for words, kind, line in KINDS:
        if any(each in text for each in words):
            return kind(line.format(bare) if line else bare)
    if bare == DEADLINE:
        return Unreachable(f"no answer from the API server: {bare}")
    return KubectlError(f"{doing}: {bare or 'it failed, and did not say why'}", silent=not text)


# Of kubectl's own --request-timeout; the API server says it as well, of what it calls, with more words around it.
DEADLINE = "context deadline exceeded"

# What is in its words, what that is, and the line for it.
KINDS: list[tuple[tuple[str, ...], type[KubectlError], str]] = [
    (('no matches for kind "Trace"', "could not find the requested resource"), NotInstalled, NOT_INSTALLED),
    (("(NotFound)",), NotFound, ""),
    (("Unable to connect to the server", "The connection to the server"), Unreachable,
     "no answer from the API server: {}"),
    (("Unauthorized", "must be logged in"), KubectlError,
     "the API server does not accept your credentials (`kubectl auth whoami` shows whose)"),
]  # fmt: skip


def _refused(text: str, *, of_agents: bool) -> NotPermitted:
    if found := FORBIDDEN.search(text):
        return NotPermitted(_forbidden(found, of_agents=of_agents))
    if found := POLICY.search(text):
        return NotPermitted(f"the cluster's policy refuses the trace: {found['why'].strip()}")
    return NotPermitted(_bare(text))


def _forbidden(found: re.Match[str], *, of_agents: bool) -> str:
    resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
    where = f"in the namespace {found['namespace']}" if found["namespace"] else "in all namespaces"
    mend = binding(found["user"], found["namespace"] or "", of_agents=of_agents)
    role = AGENTS_ROLE if of_agents else ROLE
    return f"{found['user']} may not {found['verb']} {resource} {where}: the role {role} allows it ({mend})"


def binding(user: str, namespace: str, *, of_agents: bool) -> str:
    """The command that gives a user what is missing; `namespace` empty: in all."""
    if of_agents:
        return f"kubectl create rolebinding strace -n {namespace} --role={AGENTS_ROLE} --user={user}"
    if namespace:
        return f"kubectl create rolebinding strace -n {namespace} --clusterrole={ROLE} --user={user}"
    return f"kubectl create clusterrolebinding strace --clusterrole={ROLE} --user={user}"


def _text(said: str) -> str:
    return " ".join(line for line in said.splitlines() if line.strip() and not LOG_LINE.match(line))


def _bare(text: str) -> str:
    text = re.sub(r'^error when creating "STDIN": ', "", text.removeprefix("error: "))
    text = re.sub(r"^Error from server(?: \(\w+\))?: ", "", text)
    return re.sub(r"^Unable to connect to the server: ", "", text).strip()
