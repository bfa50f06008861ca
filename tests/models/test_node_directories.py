"""No key of the stack file mounts a directory that controls the node or holds its secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.check import check
from models.finding import Finding
from tests.models.sources import FILES, bucket, stack_with
from tests.review.stacks import head, stack

pytestmark = pytest.mark.slow

SENSITIVE = [
    "/", "/.", "/boot", "/boot/grub", "/dev", "/dev/shm/models", "/dev/mem", "/etc", "/etc/", "/etc/kubernetes",
    "/etc//kubernetes/pki", "/etc/./ssh", "/etc/shadow", "/efi", "/home", "/home/admin/.ssh", "/home/a/.kube/models",
    "/mnt", "/mnt/paas", "/mnt/paas/kubernetes/kubelet/pods", "/opt/cloud/cce", "/proc", "/proc/1/root", "/root/",
    "/proc/self/environ", "/root/.ssh", "/root/.aws", "/root/.docker/config.json", "/run", "/run/containerd",
    "/run/secrets", "/sys", "/sys/fs/cgroup", "/var", "/var/", "/var/lib", "/var/lib/containerd/io.containerd.x",
    "/var/lib/docker", "/var/lib/docker/volumes", "/var/lib/etcd", "/var/lib/kubelet", "/var/lib/kubelet/pods/x",
    "/var/./lib//kubelet/", "/var/lib/rancher/k3s", "/var/lib/isulad", "/var/lib/cloud", "/var/log", "/var/log/pods/x",
    "/sysroot/etc", "/ostree", "/var/roothome", "/opt/etcd/ssl", "/opt/kubernetes", "/srv/kubernetes", "/var/etcd",
    "/var/lib/longhorn/replicas", "/var/openebs/local", "/var/lib/minikube", "/var/snap/microk8s", "/var/lib/mysql",
    "/var/lib/private/x", "/var/log/kubernetes", "/data/kubelet/pods/x", "/data/docker/overlay2", "/a/docker/volumes",
    "/data/io.containerd.snapshotter.v1.overlayfs/snapshots", "/data/containers/storage", "/home/a/.config/gcloud",
    "/home/a/.huggingface", "/home/a/.modelscope/credentials", "/data/.pgpass", "/home/a/.vault-token",
    "/host/var/lib/kubelet/pods", "/mnt/var/lib/docker", "/mnt/root/var/lib/etcd", "/data/etcd/member/wal",
    "/opt/rke/etc", "/var/lib/krb5kdc", "/var/lib/waagent", "/lost+found", "/var/log/journal", "/var/kerberos/krb5kdc",
    "/var/paas/sys", "/var/run/secrets", "/var/spool/cron", "/data/.ssh/models",
    "/home/alice", "/home/alice/", "/var/home/bob", "/home/a/.cargo/credentials", "/home/a/.oci",
    "/home/a/.gitconfig", "/swapfile", "/var/mail/root", "/var/lib/sudo/lectured",
]  # fmt: skip
"""Directories that a pod neither reads nor writes."""

READ_ONLY = [
    "/root/models",
    "/root/.cache/modelscope/Qwen2",
    "/usr/share/models",
    "/usr/local/models",
    "/opt/cni/x",
    "/opt/kata/share",
    "/lib/x",
    "/snap/models",
    "/home/a/.bashrc",
    "/home/a/.local/bin",
    "/var/home/a/.profile",
    "/var/lib/selinux/targeted",
    "/var/lib/snapd/snaps",
]
"""Directories that a pod may read but not write."""

HARMLESS = [
    "/mnt/models", "/mnt/models/a", "/mnt/nfs", "/data", "/data/models", "/models", "/home/a/models",
    "/opt/models", "/opt/huawei/models", "/srv/models", "/var/models", "/var/lib/ascend-vllm/models", "/tmp/models",
    "/var/cache/ascend-vllm", "/var/lib/models", "/var/log/ascend", "/etcd-models", "/rootfs",
    "/var/lib/kubelet-models", "/data/docker/models", "/data/kubelet", "/data/containers/models", "/a/volumes/b",
    "/ETC/models", "/etc2", "/var/lib/kubelet2", "/mnt/paas2", "/models/..a", "/home/a/.cache/modelscope/hub",
    "/home/a/b", "/home/a/models/.cache", "/var/home/a/models", "/home/Qwen3-8B", "/home/qwen2.5-7b-instruct",
    "/host/var/lib/models", "/data/etcd/models", "/var/lib/kubeadmin-models", "/data/var/lib",
    "/data/io.containerd", "/models/pods", "/m/etc", "/mnt/root/.models", "/nvme0/proc",
]  # fmt: skip
"""Directories for weights and caches."""


def errors(service: dict[str, Any], cluster: dict[str, Any] | None = None) -> list[Finding]:
    at = head(
        f"ascend-vllm:cluster: {{context: a, platform: {yaml.safe_dump(cluster or {}, default_flow_style=True)}}}\n"
    )
    found = check(stack({"qwen": service}, head=at)).findings
    return [finding for finding in found if finding.rule == "node-directory"]


def fields(service: dict[str, Any], cluster: dict[str, Any] | None = None) -> list[str]:
    return [finding.marks[0].field for finding in errors(service, cluster)]


def eagle(path: str, **more: Any) -> dict[str, Any]:
    return {"speculative": {"kind": "eagle", "source": path, "tokens": 2, **more}}


CONVERT = {"convert": {"tools": "/opt/EAGLE", "baseWeights": "a.safetensors"}}


@pytest.mark.parametrize("path", SENSITIVE)
def test_a_sensitive_directory_is_refused_under_each_key(path: str) -> None:
    assert fields({"model": {"name": "Qwen2-7B-Instruct", "source": path}}) == ["model.source"]
    assert fields(eagle(path)) == ["speculative.source"]
    assert fields({"lora": {"adapters": {"sql": path}}, "graph": "eager"}) == ["lora.adapters.sql"]


@pytest.mark.parametrize("path", [*SENSITIVE, *READ_ONLY])
def test_a_pod_writes_to_no_sensitive_directory(path: str) -> None:
    assert fields(eagle(path, **CONVERT)) == ["speculative.source"]
    service = stack({"qwen": {"graph": {"kind": "pta", "cache": path}}})
    refused = [finding.rule for finding in check(service).findings]

    assert refused in (["node-directory"], ["bad-value"])


@pytest.mark.parametrize("path", READ_ONLY)
def test_weights_are_read_where_only_writing_is_dangerous(path: str) -> None:
    assert fields({"model": {"name": "Qwen2-7B-Instruct", "source": path}}) == []
    assert fields(eagle(path)) == []


@pytest.mark.parametrize("path", HARMLESS)
def test_a_directory_for_weights_and_caches_is_accepted_under_each_key(path: str) -> None:
    assert fields({"model": {"name": "Qwen2-7B-Instruct", "source": path}}) == []
    assert fields({"lora": {"adapters": {"sql": path}}, "graph": "eager"}) == []
    assert fields({"graph": {"kind": "pta", "cache": path}}) == []
    assert fields(eagle(path, **CONVERT)) == []


@pytest.mark.parametrize(
    ("path", "refused"),
    [("/root/store", True), ("/etc/store", True), ("/usr/store", True), ("/var/lib/kubelet/store", True),
     ("/var/lib/ascend-vllm/models", False), ("/data/store", False)],
)  # fmt: skip
def test_weights_of_a_bucket_are_not_kept_in_a_sensitive_directory(path: str, refused: bool, tmp_path: Path) -> None:
    (tmp_path / "weights.json").write_text(json.dumps({"files": FILES}))
    for target in (path, {"path": path}):
        report = check(stack_with(tmp_path, bucket(to=target)))
        found = [finding for finding in report.findings if finding.rule == "node-directory"]

        assert [finding.marks[0].field for finding in found] == (["model.source.to"] if refused else [])
        assert all(finding.fix == "write model.source.to: /var/lib/ascend-vllm/models" for finding in found)


@pytest.mark.parametrize(
    ("key", "path", "refused"),
    [
        ("driver", "/", True),
        ("driver", "/var/lib/kubelet", True),
        ("driver", "/usr/local/Ascend/driver", False),
        ("driver", "/opt/driver", False),
        ("addOns", "/root", True),
        ("hccnConf", "/etc/shadow", True),
        ("hccnConf", "/etc/hccn.conf", False),
        ("hccnConf", "/etc/huawei/hccn.conf", False),
        ("localtime", "/etc/kubernetes/admin.conf", True),
        ("localtime", "/usr/share/zoneinfo/UTC", False),
        ("npuSmi", "/run/containerd/containerd.sock", True),
        ("npuSmi", "/usr/local/bin/npu-smi", False),
        ("installInfo", "/etc/ssh/ssh_host_ed25519_key", True),
        ("installInfo", "/etc/ascend_install.info", False),
        ("dcmi", "/proc", True),
        ("dcmi", "/usr/local/dcmi", False),
    ],
)
def test_a_path_of_the_platform_is_no_secret_of_the_node(key: str, path: str, refused: bool) -> None:
    service = {"image": "quay.io/ascend/vllm-ascend:v0.18.0"}
    found = errors(service, {key: {"hostPath": path, "mountPath": "/opt/seen"}})

    assert [finding.marks[0].field for finding in found] == ([f"cluster.platform.{key}"] if refused else [])


def test_the_defaults_of_every_platform_and_release_are_accepted() -> None:
    for kind in ("cce", "mindcluster"):
        for image in ("registry.example.com/ascend-vllm:6.3.912", "quay.io/ascend/vllm-ascend:v0.23.0"):
            assert fields({"image": image, "graph": "pta"}, {"kind": kind}) == []


def test_a_finding_says_what_the_directory_holds_and_names_another() -> None:
    (finding,) = errors({"model": {"name": "Qwen2-7B-Instruct", "source": "/var/lib/kubelet/pods/"}})

    assert finding.severity == "error"
    assert finding.message == "model.source is /var/lib/kubelet/pods/, so the pods can read it"
    assert finding.why == (
        "/var/lib/kubelet/pods is in /var/lib/kubelet, which holds the Secrets and tokens of all pods of the node"
    )
    assert finding.fix == "write model.source: /mnt/models/pods, and move the files there"


def test_an_error_about_a_directory_cannot_be_accepted() -> None:
    service = {"model": {"name": "Qwen2-7B-Instruct", "source": "/root/.ssh"}, "accept": {"node-directory": "why not"}}

    assert {finding.rule for finding in check(stack({"qwen": service})).errors} == {"node-directory", "unused-accept"}
