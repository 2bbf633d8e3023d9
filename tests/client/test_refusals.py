# SPDX-License-Identifier: Apache-2.0
"""What kubectl says, in one line that says what to do. The texts are kubectl 1.37's."""

from __future__ import annotations

import pytest

from kubectl_strace import errors
from kubectl_strace.refusals import error_of

FORBIDDEN = (
    'Error from server (Forbidden): error when creating "STDIN": traces.stracelet.io is forbidden: User "bob" cannot '
    'create resource "traces" in API group "stracelet.io" in the namespace "shop"'
)


@pytest.mark.parametrize(
    ("said", "kind", "parts"),
    [
        (FORBIDDEN, errors.NotPermitted, ["bob may not create traces.stracelet.io in the namespace shop",
                                          "stracelet-tracer", "kubectl create rolebinding", "-n shop"]),
        (('Error from server (Forbidden): pods is forbidden: User "eve" cannot list resource "pods" in API group "" '
          "at the cluster scope"), errors.NotPermitted,
         ["eve may not list pods in all namespaces", "clusterrolebinding"]),
        (('Error from server (Forbidden): pods "a-1" is forbidden: User "eve" cannot create resource '
          '"pods/portforward" in API group "" in the namespace "stracelet"'), errors.NotPermitted,
         ["create pods/portforward", "--role=stracelet-portforward"]),
        (('error: error upgrading connection: unable to upgrade connection: pods "a-1" is forbidden: User "eve" cannot '
          'get resource "pods/portforward" in API group "" in the namespace "stracelet"'), errors.NotPermitted,
         ["eve may not get pods/portforward in the namespace stracelet"]),
        (("Error from server (Forbidden): traces.stracelet.io \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with "
          "binding 'b' denied request: spec.user is somebody else"), errors.NotPermitted, ["policy", "somebody else"]),
        (('error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "Trace" in '
          'version "stracelet.io/v1alpha1"\nensure CRDs are installed first'), errors.NotInstalled, ["not installed"]),
        ("Error from server (NotFound): the server could not find the requested resource", errors.NotInstalled,
         ["traces.stracelet.io", "not installed"]),
        ('Error from server (NotFound): pods "web-9" not found', errors.NotFound, ['pods "web-9" not found']),
        (("E1126 18:00:00.000001   42 memcache.go:265] couldn't get current server API group list: x\nThe connection "
          "to the server localhost:8080 was refused - did you specify the right host or port?"), errors.Unreachable,
         ["no answer from the API server: The connection to the server localhost:8080 was refused"]),
        ("Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout", errors.Unreachable,
         ["no answer from the API server: dial tcp 10.0.0.1:6443: i/o timeout"]),
        ("error: context deadline exceeded", errors.Unreachable,
         ["no answer from the API server: context deadline exceeded"]),
        ('Error from server (InternalError): calling webhook "x": context deadline exceeded', errors.KubectlError,
         ['calling webhook "x": context deadline exceeded']),
        ("error: You must be logged in to the server (Unauthorized)", errors.KubectlError, ["credentials"]),
        ('error: context "nowhere" does not exist', errors.KubectlError, ['kubectl get: context "nowhere" does not']),
        ("", errors.KubectlError, ["kubectl get: it failed"]),
    ],
)  # fmt: skip
def test_one_line_says_what_failed(said: str, kind: type[errors.ClientError], parts: list[str]) -> None:
    error = error_of(said, doing="kubectl get", of_agents="portforward" in said)
    assert type(error) is kind
    assert "\n" not in str(error)
    for part in parts:
        assert part in str(error)
    assert error.exit_code == {errors.NotPermitted: 4, errors.NotFound: 3}.get(kind, 1)
