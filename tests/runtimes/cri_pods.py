# SPDX-License-Identifier: Apache-2.0
"""Pods over CRI, made as a kubelet makes them, and removed again."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
import uuid
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import stracelet
from tests.images import busybox_root, image_archive

IMAGE = "localhost/stracelet-test/busybox:1"
PAUSE_IMAGE = "localhost/stracelet-test/pause:1"
DEADLINE = 60
CGROUPS = Path("/sys/fs/cgroup")


def _messages() -> Any:
    """The messages of cri_pods.proto by their names, compiled here and now (grpcio-tools)."""
    here, agent = Path(__file__).parent, Path(stracelet.__file__).parents[1]
    with tempfile.NamedTemporaryFile() as file:
        paths = [f"--proto_path={here}", f"--proto_path={agent}", f"--descriptor_set_out={file.name}"]
        compiler = [sys.executable, "-m", "grpc_tools.protoc", "--include_imports", *paths]
        subprocess.run([*compiler, str(here / "cri_pods.proto")], check=True)
        described = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for each in described.file:
        pool.Add(each)
    classes = message_factory.GetMessageClassesForFiles([each.name for each in described.file], pool)
    modes = pool.FindEnumTypeByName("runtime.v1.NamespaceMode").values_by_name
    by_name: dict[str, Any] = {name.removeprefix("runtime.v1."): kind for name, kind in classes.items()}
    return SimpleNamespace(**by_name, **{name: value.number for name, value in modes.items()})


class Pods:
    """Pods on a CRI server."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self._channel = grpc.insecure_channel(f"unix:{socket}")
        self.messages = _messages()
        self._pods: dict[str, Any] = {}

    def call(self, method: str, request: Any, answer: Any) -> Any:
        return self._channel.unary_unary(
            f"/runtime.v1.RuntimeService/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )(request, timeout=DEADLINE)

    def run_pod(self, name: str, namespace: str, **labels: str) -> str:
        """A pod on the host's network (no CNI is needed); its sandbox's ID."""
        m, uid = self.messages, str(uuid.uuid4())
        kubelet = {
            "io.kubernetes.pod.name": name,
            "io.kubernetes.pod.namespace": namespace,
            "io.kubernetes.pod.uid": uid,
        }
        options = m.NamespaceOption(network=m.NODE, pid=m.CONTAINER)
        config = m.PodSandboxConfig(
            metadata={"name": name, "namespace": namespace, "uid": uid},
            labels={**kubelet, **labels},
            linux=m.LinuxPodSandboxConfig(
                cgroup_parent=f"/kubepods/besteffort/pod{uid}",
                security_context=m.LinuxSandboxSecurityContext(namespace_options=options),
            ),
        )
        answer = self.call("RunPodSandbox", m.RunPodSandboxRequest(config=config), m.RunPodSandboxResponse)
        self._pods[answer.pod_sandbox_id] = config
        return str(answer.pod_sandbox_id)

    def run(self, pod: str, name: str, *command: str) -> str:
        """Creates and starts a container in a pod; its ID."""
        m, config = self.messages, self._pods[pod]
        labels = {key: value for key, value in config.labels.items() if key.startswith("io.kubernetes.pod.")}
        options = config.linux.security_context.namespace_options
        request = m.CreateContainerRequest(
            pod_sandbox_id=pod,
            config=m.ContainerConfig(
                metadata={"name": name},
                image={"image": IMAGE},
                command=command,
                labels={**labels, "io.kubernetes.container.name": name},
                linux=m.LinuxContainerConfig(
                    security_context=m.LinuxContainerSecurityContext(namespace_options=options)
                ),
            ),
            sandbox_config=config,
        )
        container_id = str(self.call("CreateContainer", request, m.CreateContainerResponse).container_id)
        self.call("StartContainer", m.ContainerRequest(container_id=container_id), m.Empty)
        return container_id

    def exec(self, container_id: str, *command: str) -> bytes:
        """Runs a command in a container until it ends; its output."""
        m = self.messages
        request = m.ExecSyncRequest(container_id=container_id, cmd=command, timeout=DEADLINE)
        return bytes(self.call("ExecSync", request, m.ExecSyncResponse).stdout)

    def remove(self, container_id: str) -> None:
        self.call("RemoveContainer", self.messages.ContainerRequest(container_id=container_id), self.messages.Empty)

    def close(self) -> None:
        """Removes all pods."""
        for pod in list(self._pods):
            for method in ("StopPodSandbox", "RemovePodSandbox"):
                self.call(method, self.messages.PodSandboxRequest(pod_sandbox_id=pod), self.messages.Empty)
            _remove_cgroups(self._pods.pop(pod).linux.cgroup_parent)
        self._channel.close()


def _remove_cgroups(path: str) -> None:
    """A pod's own cgroup is the kubelet's to remove, and here ours; those above it too, when no other is left there."""
    for root in (CGROUPS, *CGROUPS.iterdir()):
        cgroup = root / path.lstrip("/")
        while cgroup not in (root, CGROUPS) and cgroup.is_dir():
            try:
                cgroup.rmdir()
            except OSError:
                break
            cgroup = cgroup.parent


def import_image(socket: str, name: str, *command: str) -> None:
    """Puts a busybox image into containerd's k8s.io namespace, under that name and with that default command."""
    with tempfile.TemporaryDirectory() as directory:
        layer = image_archive(busybox_root(Path(directory)))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": command},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files: dict[str, str | bytes] = {
        "layer.tar": layer,
        "config.json": json.dumps(config),
        "manifest.json": json.dumps(manifest),
    }
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for member, text in files.items():
                data = text if isinstance(text, bytes) else text.encode()
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        file.flush()
        ctr = ["ctr", "-a", socket, "-n", "k8s.io", "images", "import", file.name]
        subprocess.run(ctr, check=True, capture_output=True)
