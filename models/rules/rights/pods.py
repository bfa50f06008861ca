"""Rules on rights that `podTemplate` gives to a whole pod: namespaces of the node, identities, names and volumes."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from models.engines.features import MindSpeedInstallation
from models.finding import Finding, at, warning
from models.rules.pods.added_parts import (
    Part,
    added_spec,
    added_volumes,
    mounts_by_volume,
    spec_keys,
    volume_removal,
)
from models.rules.registry import right_rule
from models.service.resolved import ResolvedService
from models.stack_file.keys.source import BucketSource
from models.words import listed

_HOST_NAMESPACES = {
    "hostPID": "sees and may signal all processes of its node",
    "hostIPC": "shares the memory segments of all processes of its node",
    "hostNetwork": "has the network of its node, where no NetworkPolicy applies to it",
}

_TOKENS = {
    "serviceAccountToken": "a token for the API server of Kubernetes",
    "podCertificate": "a certificate with which the pod identifies itself",
}
"""Sources of a projected volume that are an identity (k8s.io/api v0.34.1, core/v1, VolumeProjection)."""

_IDENTITY_DRIVERS = {
    "csi.spiffe.io": "a socket that gives the pod its SPIFFE identity",
    "csi.cert-manager.io": "a certificate that cert-manager issues to the pod",
    "spiffe.csi.cert-manager.io": "a certificate that cert-manager issues to the pod",
}
"""CSI drivers whose inline volumes are an identity (spiffe-csi; cert-manager, csi-driver and csi-driver-spiffe)."""

_CONTROL_PLANE = (
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
    "node-role.kubernetes.io/controlplane",
    "node-role.kubernetes.io/etcd",
    "node-role.kubernetes.io/api-server",
    "CriticalAddonsOnly",
)
"""The taints and labels of nodes with the control plane (Kubernetes, Well-Known Labels, Annotations and Taints; RKE;
kOps; RKE2 and K3s, which taint servers with CriticalAddonsOnly)."""

_WHY_CONTROL_PLANE = "whoever escapes from a container there controls the whole cluster"

_HARMLESS_DRIVERS = ("secrets-store.csi.k8s.io",)
"""CSI drivers whose inline volumes contain only what an object of the namespace names (Secrets Store CSI Driver)."""

_SYSTEM_PRIORITIES = ("system-node-critical", "system-cluster-critical")

_OTHER_VOLUMES = """
awsElasticBlockStore azureDisk azureFile cephfs cinder fc flexVolume flocker gcePersistentDisk gitRepo glusterfs iscsi
nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume
"""

_RESTRICTED_VOLUMES = frozenset(_OTHER_VOLUMES.split())
"""Volume types that Pod Security `restricted` forbids, without hostPath (pod-security-admission v0.34.1,
policy/check_restrictedVolumes.go)."""


@right_rule(*spec_keys("hostPID", "hostIPC", "hostNetwork"))
def host_namespace(service: ResolvedService) -> Iterator[Finding]:
    """Pods have their own process, memory and network namespaces.

    With `hostPID`, `hostIPC` or `hostNetwork`, a pod shares those of its node. Pod Security `baseline` forbids this
    (Host Namespaces).
    """
    spec = added_spec(service)
    for field, meaning in _HOST_NAMESPACES.items():
        if spec.get(field) is True:
            yield warning(
                f"with {field}, a pod {meaning}",
                why="Pod Security baseline forbids it (Host Namespaces)",
                fix=f"remove podTemplate.spec.{field}",
                marks=[spec.mark(field)],
            )


@right_rule(*spec_keys("shareProcessNamespace"))
def shared_processes(service: ResolvedService) -> Iterator[Finding]:
    """The containers of a pod do not see each other's processes.

    With `shareProcessNamespace`, each container can read the environment of the server, which contains the API key, and
    the files of the other containers below `/proc/PID/root` (Kubernetes, Share Process Namespace).
    """
    spec = added_spec(service)
    if spec.get("shareProcessNamespace") is True:
        yield warning(
            "with shareProcessNamespace, each container reads the environment and the files of the others",
            why="the environment of the server contains its Secrets (Kubernetes, Share Process Namespace)",
            fix="remove podTemplate.spec.shareProcessNamespace",
            marks=[spec.mark("shareProcessNamespace")],
        )


@right_rule(*spec_keys("serviceAccountName", "serviceAccount"))
def service_account(service: ResolvedService) -> Iterator[Finding]:
    """Pods have no separate service account.

    Roles, admission policies and cloud identities are bound to a service account. The pods send no requests to
    Kubernetes and need none.
    """
    spec = added_spec(service)
    for field in ("serviceAccountName", "serviceAccount"):
        name = spec.text(field)
        if name not in ("", "default"):
            yield warning(
                f"the pods get the identity of the service account {name}",
                why="everything that is bound to it, such as roles and cloud permissions, holds for the pods",
                fix=f"remove podTemplate.spec.{field}",
                marks=[spec.mark(field)],
            )


@right_rule(*spec_keys("volumes.projected", "volumes.csi"))
def projected_identity(service: ResolvedService) -> Iterator[Finding]:
    """No volume contains a token of Kubernetes.

    The program sets `automountServiceAccountToken: false`. A projected volume still gives a token to each container
    that mounts it, and the token has all permissions of the service account (Kubernetes, Projected Volumes). The
    volumes of some CSI drivers are an identity, too (SPIFFE, cert-manager).
    """
    mounts = mounts_by_volume(service)
    for volume in added_volumes(service):
        driver = volume.part("csi").text("driver")
        if driver in _IDENTITY_DRIVERS:
            yield warning(
                f"the volume {volume.name} contains {_IDENTITY_DRIVERS[driver]}",
                why="whoever uses the file acts as the service account of the pod",
                fix=volume_removal(volume, mounts),
                marks=[volume.part("csi").mark("driver")],
            )
        for source in volume.part("projected").parts("sources"):
            for kind, meaning in _TOKENS.items():
                if source.get(kind) is None:
                    continue
                yield warning(
                    f"the volume {volume.name} contains {meaning}",
                    why="whoever reads the file acts as the service account of the pod",
                    fix=f"remove {'.'.join(source.path)}.{kind}",
                    marks=[source.mark(kind)],
                )


@right_rule(*spec_keys("hostAliases", "dnsConfig"))
def name_resolution(service: ResolvedService) -> Iterator[Finding]:
    """Pods resolve names as their cluster does.

    `hostAliases`, name servers and search domains decide which machine answers under the name of a bucket, of an image
    registry or of an API. Without TLS, nobody notices. `dnsConfig.options` and `dnsPolicy` name no other machine.
    """
    spec = added_spec(service)
    for alias in spec.parts("hostAliases"):
        names = alias.texts("hostnames")
        if not names:
            continue
        yield warning(
            f"hostAliases sends {listed(_described(names, service))} to {alias.text('ip')}",
            why="this machine answers instead of the machine that the cluster's DNS names",
            fix=f"remove {'.'.join(alias.path)}",
            marks=[alias.mark()],
        )
    yield from _other_resolvers(spec.part("dnsConfig"))


def _other_resolvers(dns: Part) -> Iterator[Finding]:
    """The name servers and the search domains of `dnsConfig`."""
    servers = dns.texts("nameservers")
    if servers:
        yield warning(
            f"dnsConfig asks {listed(servers)} for the address of each name",
            why="these servers decide which machine answers under a name",
            fix="remove podTemplate.spec.dnsConfig.nameservers",
            marks=[dns.mark("nameservers")],
        )
    domains = dns.texts("searches")
    if domains:
        yield warning(
            f"dnsConfig looks for names below {listed(domains)} first",
            why="a name with fewer dots than ndots is resolved there before it is resolved as written (resolv.conf(5))",
            fix="remove podTemplate.spec.dnsConfig.searches",
            marks=[dns.mark("searches")],
        )


@right_rule(*spec_keys("tolerations", "nodeSelector", "affinity"))
def control_plane_node(service: ResolvedService) -> Iterator[Finding]:
    """Pods do not run on the nodes of the control plane.

    Whoever escapes from a container there controls the whole cluster, not only one node. Kubernetes keeps pods away
    with a taint. A toleration without a key tolerates this taint, too.
    """
    spec = added_spec(service)
    for toleration in spec.parts("tolerations"):
        if _tolerates_control_plane(toleration):
            yield warning(
                "a toleration admits the pods to the nodes of the control plane",
                why=_WHY_CONTROL_PLANE,
                fix=f"remove {'.'.join(toleration.path)}, or name the taint of your NPU nodes",
                marks=[toleration.mark()],
            )
    labels = spec.part("nodeSelector")
    for label in _CONTROL_PLANE:
        if label in labels.fields:
            yield warning(
                f"the node selector {label} sends the pods to the nodes of the control plane",
                why=_WHY_CONTROL_PLANE,
                fix=f"remove {'.'.join(labels.path)}.{label}",
                marks=[labels.mark(label)],
            )
    for expression in _required_labels(spec):
        label = expression.text("key")
        if label in _CONTROL_PLANE and expression.text("operator") in ("In", "Exists"):
            yield warning(
                f"the node affinity {label} sends the pods to the nodes of the control plane",
                why=_WHY_CONTROL_PLANE,
                fix=f"remove {'.'.join(expression.path)}",
                marks=[expression.mark("key")],
            )


@right_rule("priorityClass")
def system_priority(service: ResolvedService) -> Iterator[Finding]:
    """Pods do not have the priority of the cluster's own components.

    With `system-node-critical` or `system-cluster-critical`, the scheduler removes any other pod for them, and the
    kubelet removes them last (Kubernetes, Guaranteed Scheduling For Critical Add-On Pods).
    """
    if service.priority_class in _SYSTEM_PRIORITIES:
        yield warning(
            f"the pods have the priority {service.priority_class} of the cluster's own components",
            why="the scheduler removes any other pod of a node for them, even pods that the cluster needs",
            fix="remove priorityClass, or name a PriorityClass of your team",
            marks=[at("priorityClass")],
        )


@right_rule(*spec_keys("volumes"))
def volume_type(service: ResolvedService) -> Iterator[Finding]:
    """An added volume is of a type that Pod Security `restricted` allows.

    A volume such as `nfs` or `iscsi` connects the node to any server that the patch names. So does the inline volume
    of a CSI driver such as `nfs.csi.k8s.io`, which Pod Security does not look into. A PersistentVolumeClaim mounts only
    what an administrator has offered (Pod Security Standards, Volume Types; Kubernetes, Ephemeral Volumes). hostPath
    volumes have separate rules.
    """
    mounts = mounts_by_volume(service)
    for volume in added_volumes(service):
        for kind in sorted(_RESTRICTED_VOLUMES & volume.fields.keys()):
            if volume.get(kind) is None:
                continue
            yield warning(
                f"the volume {volume.name} has the type {kind}",
                why="the node connects to the server that the patch names; Pod Security restricted forbids the type",
                fix=f"{volume_removal(volume, mounts)}, and use a PersistentVolumeClaim",
                marks=[volume.mark(kind)],
            )
        driver = volume.part("csi").text("driver")
        if driver in ("", *_HARMLESS_DRIVERS, *_IDENTITY_DRIVERS):
            continue
        yield warning(
            f"the CSI driver {driver} decides the content of the volume {volume.name}",
            why="the node mounts the target that the attributes of the volume name (Kubernetes, Ephemeral Volumes)",
            fix=f"{volume_removal(volume, mounts)}, and use a PersistentVolumeClaim",
            marks=[volume.part("csi").mark("driver")],
        )


def _described(names: list[str], service: ResolvedService) -> list[str]:
    """The names, each with the key of the stack file that names the same host."""
    keys = _hosts(service)
    described = []
    for name in names:
        key = keys.get(name.lower().rstrip("."))
        if key:
            described.append(f"{name} ({key})")
        else:
            described.append(name)
    return described


def _hosts(service: ResolvedService) -> dict[str, str]:
    """The hosts that the stack file names, each with its key."""
    addresses = {}
    source = service.model.source
    if isinstance(source, BucketSource):
        addresses["model.source.endpoint"] = source.endpoint
    if isinstance(service.mind_speed, MindSpeedInstallation):
        addresses["mindSpeed.repository"] = service.mind_speed.repository
    hosts = {}
    for key, address in addresses.items():
        host = urlsplit(address).hostname
        if host:
            hosts[host.rstrip(".")] = key
    bucket_host = f"{source.bucket}." if isinstance(source, BucketSource) else ""
    for host, key in list(hosts.items()):
        hosts[f"{bucket_host}{host}"] = key
    return hosts


def _tolerates_control_plane(toleration: Part) -> bool:
    """Whether a toleration matches a taint of the control plane. That of kubeadm has the effect NoSchedule."""
    effect = toleration.text("effect")
    key = toleration.text("key")
    if key == "":
        is_any = toleration.text("operator") == "Exists"
        return is_any and effect in ("", "NoSchedule")
    return key in _CONTROL_PLANE and effect != "PreferNoSchedule"


def _required_labels(spec: Part) -> Iterator[Part]:
    """The expressions of the labels that a node must have by `affinity`."""
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    affinity = spec.part("affinity").part("nodeAffinity")
    for term in affinity.part(required).parts("nodeSelectorTerms"):
        yield from term.parts("matchExpressions")
