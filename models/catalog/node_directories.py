"""Directories of a node that no pod should see or write to, as data, and the only place that compares paths with them.

The directories of the kubelet and of the container runtimes are their defaults (kubelet --root-dir; containerd `root`
and `state`; Docker `data-root`; CRI-O and Podman `graphroot`; iSulad `graph`). On nodes of Huawei Cloud CCE, the
kubelet uses /mnt/paas/kubernetes (cce_10_0341), and its settings are in /opt/cloud/cce (CCE, Node Configuration
Consistency). The others are from the Filesystem Hierarchy Standard 3.0.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise

from models.catalog.home_directories import key_place, start_place


@dataclass(frozen=True)
class NodeDirectory:
    """A directory or a file of a node."""

    path: str
    holds: str
    """Its content, for messages."""
    subdirectories: bool = True
    """Whether a directory below it is as sensitive as the whole."""


_MOST_PARTS = 8
"""More parts than any directory here has, with the empty one before the first `/`."""


class _Places:
    """Directories by their path, for a search that does not compare a path with each of them."""

    def __init__(self, directories: Iterable[NodeDirectory]) -> None:
        self._with_content: dict[str, NodeDirectory] = {}
        self._by_ancestor: dict[str, NodeDirectory] = {}
        for directory in directories:
            if directory.subdirectories:
                self._with_content.setdefault(directory.path, directory)
            for ancestor in _ancestors(directory.path):
                self._by_ancestor.setdefault(ancestor, directory)

    def overlapping(self, place: str) -> NodeDirectory | None:
        """The directory that a path is in, or else the first that it is or contains."""
        for ancestor in _ancestors(place):
            if ancestor in self._with_content:
                return self._with_content[ancestor]
        return self._by_ancestor.get(place)


def _ancestors(place: str) -> Iterator[str]:
    """A path and the paths that contain it, from the innermost. A deep path begins with its first parts."""
    parts = place.split("/", _MOST_PARTS)[:_MOST_PARTS]
    for count in range(len(parts), 1, -1):
        yield "/".join(parts[:count])
    yield "/"


_KUBELET = "the Secrets and tokens of all pods of the node"
_RUNTIME = "the files of all containers of the node"
_SOCKETS = (
    "the sockets of the container runtime, by which a process becomes root of the node"
)
_VOLUMES = "the volumes of other pods of the node"
_OBJECTS = "all objects of the cluster, with its Secrets"
_DATABASES = "the data of databases of the node"
_SETTINGS = "keys, passwords and settings of the node"
_KERNEL = "the processes, devices and settings of the node's kernel"
_USERS = "keys and credentials of the node's users"
_START_DATA = "the start data of the node, often with credentials"
_PROGRAMS = "programs that the node runs as root"
_MEMORY = "the memory of processes of the node"
_START_FILES = "files that the programs of this user read when they start"

_SECRET = (
    NodeDirectory("/proc", _KERNEL),
    NodeDirectory("/sys", _KERNEL),
    NodeDirectory("/dev", _KERNEL),
    NodeDirectory("/boot", "the kernel with which the node starts"),
    NodeDirectory("/efi", "the kernel with which the node starts"),
    NodeDirectory("/etc", _SETTINGS),
    NodeDirectory("/home", _USERS, subdirectories=False),
    NodeDirectory("/root", _USERS, subdirectories=False),
    NodeDirectory("/run", _SOCKETS),
    NodeDirectory("/var/run", _SOCKETS),
    NodeDirectory("/var/lib/kubelet", _KUBELET),
    NodeDirectory("/mnt/paas/kubernetes", _KUBELET),
    NodeDirectory("/var/paas", _SETTINGS),
    NodeDirectory("/opt/cloud", _SETTINGS),
    NodeDirectory("/var/lib/docker", _RUNTIME),
    NodeDirectory("/var/lib/containerd", _RUNTIME),
    NodeDirectory("/var/lib/containers", _RUNTIME),
    NodeDirectory("/var/lib/crio", _RUNTIME),
    NodeDirectory("/var/lib/isulad", _RUNTIME),
    NodeDirectory("/var/lib/cri-dockerd", _RUNTIME),
    NodeDirectory("/var/lib/dockershim", _RUNTIME),
    NodeDirectory("/var/lib/nerdctl", _RUNTIME),
    NodeDirectory("/var/lib/buildkit", _RUNTIME),
    NodeDirectory("/var/lib/rancher", _KUBELET),
    NodeDirectory("/var/lib/k0s", _KUBELET),
    NodeDirectory("/var/lib/minikube", _KUBELET),
    NodeDirectory("/var/lib/kubeedge", _KUBELET),
    NodeDirectory("/var/lib/edged", _KUBELET),
    NodeDirectory("/var/snap", _KUBELET),
    NodeDirectory("/var/lib/longhorn", _VOLUMES),
    NodeDirectory("/var/lib/rook", _VOLUMES),
    NodeDirectory("/var/lib/ceph", _VOLUMES),
    NodeDirectory("/var/openebs", _VOLUMES),
    NodeDirectory("/var/lib/csi", _VOLUMES),
    NodeDirectory("/var/lib/libvirt", _RUNTIME),
    NodeDirectory("/var/lib/lxc", _RUNTIME),
    NodeDirectory("/var/lib/lxd", _RUNTIME),
    NodeDirectory("/var/lib/incus", _RUNTIME),
    NodeDirectory("/var/lib/kata-containers", _RUNTIME),
    NodeDirectory("/var/lib/private", _SETTINGS),
    NodeDirectory("/var/lib/vault", _SETTINGS),
    NodeDirectory("/var/lib/jenkins", _SETTINGS),
    NodeDirectory("/var/lib/gitlab-runner", _SETTINGS),
    NodeDirectory("/var/lib/postgresql", _DATABASES),
    NodeDirectory("/var/lib/pgsql", _DATABASES),
    NodeDirectory("/var/lib/mysql", _DATABASES),
    NodeDirectory("/var/lib/redis", _DATABASES),
    NodeDirectory("/var/lib/etcd", _OBJECTS),
    NodeDirectory("/var/lib/cloud", _START_DATA),
    NodeDirectory("/var/lib/sss", _USERS),
    NodeDirectory("/var/etcd", _OBJECTS),
    NodeDirectory("/opt/etcd", _OBJECTS),
    NodeDirectory("/opt/kubernetes", _SETTINGS),
    NodeDirectory("/srv/kubernetes", _SETTINGS),
    NodeDirectory("/var/lib/kubernetes", _SETTINGS),
    NodeDirectory("/sysroot", "the whole file system of the node"),
    NodeDirectory("/ostree", "the whole file system of the node"),
    NodeDirectory("/var/roothome", _USERS, subdirectories=False),
    NodeDirectory("/var/home", _USERS, subdirectories=False),
    NodeDirectory("/var/crash", _MEMORY),
    NodeDirectory("/var/lib/systemd/coredump", _MEMORY),
    NodeDirectory("/var/backups", _SETTINGS),
    NodeDirectory("/var/spool", _SETTINGS),
    NodeDirectory("/var/log/pods", "the logs of all pods of the node"),
    NodeDirectory("/var/log/containers", "the logs of all pods of the node"),
    NodeDirectory("/var/log/kubernetes", "the audit log of the cluster"),
    NodeDirectory("/var/log/kube-apiserver", "the audit log of the cluster"),
    NodeDirectory("/var/log/audit", "the audit log of the node"),
    NodeDirectory("/var/log/journal", "the logs of all services of the node"),
    NodeDirectory("/lost+found", "deleted files of the node"),
    NodeDirectory("/var/lib/kubeadm", _KUBELET),
    NodeDirectory("/var/lib/kube-apiserver", _KUBELET),
    NodeDirectory("/var/lib/kube-controller-manager", _KUBELET),
    NodeDirectory("/var/lib/kube-scheduler", _KUBELET),
    NodeDirectory("/opt/rke", _KUBELET),
    NodeDirectory("/opt/rke2", _KUBELET),
    NodeDirectory("/var/lib/kata", _RUNTIME),
    NodeDirectory("/var/lib/machines", _RUNTIME),
    NodeDirectory("/var/lib/registry", _RUNTIME),
    NodeDirectory("/var/lib/harbor", _SETTINGS),
    NodeDirectory("/var/lib/consul", _SETTINGS),
    NodeDirectory("/var/lib/nomad", _SETTINGS),
    NodeDirectory("/var/lib/puppet", _SETTINGS),
    NodeDirectory("/var/lib/samba", _USERS),
    NodeDirectory("/var/lib/krb5kdc", _USERS),
    NodeDirectory("/var/lib/ipa", _USERS),
    NodeDirectory("/var/kerberos", _USERS),
    NodeDirectory("/var/lib/tailscale", "the keys of the network of the node"),
    NodeDirectory("/var/lib/wireguard", "the keys of the network of the node"),
    NodeDirectory("/var/lib/waagent", _START_DATA),
    NodeDirectory("/var/lib/google", _START_DATA),
    NodeDirectory("/var/lib/amazon", _START_DATA),
    NodeDirectory("/var/lib/mongodb", _DATABASES),
    NodeDirectory("/var/lib/elasticsearch", _DATABASES),
    NodeDirectory("/var/lib/rabbitmq", _DATABASES),
    NodeDirectory("/var/lib/grafana", _DATABASES),
    NodeDirectory("/var/lib/minio", _DATABASES),
    NodeDirectory("/var/lib/sudo", _USERS),
    NodeDirectory("/var/lib/bluetooth", _SETTINGS),
    NodeDirectory("/var/mail", _USERS),
    NodeDirectory("/var/cache/krb5rcache", _USERS),
    NodeDirectory("/swapfile", _MEMORY),
    NodeDirectory("/swap.img", _MEMORY),
)
"""Directories that a pod should not even read."""

_WRITE_PROTECTED = (
    NodeDirectory("/root", _USERS),
    NodeDirectory("/var/roothome", _USERS),
    NodeDirectory("/bin", _PROGRAMS),
    NodeDirectory("/sbin", _PROGRAMS),
    NodeDirectory("/lib", _PROGRAMS),
    NodeDirectory("/lib32", _PROGRAMS),
    NodeDirectory("/lib64", _PROGRAMS),
    NodeDirectory("/libx32", _PROGRAMS),
    NodeDirectory("/usr", _PROGRAMS),
    NodeDirectory("/snap", _PROGRAMS),
    NodeDirectory("/nix", _PROGRAMS),
    NodeDirectory("/opt/bin", _PROGRAMS),
    NodeDirectory("/opt/cni", _PROGRAMS),
    NodeDirectory("/opt/containerd", _PROGRAMS),
    NodeDirectory("/opt/kata", _PROGRAMS),
    NodeDirectory("/var/lib/cni", "the addresses of all pods of the node"),
    NodeDirectory("/var/lib/calico", "the network of the node"),
    NodeDirectory("/var/lib/kube-proxy", "the network of the node"),
    NodeDirectory("/var/lib/systemd", _SETTINGS),
    NodeDirectory("/var/lib/dbus", _SETTINGS),
    NodeDirectory("/var/lib/dpkg", _PROGRAMS),
    NodeDirectory("/var/lib/rpm", _PROGRAMS),
    NodeDirectory("/var/lib/NetworkManager", _SETTINGS),
    NodeDirectory("/var/lib/apparmor", _SETTINGS),
    NodeDirectory("/var/lib/selinux", _SETTINGS),
    NodeDirectory("/var/lib/polkit-1", _SETTINGS),
    NodeDirectory("/var/lib/alternatives", _PROGRAMS),
    NodeDirectory("/var/lib/apt", _PROGRAMS),
    NodeDirectory("/var/lib/flatpak", _PROGRAMS),
    NodeDirectory("/var/lib/initramfs-tools", _PROGRAMS),
    NodeDirectory("/var/lib/snapd", _PROGRAMS),
    NodeDirectory("/var/lib/cilium", "the network of the node"),
    NodeDirectory("/var/lib/openvswitch", "the network of the node"),
)
"""Directories that a pod may read but should not write to, in addition to the others."""

_MOVED = {
    "kubelet": ("pods", "pki", "plugins", "device-plugins", "pod-resources"),
    "docker": ("containers", "overlay2", "volumes", "swarm", "image"),
    "containers": ("storage",),
    "etcd": ("member", "snap", "wal"),
}
"""Directories that people move to another disk, each with subdirectories by which it is recognized there."""

_MOVED_HOLDS = {"kubelet": _KUBELET, "etcd": _OBJECTS}

_SECRET_PLACES = _Places(_SECRET)
_PROTECTED_PLACES = _Places([*_SECRET, *_WRITE_PROTECTED])
_LIB_PLACES = _Places(
    directory for directory in _SECRET if directory.path.startswith("/var/lib/")
)
"""Directories that have their usual path also below another root, such as `/host/var/lib/kubelet`."""

_PUBLIC_ROOT = "/etc/"
_PUBLIC = (
    "/etc/*hccn*.conf",
    "/etc/ascend*",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/os-release",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/machine-id",
    "/etc/ssl/certs",
    "/etc/ssl/certs/*",
    "/etc/pki/ca-trust",
    "/etc/pki/ca-trust/*",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/certs/*",
)
"""Parts of `/etc` without secrets, which a pod may read. `*` includes subdirectories."""

SOCKETS = ("*.sock", "*.sock.*", "*.socket")
"""File names of sockets, such as those of container runtimes (`docker.sock`, `containerd.sock.ttrpc`) and of the
kubelet."""


def normal_path(path: str) -> str:
    """A path of the node without `..`, `.`, `//` and a `/` at its end."""
    return "/" + posixpath.normpath(path).lstrip("/")


def secret_directory(path: str) -> NodeDirectory | None:
    """The directory that a pod should not read, if a path is in it or contains it."""
    place = normal_path(path)
    if place.startswith(_PUBLIC_ROOT) and _is_public(place):
        return None
    return (
        _part_of_user(key_place(place), _USERS)
        or _SECRET_PLACES.overlapping(place)
        or _moved_directory(place)
    )


def protected_directory(path: str) -> NodeDirectory | None:
    """The directory that a pod should not write to, if a path is in it or contains it."""
    place = normal_path(path)
    return (
        _part_of_user(key_place(place), _USERS)
        or _part_of_user(start_place(place), _START_FILES)
        or _PROTECTED_PLACES.overlapping(place)
        or _moved_directory(place)
    )


def _is_public(place: str) -> bool:
    return any(fnmatchcase(place, pattern) for pattern in _PUBLIC)


def _part_of_user(path: str, holds: str) -> NodeDirectory | None:
    """A part of a home directory; None without a path."""
    return NodeDirectory(path, holds) if path else None


def _moved_directory(place: str) -> NodeDirectory | None:
    """The directory of the kubelet or of a runtime that a path is in, on any disk."""
    _, lib, below = place.partition("/var/lib/")
    if lib and (directory := _LIB_PLACES.overlapping(lib + below)):
        root = place.removesuffix(lib + below)
        return NodeDirectory(root + directory.path, directory.holds)
    parts = place.split("/")
    for index, (owner, name) in enumerate(pairwise(parts)):
        is_below_owner = owner in _MOVED and name in _MOVED[owner]
        if is_below_owner or name.startswith("io.containerd."):
            path = "/".join(parts[: index + 1])
            holds = _MOVED_HOLDS.get(owner, _RUNTIME)
            return NodeDirectory(path, holds)
    return None


def is_socket(path: str) -> bool:
    """Whether a path has the name of a socket."""
    name = posixpath.basename(normal_path(path))
    return any(fnmatchcase(name, pattern) for pattern in SOCKETS)


def is_inside(path: str, directory: str) -> bool:
    """Whether a path is a directory or is in it. Both are absolute and normal."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def overlap_text(path: str, directory: NodeDirectory) -> str:
    """How a path and a directory overlap, in words: `is in /etc, which holds …`."""
    place = normal_path(path)
    if place == directory.path:
        return f"holds {directory.holds}"
    if is_inside(place, directory.path):
        return f"is in {directory.path}, which holds {directory.holds}"
    return f"contains {directory.path}, which holds {directory.holds}"
