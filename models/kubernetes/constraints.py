"""Rules on single fields that the OpenAPI schema does not have, by type and field.

The numbers are lines of pkg/apis/core/validation/validation.go, Kubernetes 1.34.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.kubernetes import formats

FieldName = tuple[str, str]
"""A type and one of its fields."""


@dataclass(frozen=True)
class Choices:
    """A field is one of a few texts."""

    source: int
    values: tuple[str, ...]
    may_be_empty: bool = False
    """Whether an empty text stands for the default."""
    later: tuple[tuple[str, int], ...] = ()
    """Texts that later minor releases accept, each with the first one."""


@dataclass(frozen=True)
class TextForm:
    """A field is a text of a form."""

    source: int
    problem_of: Callable[[str], str]
    """Returns the problem of a text in words; empty if it has none."""
    may_be_empty: bool = True
    example: str = "name"
    """A text that a fix writes."""


@dataclass(frozen=True)
class Range:
    """A field is a number in a range."""

    source: int
    lowest: int
    highest: int


@dataclass(frozen=True)
class Present:
    """A field has a value that is not empty."""

    source: int
    example: Any


@dataclass(frozen=True)
class OneOf:
    """Exactly one of some fields is set."""

    source: int
    fields: tuple[str, ...]
    may_be_none: bool = False
    since: int = 0
    """The first minor release with these fields."""


_MAXIMUM = 2**31 - 1
_MODE = 0o777
_IMAGE = "registry.example.com/sidecar:1.0"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")

CHOICES: dict[FieldName, Choices] = {
    ("AzureDiskVolumeSource", "cachingMode"): Choices(
        1617, ("None", "ReadOnly", "ReadWrite")
    ),
    ("AzureDiskVolumeSource", "kind"): Choices(
        1621, ("Shared", "Dedicated", "Managed")
    ),
    ("AppArmorProfile", "type"): Choices(
        5185, ("RuntimeDefault", "Unconfined", "Localhost")
    ),
    ("Container", "imagePullPolicy"): Choices(3533, _PULL_POLICIES, may_be_empty=True),
    ("Container", "terminationMessagePolicy"): Choices(
        3813, ("File", "FallbackToLogsOnError"), may_be_empty=True
    ),
    ("ContainerPort", "protocol"): Choices(
        2679, ("TCP", "UDP", "SCTP"), may_be_empty=True
    ),
    ("ContainerResizePolicy", "resourceName"): Choices(3551, ("cpu", "memory")),
    ("ContainerResizePolicy", "restartPolicy"): Choices(
        3551, ("NotRequired", "RestartContainer")
    ),
    ("ContainerRestartRule", "action"): Choices(3596, ("Restart",)),
    ("ContainerRestartRuleOnExitCodes", "operator"): Choices(3596, ("In", "NotIn")),
    ("HTTPGetAction", "scheme"): Choices(3392, ("HTTP", "HTTPS"), may_be_empty=True),
    ("HostPathVolumeSource", "type"): Choices(
        1345,
        (
            "Directory",
            "DirectoryOrCreate",
            "File",
            "FileOrCreate",
            "Socket",
            "CharDevice",
            "BlockDevice",
        ),
        may_be_empty=True,
    ),
    ("ImageVolumeSource", "pullPolicy"): Choices(
        3533, _PULL_POLICIES, may_be_empty=True
    ),
    ("LabelSelectorRequirement", "operator"): Choices(4834, _OPERATORS),
    ("NodeSelectorRequirement", "operator"): Choices(4834, (*_OPERATORS, "Gt", "Lt")),
    ("PersistentVolumeClaimSpec", "volumeMode"): Choices(2387, ("Filesystem", "Block")),
    ("PodCertificateProjection", "keyType"): Choices(
        1262,
        ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"),
    ),
    ("PodOS", "name"): Choices(8289, ("linux", "windows")),
    ("PodSpec", "dnsPolicy"): Choices(
        4008,
        ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        may_be_empty=True,
    ),
    ("PodSpec", "preemptionPolicy"): Choices(3995, ("PreemptLowerPriority", "Never")),
    ("ScaleIOVolumeSource", "storageMode"): Choices(
        1660, ("ThinProvisioned", "ThickProvisioned"), may_be_empty=True
    ),
    ("SeccompProfile", "type"): Choices(
        5174, ("RuntimeDefault", "Unconfined", "Localhost")
    ),
    ("SecurityContext", "procMount"): Choices(8423, ("Default", "Unmasked")),
    ("Toleration", "effect"): Choices(
        4187, ("NoSchedule", "PreferNoSchedule", "NoExecute"), may_be_empty=True
    ),
    ("Toleration", "operator"): Choices(
        4290, ("Equal", "Exists"), may_be_empty=True, later=(("Lt", 35), ("Gt", 35))
    ),
    ("TopologySpreadConstraint", "nodeAffinityPolicy"): Choices(
        8544, ("Honor", "Ignore")
    ),
    ("TopologySpreadConstraint", "nodeTaintsPolicy"): Choices(
        8544, ("Honor", "Ignore")
    ),
    ("TopologySpreadConstraint", "whenUnsatisfiable"): Choices(
        8520, ("DoNotSchedule", "ScheduleAnyway")
    ),
    ("VolumeMount", "mountPropagation"): Choices(
        1387, ("None", "HostToContainer", "Bidirectional")
    ),
    ("VolumeMount", "recursiveReadOnly"): Choices(
        1418, ("Disabled", "IfPossible", "Enabled")
    ),
}

FORMS: dict[FieldName, TextForm] = {
    ("ConfigMapEnvSource", "name"): TextForm(2879, formats.dns_subdomain),
    ("ConfigMapKeySelector", "key"): TextForm(2945, formats.data_key),
    ("ConfigMapKeySelector", "name"): TextForm(2945, formats.dns_subdomain),
    ("Container", "name"): TextForm(3794, formats.dns_label),
    ("ContainerPort", "name"): TextForm(2656, formats.port_name),
    ("CSIVolumeSource", "driver"): TextForm(
        1756, lambda text: formats.dns_subdomain(text.lower())
    ),
    ("ClusterTrustBundleProjection", "path"): TextForm(1447, formats.file_below),
    ("DownwardAPIVolumeFile", "path"): TextForm(
        1447, formats.file_below, example="data"
    ),
    ("FileKeySelector", "key"): TextForm(2981, formats.variable),
    ("FileKeySelector", "path"): TextForm(2981, formats.path_without_steps_up),
    ("FileKeySelector", "volumeName"): TextForm(2981, formats.dns_label),
    ("GitRepoVolumeSource", "directory"): TextForm(1358, formats.relative_path),
    ("HTTPHeader", "name"): TextForm(
        3396, formats.header_name, may_be_empty=False, example="X-Name"
    ),
    ("HostAlias", "ip"): TextForm(
        4259, formats.address, may_be_empty=False, example="127.0.0.1"
    ),
    ("HostPathVolumeSource", "path"): TextForm(
        1373, formats.path_without_steps_up, example="/data"
    ),
    ("KeyToPath", "path"): TextForm(1447, formats.file_below, example="data"),
    ("LabelSelectorRequirement", "key"): TextForm(
        4834, formats.qualified_name, may_be_empty=False, example="app"
    ),
    ("NFSVolumeSource", "path"): TextForm(1001, formats.absolute_path, example="/data"),
    ("PodAffinityTerm", "topologyKey"): TextForm(
        5043, formats.qualified_name, example="kubernetes.io/hostname"
    ),
    ("PodCertificateProjection", "certificateChainPath"): TextForm(
        1447, formats.file_below
    ),
    ("PodCertificateProjection", "credentialBundlePath"): TextForm(
        1447, formats.file_below
    ),
    ("PodCertificateProjection", "keyPath"): TextForm(1447, formats.file_below),
    ("ClusterTrustBundleProjection", "signerName"): TextForm(
        1227, formats.signer, may_be_empty=False, example="example.com/signer"
    ),
    ("PodCertificateProjection", "signerName"): TextForm(
        1256, formats.signer, may_be_empty=False, example="example.com/signer"
    ),
    ("PodReadinessGate", "conditionType"): TextForm(
        4042,
        formats.qualified_name,
        may_be_empty=False,
        example="example.com/ready",
    ),
    ("PodResourceClaim", "name"): TextForm(3162, formats.dns_label),
    ("PodResourceClaim", "resourceClaimName"): TextForm(
        3148, formats.dns_subdomain, may_be_empty=False
    ),
    ("PodResourceClaim", "resourceClaimTemplateName"): TextForm(
        3148, formats.dns_subdomain, may_be_empty=False
    ),
    ("PodSchedulingGate", "name"): TextForm(
        4050, formats.qualified_name, may_be_empty=False, example="example.com/gate"
    ),
    ("PodSpec", "hostname"): TextForm(4565, formats.dns_label),
    ("PodSpec", "hostnameOverride"): TextForm(
        3927, formats.dns_subdomain, may_be_empty=False
    ),
    ("PodSpec", "runtimeClassName"): TextForm(
        328, formats.dns_subdomain, may_be_empty=False
    ),
    ("PodSpec", "serviceAccount"): TextForm(4547, formats.dns_subdomain),
    ("PodSpec", "serviceAccountName"): TextForm(4547, formats.dns_subdomain),
    ("PodSpec", "subdomain"): TextForm(4569, formats.dns_label),
    ("ResourceClaim", "request"): TextForm(7607, formats.dns_label),
    ("SecretEnvSource", "name"): TextForm(2891, formats.dns_subdomain),
    ("SecretKeySelector", "key"): TextForm(2963, formats.data_key),
    ("SecretKeySelector", "name"): TextForm(2963, formats.dns_subdomain),
    ("ServiceAccountTokenProjection", "path"): TextForm(
        1447, formats.file_below, example="token"
    ),
    ("Toleration", "key"): TextForm(4274, formats.qualified_name),
    ("Volume", "name"): TextForm(434, formats.dns_label),
    ("VolumeDevice", "devicePath"): TextForm(
        3108, formats.path_without_steps_up, example="/dev/data"
    ),
    ("VolumeMount", "subPath"): TextForm(3059, formats.relative_path, example="data"),
    ("VolumeMount", "subPathExpr"): TextForm(
        3067, formats.relative_path, example="data"
    ),
}

RANGES: dict[FieldName, Range] = {
    ("AWSElasticBlockStoreVolumeSource", "partition"): Range(919, 0, 255),
    ("ConfigMapVolumeSource", "defaultMode"): Range(957, 0, _MODE),
    ("ContainerPort", "containerPort"): Range(2668, 1, 65535),
    ("ContainerPort", "hostPort"): Range(2673, 0, 65535),
    ("DownwardAPIVolumeFile", "mode"): Range(1097, 0, _MODE),
    ("DownwardAPIVolumeSource", "defaultMode"): Range(1108, 0, _MODE),
    ("GCEPersistentDiskVolumeSource", "partition"): Range(908, 0, 255),
    ("GRPCAction", "port"): Range(3421, 1, 65535),
    ("ISCSIVolumeSource", "lun"): Range(816, 0, 255),
    ("KeyToPath", "mode"): Range(978, 0, _MODE),
    ("PodCertificateProjection", "maxExpirationSeconds"): Range(1267, 3600, 7_862_400),
    ("PreferredSchedulingTerm", "weight"): Range(5014, 1, 100),
    ("Probe", "failureThreshold"): Range(3235, 0, _MAXIMUM),
    ("Probe", "initialDelaySeconds"): Range(3231, 0, _MAXIMUM),
    ("Probe", "periodSeconds"): Range(3233, 0, _MAXIMUM),
    ("Probe", "successThreshold"): Range(3234, 0, _MAXIMUM),
    ("Probe", "terminationGracePeriodSeconds"): Range(3237, 1, 2**63 - 1),
    ("Probe", "timeoutSeconds"): Range(3232, 0, _MAXIMUM),
    ("ProjectedVolumeSource", "defaultMode"): Range(1328, 0, _MODE),
    ("SecretVolumeSource", "defaultMode"): Range(938, 0, _MODE),
    ("SecurityContext", "runAsGroup"): Range(8074, 0, _MAXIMUM),
    ("SecurityContext", "runAsUser"): Range(8068, 0, _MAXIMUM),
    ("ServiceAccountTokenProjection", "expirationSeconds"): Range(1179, 600, 2**32),
    ("TopologySpreadConstraint", "maxSkew"): Range(8443, 1, _MAXIMUM),
    ("TopologySpreadConstraint", "minDomains"): Range(8503, 1, _MAXIMUM),
    ("WeightedPodAffinityTerm", "weight"): Range(5056, 1, 100),
}

PRESENT: dict[FieldName, Present] = {
    ("AWSElasticBlockStoreVolumeSource", "volumeID"): Present(919, "volume"),
    ("AzureDiskVolumeSource", "diskName"): Present(1609, "disk"),
    ("AzureDiskVolumeSource", "diskURI"): Present(1613, "disk"),
    ("AzureFileVolumeSource", "secretName"): Present(1566, "azure"),
    ("AzureFileVolumeSource", "shareName"): Present(1566, "share"),
    ("CSIVolumeSource", "driver"): Present(1756, "driver.example.com"),
    ("CephFSVolumeSource", "monitors"): Present(1508, ["monitor:6789"]),
    ("CinderVolumeSource", "volumeID"): Present(1479, "volume"),
    ("ClusterTrustBundleProjection", "path"): Present(1241, "bundle.pem"),
    ("ConfigMapEnvSource", "name"): Present(2879, "settings"),
    ("ConfigMapKeySelector", "key"): Present(2945, "key"),
    ("ConfigMapKeySelector", "name"): Present(2945, "settings"),
    ("ConfigMapProjection", "name"): Present(1146, "settings"),
    ("ConfigMapVolumeSource", "name"): Present(952, "settings"),
    ("Container", "image"): Present(3801, _IMAGE),
    ("Container", "name"): Present(3792, "sidecar"),
    ("ContainerRestartRule", "exitCodes"): Present(
        3596, {"operator": "In", "values": [1]}
    ),
    ("DownwardAPIVolumeFile", "path"): Present(1082, "data"),
    ("EnvVar", "name"): Present(2692, "NAME"),
    ("EphemeralVolumeSource", "volumeClaimTemplate"): Present(
        1814,
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            }
        },
    ),
    ("ExecAction", "command"): Present(3375, ["true"]),
    ("FileKeySelector", "key"): Present(2981, "KEY"),
    ("FileKeySelector", "path"): Present(2981, "env"),
    ("FileKeySelector", "volumeName"): Present(2981, "settings"),
    ("FlexVolumeSource", "driver"): Present(1524, "example.com/driver"),
    ("GCEPersistentDiskVolumeSource", "pdName"): Present(908, "disk"),
    ("GitRepoVolumeSource", "repository"): Present(786, "https://git.example.com/a"),
    ("GlusterfsVolumeSource", "endpoints"): Present(1026, "gluster"),
    ("GlusterfsVolumeSource", "path"): Present(1026, "data"),
    ("HostPathVolumeSource", "path"): Present(777, "/data"),
    ("ISCSIVolumeSource", "iqn"): Present(803, "iqn.2026-01.com.example:disk"),
    ("ISCSIVolumeSource", "targetPortal"): Present(800, "10.0.0.1:3260"),
    ("ImageVolumeSource", "reference"): Present(9233, _IMAGE),
    ("KeyToPath", "key"): Present(971, "key"),
    ("KeyToPath", "path"): Present(974, "data"),
    ("NFSVolumeSource", "path"): Present(998, "/data"),
    ("NFSVolumeSource", "server"): Present(995, "nfs.example.com"),
    ("NodeSelector", "nodeSelectorTerms"): Present(
        4912, [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]
    ),
    ("ObjectFieldSelector", "fieldPath"): Present(2792, "metadata.name"),
    ("PersistentVolumeClaimSpec", "accessModes"): Present(2390, ["ReadWriteOnce"]),
    ("PersistentVolumeClaimSpec", "resources"): Present(
        2417, {"requests": {"storage": "1Gi"}}
    ),
    ("PersistentVolumeClaimVolumeSource", "claimName"): Present(987, "data"),
    ("PhotonPersistentDiskVolumeSource", "pdID"): Present(1644, "disk"),
    ("PodAffinityTerm", "topologyKey"): Present(5041, "kubernetes.io/hostname"),
    ("PodDNSConfigOption", "name"): Present(4109, "ndots"),
    ("PodOS", "name"): Present(8295, "linux"),
    ("PodResourceClaim", "name"): Present(3158, "claim"),
    ("PortworxVolumeSource", "volumeID"): Present(1652, "volume"),
    ("QuobyteVolumeSource", "registry"): Present(1009, "registry:7861"),
    ("QuobyteVolumeSource", "volume"): Present(1021, "volume"),
    ("RBDVolumeSource", "image"): Present(1457, "image"),
    ("RBDVolumeSource", "monitors"): Present(1457, ["monitor:6789"]),
    ("ResourceClaim", "name"): Present(7599, "claim"),
    ("ResourceFieldSelector", "resource"): Present(2825, "limits.cpu"),
    ("ScaleIOVolumeSource", "gateway"): Present(1660, "https://gateway.example.com"),
    ("ScaleIOVolumeSource", "system"): Present(1660, "system"),
    ("ScaleIOVolumeSource", "volumeName"): Present(1660, "volume"),
    ("SecretEnvSource", "name"): Present(2891, "settings"),
    ("SecretKeySelector", "key"): Present(2963, "key"),
    ("SecretKeySelector", "name"): Present(2963, "settings"),
    ("SecretProjection", "name"): Present(1127, "settings"),
    ("SecretVolumeSource", "secretName"): Present(933, "settings"),
    ("ServiceAccountTokenProjection", "path"): Present(1185, "token"),
    ("TopologySpreadConstraint", "topologyKey"): Present(
        8514, "kubernetes.io/hostname"
    ),
    ("Volume", "name"): Present(432, "data"),
    ("VolumeDevice", "devicePath"): Present(3102, "/dev/data"),
    ("VolumeDevice", "name"): Present(3089, "data"),
    ("VolumeMount", "mountPath"): Present(3043, "/data"),
    ("VolumeMount", "name"): Present(3037, "data"),
    ("VsphereVirtualDiskVolumeSource", "volumePath"): Present(1636, "[a] b/c.vmdk"),
}

GROUPS: dict[str, OneOf] = {
    "DownwardAPIVolumeFile": OneOf(1094, ("fieldRef", "resourceFieldRef")),
    "EnvFromSource": OneOf(2871, ("configMapRef", "secretRef")),
    "EnvVarSource": OneOf(
        2771,
        (
            "configMapKeyRef",
            "fieldRef",
            "fileKeyRef",
            "resourceFieldRef",
            "secretKeyRef",
        ),
    ),
    "LifecycleHandler": OneOf(3424, ("exec", "httpGet", "sleep", "tcpSocket")),
    "PodResourceClaim": OneOf(
        3148, ("resourceClaimName", "resourceClaimTemplateName"), since=31
    ),
    "Probe": OneOf(3424, ("exec", "grpc", "httpGet", "tcpSocket")),
    "VolumeProjection": OneOf(
        1317,
        (
            "clusterTrustBundle",
            "configMap",
            "downwardAPI",
            "podCertificate",
            "secret",
            "serviceAccountToken",
        ),
        may_be_none=True,
    ),
}
"""Fields of which exactly one is set. A volume has one source; `volumes.py` checks it."""
