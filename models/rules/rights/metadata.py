"""Rules on rights that annotations and labels under `podTemplate` give to a pod.

Container runtimes, network plugins and admission webhooks read them. Neither the API server nor Pod Security checks
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.finding import Finding, warning
from models.rules.pods.added_parts import (
    ANNOTATIONS,
    LABELS,
    added_annotations,
    added_labels,
)
from models.rules.registry import right_rule
from models.service.resolved import ResolvedService

_RUNTIME_ANNOTATIONS = {
    "cdi.k8s.io": "container runtimes add the devices that it names",
    "cdi.nri.io": "the device injector of NRI adds the devices that it names",
    "cdi-devices.noderesource.dev": "the device injector of NRI adds the devices that it names",
    "devices.nri.io": "the device injector of NRI adds the devices that it names",
    "devices.noderesource.dev": "the device injector of NRI adds the devices that it names",
    "devices.gke.io": "the device injector of NRI adds the devices that it names",
    "mounts.nri.io": "the mount injector of NRI mounts the directories that it names",
    "mounts.noderesource.dev": "the mount injector of NRI mounts the directories that it names",
    "net-devices.noderesource.dev": "the device injector of NRI moves network devices of the node into the pod",
    "io.kubernetes.cri-o": "CRI-O changes devices and user namespaces by it",
    "io.katacontainers.config": "Kata Containers changes its virtual machine by it",
    "run.oci": "crun changes groups, mounts and hooks of the container by it",
    "seccomp-profile.kubernetes.cri-o.io": "CRI-O replaces the seccomp profile by it",
    "cpu-load-balancing.crio.io": "CRI-O changes the scheduling of the node's CPUs by it",
    "irq-load-balancing.crio.io": "CRI-O changes the interrupts of the node by it",
    "cpu-quota.crio.io": "CRI-O removes the CPU limit by it",
    "cpu-freq-governor.crio.io": "CRI-O changes the frequency of the node's CPUs by it",
    "ulimits.nri.containerd.io": "an NRI plugin raises the limits of the process by it",
    "dev.gvisor": "gVisor changes its sandbox by it",
    "huawei.com/Ascend": "the Ascend device plugin reads there which NPUs a pod gets",
    "huawei.com/npu": "the Ascend device plugin reads there which NPUs a pod gets",
}
"""Beginnings of the annotations that container runtimes and device plugins read (CDI; the NRI plugins of containerd;
CRI-O; Kata Containers; crun, "run.oci" annotations; gVisor, runsc/specutils; MindCluster, Pod annotation)."""

_NETWORK_ANNOTATIONS = {
    "k8s.v1.cni.cncf.io/networks": "a NetworkPolicy does not apply to interfaces that Multus adds",
    "v1.multus-cni.io/default-network": "a NetworkPolicy does not apply to interfaces that Multus adds",
    "danm.k8s.io/interfaces": "a NetworkPolicy does not apply to interfaces that DANM adds",
    "networking.gke.io/interfaces": "a NetworkPolicy does not apply to interfaces of other networks",
    "ovn.kubernetes.io/logical_switch": "Kube-OVN moves the pods to this subnet",
}
"""Annotations by which network plugins connect a pod to the networks that they name, each with its consequence."""

_ADDRESS_ANNOTATIONS = {
    "cni.projectcalico.org/floatingIPs": "Calico gives the pods further addresses",
    "cni.projectcalico.org/allowedSourcePrefixes": "Calico lets the pods send packets with addresses of others",
    "policy.cilium.io/no-track-port": "Cilium does not track connections to this port",
    "ovn.kubernetes.io/eip": "Kube-OVN gives the pods a public address",
    "ovn.kubernetes.io/security_groups": "Kube-OVN replaces the firewall of the pods",
    "cni.projectcalico.org/ipAddrs": "Calico gives the pods these addresses, which a NetworkPolicy may admit",
    "cni.projectcalico.org/ipAddrsNoIpam": "Calico gives the pods these addresses, which others may have",
    "k8s.aliyun.com/pod-with-eip": "Terway gives the pods a public address",
    "k8s.aliyun.com/pod-eip-instanceid": "Terway gives the pods a public address",
    "yangtse.io/pod-with-eip": "CCE Turbo gives the pods a public address (CCE, Configuring an EIP for a Pod)",
    "yangtse.io/eip-id": "CCE Turbo gives the pods a public address (CCE, Configuring an EIP for a Pod)",
    "yangtse.io/security-group-ids": "CCE Turbo replaces the firewall of the pods (CCE, Binding a Security Group)",
    "yangtse.io/additional-security-group-ids": "CCE Turbo opens the firewall of the pods further (CCE, Binding a"
    " Security Group)",
}
"""Annotations by which network plugins let other machines reach a pod, each with its consequence."""

_INJECTION = re.compile(r"inject", re.IGNORECASE)
"""A word in the names of annotations and labels by which webhooks add parts to a pod."""

_INJECTORS = {
    "sidecar.istio.io/inject": "Istio adds a sidecar, and an init container with NET_ADMIN",
    "sidecar.istio.io/userVolume": "Istio adds these volumes, also those of the node",
    "inject.istio.io/templates": "Istio adds the containers of this template",
    "linkerd.io/inject": "Linkerd adds a sidecar, and an init container with NET_ADMIN",
    "dapr.io/enabled": "Dapr adds a sidecar with a token of Kubernetes",
    "vault.hashicorp.com/agent-inject": "Vault adds a sidecar with the identity of the service account",
    "vault.security.banzaicloud.io/vault-addr": "Bank-Vaults adds an init container with the identity of the service"
    " account",
    "operator.1password.io/inject": "1Password adds an init container with Secrets",
    "istio.io/dataplane-mode": "Istio moves the traffic of the pods through its node proxy",
    "kuma.io/gateway": "Kuma adds a sidecar",
    "admission.datadoghq.com/enabled": "Datadog adds variables, volumes of the node and an init container",
    "gke-gcsfuse/volumes": "GKE adds a sidecar that mounts buckets",
    "akeyless.io/enabled": "Akeyless adds a container with Secrets",
    "azure.workload.identity/use": "Azure Workload Identity adds a token of a cloud identity",
    "azure.workload.identity/inject-proxy-sidecar": "Azure Workload Identity adds a sidecar with NET_ADMIN",
    "iam.amazonaws.com/role": "kiam and kube2iam give the pods this role of the cloud",
}
"""Annotations and labels by which admission webhooks and agents add parts or identities to a pod, each with what they
add (the documentation of each project)."""

_OFF = ("", "false", "disabled", "no", "off", "0")


@right_rule(ANNOTATIONS)
def runtime_annotation(service: ResolvedService) -> Iterator[Finding]:
    """No annotation of the pods gives them devices or directories of the node.

    Container runtimes and device plugins read such annotations without a check by the API server or by Pod Security.
    """
    annotations = added_annotations(service)
    for name in annotations.fields:
        for prefix, meaning in _RUNTIME_ANNOTATIONS.items():
            if _begins_with(name, prefix):
                yield warning(
                    f"the annotation {name} makes the node change the container",
                    why=meaning,
                    fix=f"remove podTemplate.metadata.annotations.{name}",
                    marks=[annotations.mark(name)],
                )
                break


@right_rule(ANNOTATIONS)
def additional_network(service: ResolvedService) -> Iterator[Finding]:
    """Pods are only in the network of the cluster.

    Annotations make Multus add further interfaces, and CCE Turbo add public addresses and security groups. A
    NetworkPolicy does not apply to them, so `network` has no effect there (Multus CNI, How to use).
    """
    annotations = added_annotations(service)
    for name, meaning in {**_NETWORK_ANNOTATIONS, **_ADDRESS_ANNOTATIONS}.items():
        value = annotations.text(name)
        if value.lower() in _OFF:
            continue
        problem = f"the annotation {name} adds the network {value} to the pods"
        if name in _ADDRESS_ANNOTATIONS:
            problem = f"the annotation {name} changes who reaches the pods"
        yield warning(
            problem,
            why=meaning,
            fix=f"remove podTemplate.metadata.annotations.{name}",
            marks=[annotations.mark(name)],
        )


@right_rule(ANNOTATIONS, LABELS)
def injected_part(service: ResolvedService) -> Iterator[Finding]:
    """No annotation or label asks an admission webhook to add containers, volumes or identities to the pods.

    Webhooks of a service mesh or of a vault change a pod after `check` has seen it, often with further capabilities or
    with the token of the service account. `render` and `diff` do not show these parts.
    """
    for values in (added_annotations(service), added_labels(service)):
        for name in values.fields:
            is_injector = name in _INJECTORS or _INJECTION.search(name)
            if not is_injector or values.text(name).lower() in _OFF:
                continue
            meaning = _INJECTORS.get(name, "a webhook adds parts to the pods")
            yield warning(
                f"{'.'.join(values.path)}.{name} adds parts that this program does not show",
                why=f"{meaning}, if the cluster has it",
                fix=f"remove {'.'.join(values.path)}.{name}",
                marks=[values.mark(name)],
            )


def _begins_with(name: str, prefix: str) -> bool:
    """Whether a name is a prefix, or continues it with a separate part.

    A prefix with `/` ends within a name: `huawei.com/Ascend` is the beginning of `huawei.com/Ascend910`.
    """
    if "/" in prefix:
        return name.startswith(prefix)
    return name == prefix or name.startswith((f"{prefix}.", f"{prefix}/"))
