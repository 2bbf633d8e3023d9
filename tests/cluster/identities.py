# SPDX-License-Identifier: Apache-2.0
"""Users of a cluster by each kind of credential that kubectl has."""

from __future__ import annotations

import base64
import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.conftest import Cluster
from tests.images import wait_for

KINDS = ("token", "certificate", "exec", "as")
SECONDS = 60.0
SEC1 = bytes.fromhex("30770201010420")
"""How the DER of a P-256 key begins (RFC 5915); its 32 secret bytes follow."""


@dataclass(frozen=True)
class Identity:
    """`user`: as the API server knows it; `flags`: kubectl's; `secrets`: in each form in which they might be found;
    `home`: where kubectl keeps what it has found out."""

    kind: str
    user: str
    kubeconfig: Path
    flags: tuple[str, ...]
    secrets: tuple[bytes, ...]
    home: Path

    @property
    def subject(self) -> Mapping[str, str]:
        """Of a RoleBinding."""
        return {"kind": "User", "name": self.user, "apiGroup": "rbac.authorization.k8s.io"}

    def kubectl(self, cluster: Cluster, *arguments: str, data: str = "") -> subprocess.CompletedProcess[str]:
        """As this user, who may be refused."""
        where = ("--kubeconfig", str(self.kubeconfig), *self.flags)
        command = [str(cluster.tools / "kubectl"), *where, *arguments]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home)}
        return subprocess.run(
            command, input=data, capture_output=True, text=True, timeout=SECONDS, check=False, env=environment
        )


@contextmanager
def identities(cluster: Cluster, namespace: str, folder: Path) -> Iterator[Sequence[Identity]]:
    """One of each kind, none of whom has a right; with service accounts in the namespace."""
    request = f"stracelet-{uuid.uuid4().hex[:8]}"
    try:
        yield [
            _by_token(cluster, namespace, folder),
            _by_certificate(cluster, request, folder),
            _by_plugin(cluster, namespace, folder),
            _impersonated(cluster, folder),
        ]
    finally:
        cluster.kubectl("delete", "certificatesigningrequests", request, "--ignore-not-found")


def token(cluster: Cluster, namespace: str, account: str) -> str:
    """Of a service account that it makes."""
    cluster.kubectl("create", "serviceaccount", account, "-n", namespace)
    return cluster.kubectl("create", "token", account, "-n", namespace).strip()


def _by_token(cluster: Cluster, namespace: str, folder: Path) -> Identity:
    secret = token(cluster, namespace, "by-token")
    file = _kubeconfig(cluster, folder / "token", {"token": secret})
    return Identity("token", f"system:serviceaccount:{namespace}:by-token", file, (), _of_token(secret), folder)


def _by_plugin(cluster: Cluster, namespace: str, folder: Path) -> Identity:
    secret = token(cluster, namespace, "by-plugin")
    version = "client.authentication.k8s.io/v1"
    said = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": secret}}
    plugin = folder / "plugin"
    plugin.write_text(f"#!/bin/sh\ncat <<'SAID'\n{json.dumps(said)}\nSAID\n")
    plugin.chmod(0o700)
    user = {"exec": {"apiVersion": version, "command": str(plugin), "interactiveMode": "Never"}}
    file = _kubeconfig(cluster, folder / "exec", user)
    return Identity("exec", f"system:serviceaccount:{namespace}:by-plugin", file, (), _of_token(secret), folder)


def _by_certificate(cluster: Cluster, request: str, folder: Path) -> Identity:
    """Which the cluster itself has signed."""
    key, csr = folder / "user.key", folder / "user.csr"
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
    _openssl("req", "-new", "-key", str(key), "-subj", f"/CN={request}", "-out", str(csr))
    spec = {
        "request": base64.b64encode(csr.read_bytes()).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "expirationSeconds": 3600,
        "usages": ["client auth"],
    }
    document = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": request},
        "spec": spec,
    }
    cluster.kubectl("create", "-f", "-", data=json.dumps(document))
    cluster.kubectl("certificate", "approve", request)
    get = ("get", "csr", request, "-o", "jsonpath={.status.certificate}")
    certificate = wait_for(lambda: cluster.kubectl(*get), what="the certificate", seconds=SECONDS)
    pem = key.read_bytes()
    user = {"client-certificate-data": certificate, "client-key-data": base64.b64encode(pem).decode()}
    return Identity(
        "certificate", request, _kubeconfig(cluster, folder / "certificate", user), (), _of_key(pem), folder
    )


def _impersonated(cluster: Cluster, folder: Path) -> Identity:
    """By the administrator, whose credential it is."""
    name = f"stracelet-{uuid.uuid4().hex[:8]}"
    user = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "-o", "json"))["users"][0]["user"]
    secrets = _of_token(user["token"]) if "token" in user else ()
    if "client-key-data" in user:
        secrets = _of_key(base64.b64decode(user["client-key-data"]))
    return Identity("as", name, cluster.kubeconfig, ("--as", name), secrets, folder)


def _kubeconfig(cluster: Cluster, path: Path, user: Mapping[str, Any]) -> Path:
    settings = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    settings["users"][0]["user"] = user
    path.write_text(json.dumps(settings))
    return path


def _of_token(secret: str) -> tuple[bytes, ...]:
    """The whole, and the signature, without which the rest is worth nothing."""
    return secret.encode(), secret.rpartition(".")[2].encode()


def _of_key(pem: bytes) -> tuple[bytes, ...]:
    """PEM's lines, the same as in a kubeconfig, and the secret number itself."""
    lines = [line for line in pem.splitlines() if line and not line.startswith(b"-----")]
    der = base64.b64decode(b"".join(lines))
    number = der[len(SEC1) : len(SEC1) + 32] if der.startswith(SEC1) else der[-64:]
    return lines[0], base64.b64encode(pem), number, number[::-1]  # OpenSSL's numbers begin with their low end


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], capture_output=True, check=True, timeout=SECONDS)
