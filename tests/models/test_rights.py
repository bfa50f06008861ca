"""Each right that `podTemplate` gives is a finding of its own kind, and what gives none is none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from models.check import check
from models.rules.registry import find_rule, reports_right, rule_ids
from tests.review.stacks import stack

LIMITS: dict[str, Any] = {
    "runAsUser": 1000,
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def rights(spec: dict[str, Any], annotations: dict[str, str] | None = None, **service: Any) -> list[str]:
    """The rules about rights that report a patch."""
    patch = {"spec": spec, "metadata": {"annotations": annotations or {}}}
    findings = check(stack({"qwen": {"podTemplate": patch, **service}})).findings
    return sorted(finding.rule for finding in findings if reports_right(finding.rule))


def right_keys(name: str) -> tuple[str, ...]:
    rule = find_rule(name)
    assert rule
    return rule.right_keys


def container(part: str = "containers", **fields: Any) -> dict[str, Any]:
    return {part: [{"name": "side", "image": "side:1", "securityContext": LIMITS, **fields}]}


def limited(**context: Any) -> dict[str, Any]:
    """A container with the limits and a changed security context."""
    return container(securityContext={**LIMITS, **context})


def volume(**source: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "extra", **source}]}


def node(path: str, *, read_only: bool = True, **host_path: str) -> dict[str, Any]:
    mount = {"name": "extra", "mountPath": "/node", "readOnly": read_only}
    return {**container(volumeMounts=[mount]), **volume(hostPath={"path": path, **host_path})}


RIGHTS: list[tuple[str, dict[str, Any]]] = [
    ("host-namespace", {"hostPID": True}),
    ("host-namespace", {"hostIPC": True}),
    ("host-namespace", {"hostNetwork": True}),
    ("shared-processes", {"shareProcessNamespace": True}),
    ("service-account", {"serviceAccountName": "admin"}),
    ("service-account", {"serviceAccount": "admin"}),
    ("projected-identity", volume(projected={"sources": [{"serviceAccountToken": {"path": "token"}}]})),
    ("projected-identity", volume(projected={"sources": [{}, {"podCertificate": {"signerName": "a.b/c"}}]})),
    ("name-resolution", {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["obs.example.com"]}]}),
    ("name-resolution", {"dnsConfig": {"nameservers": ["10.0.0.1"]}}),
    ("name-resolution", {"dnsConfig": {"searches": ["evil.example.com"]}}),
    ("device-access", {"resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]}),
    ("device-access", container(resources={"claims": [{"name": "gpu"}]})),
    ("device-access", container(resources={"requests": {"nvidia.com/gpu": 1}})),
    ("device-access", container(env=[{"name": "ASCEND_VISIBLE_DEVICES", "value": "0-7"}])),
    ("device-access", container(
        env=[{"name": "ASCEND_VISIBLE_DEVICES", "valueFrom": {"configMapKeyRef": {"name": "a"}}}])),
    ("device-access", container(env=[{"name": "MTHREADS_VISIBLE_DEVICES", "value": "all"}])),
    ("device-access", container(env=[{"name": "ASCEND_RUNTIME_MOUNTS", "value": "base"}])),
    ("projected-identity", volume(csi={"driver": "csi.spiffe.io"})),
    ("volume-type", volume(csi={"driver": "nfs.csi.k8s.io", "volumeAttributes": {"server": "a", "share": "/"}})),
    ("volume-type", volume(csi={"driver": "hostpath.csi.k8s.io"})),
    ("control-plane-node", {"tolerations": [{"key": "CriticalAddonsOnly", "effect": "NoExecute"}]}),
    ("control-plane-node", {"nodeSelector": {"node-role.kubernetes.io/etcd": "true"}}),
    ("control-plane-node", {"tolerations": [{"operator": "Exists"}]}),
    ("control-plane-node", {"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}),
    ("control-plane-node", {"tolerations": [{"key": "node-role.kubernetes.io/master", "operator": "Exists"}]}),
    ("control-plane-node", {"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}}),
    ("control-plane-node", {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [
            {"matchExpressions": [{"key": "node-role.kubernetes.io/master", "operator": "Exists"}]}]}}}}),
    ("volume-type", volume(nfs={"server": "a", "path": "/"})),
    ("volume-type", volume(iscsi={"targetPortal": "a"})),
    ("volume-type", volume(flexVolume={"driver": "a/b"})),
    ("volume-type", volume(gitRepo={"repository": "https://example.com"})),
    ("privileged-container", limited(windowsOptions={"hostProcess": True})),
    ("added-capability", limited(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]})),
    ("added-capability", limited(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "CAP_NET_RAW"]})),
    ("added-capability", limited(capabilities={"drop": ["ALL"], "add": ["ALL"]})),
    ("default-capabilities", limited(capabilities={"drop": ["NET_RAW"]})),
    ("default-capabilities", limited(capabilities={"drop": ["CAP_ALL"]})),
    ("privilege-escalation", limited(allowPrivilegeEscalation=True)),
    ("root-container", limited(runAsUser=0, runAsNonRoot=False)),
    ("root-container", limited(runAsUser=0.0)),
    ("host-port", container(ports=[{"hostPort": 80.0}])),
    ("unmasked-proc", limited(procMount="Unmasked")),
    ("unconfined-apparmor", limited(appArmorProfile={"type": "Unconfined"})),
    ("unconfined-seccomp", limited(seccompProfile={"type": "Unconfined"})),
    ("selinux-options", limited(seLinuxOptions={"type": "spc_t"})),
    ("selinux-options", limited(seLinuxOptions={"role": "sysadm_r"})),
    ("selinux-options", limited(seLinuxOptions={"user": "system_u"})),
    ("host-port", container(ports=[{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}])),
    ("probe-host", container(readinessProbe={"tcpSocket": {"host": "10.0.0.1", "port": 22}})),
    ("probe-host", container(startupProbe={"httpGet": {"host": "metadata", "port": 80}})),
    ("probe-host", container(lifecycle={"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}})),
    ("mount-propagation", container(
        volumeMounts=[{"name": "shm", "mountPath": "/s", "mountPropagation": "Bidirectional"}])),
    ("host-path", node("/data")),
    ("host-path", volume(hostPath={"path": "/mnt/words"})),
    ("host-path", node("/etc/localtime", type="File")),
    ("writable-host-path", node("/data", read_only=False)),
    ("writable-host-path", container(volumeMounts=[{"name": "ascend-driver", "mountPath": "/driver"}])),
    ("writable-host-path", container(volumeMounts=[{"name": "model-path", "mountPath": "/weights"}])),
    ("sensitive-host-path", node("/")),
    ("sensitive-host-path", node("/var/lib/kubelet/pods")),
    ("sensitive-host-path", node("/var/lib/")),
    ("sensitive-host-path", node("/data/../etc//kubernetes/./pki")),
    ("sensitive-host-path", node("//root//.ssh")),
    ("sensitive-host-path", node("/home/admin/.kube/config")),
    ("sensitive-host-path", node("/dev/mem", type="CharDevice")),
    ("sensitive-host-path", node("/proc/1/root")),
    ("runtime-socket", node("/var/run/docker.sock")),
    ("runtime-socket", node("/run")),
    ("runtime-socket", node("/var/run/nri/nri.sock")),
    ("runtime-socket", node("/var/snap/lxd/common/lxd/unix.socket")),
    ("runtime-socket", node("/run/k3s/containerd/containerd.sock", read_only=False)),
    ("runtime-socket", node("/data/agent", type="Socket")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "spec"), RIGHTS)
def test_a_right_is_one_finding_of_its_kind(rule: str, spec: dict[str, Any]) -> None:
    assert rights(spec) == [rule]


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "spec"), RIGHTS)
def test_an_accepted_right_is_no_finding_and_keeps_its_reason(rule: str, spec: dict[str, Any]) -> None:
    report = check(stack({"qwen": {"podTemplate": {"spec": spec}, "accept": {rule: "agreed with security"}}}))

    assert {finding.rule for finding in report.findings} <= {"pod-template-refused", "pod-template-unknown"}
    assert {(waived.finding.rule, waived.reason) for waived in report.accepted} == {(rule, "agreed with security")}


@pytest.mark.parametrize("part", ["containers", "initContainers"])
def test_a_container_without_limits_is_one_finding_in_each_list(part: str) -> None:
    for context in ({"securityContext": {}}, {"securityContext": None}, {"securityContext": "none"}):
        assert rights(container(part, **context)) == ["container-without-security-context"]
    assert rights({part: [{"name": "side", "image": "side:1"}]}) == ["container-without-security-context"]


def test_a_privileged_container_is_not_told_to_forbid_what_the_api_server_wants_it_to_have() -> None:
    assert rights(container(securityContext={"privileged": True, "runAsUser": 1})) == ["privileged-container"]
    capabilities = {"drop": ["ALL"], "add": ["CAP_SYS_ADMIN"]}
    assert rights(container(securityContext={"runAsUser": 1, "capabilities": capabilities})) == ["added-capability"]


def test_a_writable_mount_of_a_sensitive_directory_is_two_findings_and_says_what_is_there() -> None:
    spec = node("/etc/kubernetes", read_only=False)
    findings = check(stack({"qwen": {"podTemplate": {"spec": spec}}})).findings

    assert sorted(finding.rule for finding in findings) == ["sensitive-host-path", "writable-host-path"]
    assert {finding.why for finding in findings} == {
        "/etc/kubernetes is in /etc, which holds keys, passwords and settings of the node"
    }


def test_a_host_alias_says_which_key_names_the_same_host() -> None:
    alias = {"ip": "10.0.0.1", "hostnames": ["Gitee.com.", "other.example.com"]}
    patch = {"spec": {"hostAliases": [alias]}}
    findings = check(stack({"qwen": {"podTemplate": patch, "mindSpeed": "install"}})).findings
    (finding,) = [finding for finding in findings if finding.rule == "name-resolution"]

    assert finding.message == "hostAliases sends Gitee.com. (mindSpeed.repository) and other.example.com to 10.0.0.1"


@pytest.mark.parametrize(
    ("rule", "name", "value"),
    [
        ("unconfined-apparmor", "container.apparmor.security.beta.kubernetes.io/ascend-vllm", "unconfined"),
        ("unconfined-seccomp", "seccomp.security.alpha.kubernetes.io/pod", "unconfined"),
        ("unconfined-seccomp", "container.seccomp.security.alpha.kubernetes.io/ascend-vllm", "unconfined"),
        ("runtime-annotation", "cdi.k8s.io/devices", "vendor.com/npu=all"),
        ("runtime-annotation", "io.kubernetes.cri-o.Devices", "/dev/mem"),
        ("runtime-annotation", "io.katacontainers.config.hypervisor.path", "/bin/sh"),
        ("runtime-annotation", "devices.nri.io/pod", "[]"),
        ("additional-network", "k8s.v1.cni.cncf.io/networks", "storage"),
        ("additional-network", "v1.multus-cni.io/default-network", "kube-system/other"),
        ("runtime-annotation", "devices.nri.io", "[]"),
        ("runtime-annotation", "mounts.noderesource.dev/container.ascend-vllm", "[]"),
        ("runtime-annotation", "cdi-devices.noderesource.dev/pod", "[]"),
        ("runtime-annotation", "run.oci.keep_original_groups", "1"),
        ("runtime-annotation", "dev.gvisor.flag.network", "host"),
        ("runtime-annotation", "huawei.com/Ascend910", "Ascend910-0,Ascend910-1"),
        ("runtime-annotation", "huawei.com/npu-core", "0-vir04"),
        ("runtime-annotation", "seccomp-profile.kubernetes.cri-o.io/server", "unconfined"),
        ("runtime-annotation", "irq-load-balancing.crio.io", "disable"),
        ("runtime-annotation", "ulimits.nri.containerd.io/container.server", "[]"),
        ("additional-network", "ovn.kubernetes.io/security_groups", "a"),
        ("additional-network", "cni.projectcalico.org/ipAddrsNoIpam", "[10.0.0.1]"),
        ("additional-network", "yangtse.io/pod-with-eip", "true"),
        ("additional-network", "yangtse.io/security-group-ids", "a,b"),
        ("additional-network", "ovn.kubernetes.io/logical_switch", "storage"),
        ("injected-part", "sidecar.istio.io/inject", "true"),
        ("injected-part", "sidecar.istio.io/userVolume", '{"root": {"hostPath": {"path": "/"}}}'),
        ("injected-part", "linkerd.io/inject", "enabled"),
        ("injected-part", "vault.hashicorp.com/agent-inject", "true"),
        ("injected-part", "iam.amazonaws.com/role", "admin"),
        ("injected-part", "instrumentation.opentelemetry.io/inject-python", "true"),
        ("injected-part", "kuma.io/sidecar-injection", "enabled"),
        ("additional-network", "cni.projectcalico.org/floatingIPs", "[]"),
    ],
)
def test_an_annotation_that_gives_a_right_is_a_finding(rule: str, name: str, value: str) -> None:
    assert rights({}, {name: value}) == [rule]


def test_a_label_that_asks_for_parts_of_a_webhook_is_a_finding() -> None:
    for name in ("sidecar.istio.io/inject", "azure.workload.identity/use"):
        patch = {"metadata": {"labels": {name: "true"}}}
        (finding,) = check(stack({"qwen": {"podTemplate": patch}})).findings

        assert finding.rule == "injected-part"
        assert finding.fix.startswith(f"remove podTemplate.metadata.labels.{name}")


@pytest.mark.parametrize(
    ("name", "is_right"),
    [("system-node-critical", True), ("system-cluster-critical", True), ("system-nodes", False), ("high", False)],
)
def test_the_priority_of_the_clusters_own_components_is_a_right(name: str, is_right: bool) -> None:
    assert rights({}, priorityClass=name) == (["system-priority"] if is_right else [])


@pytest.mark.parametrize("read_only", [True, False, None])
def test_a_container_that_can_write_to_the_claim_with_the_weights_is_a_finding(read_only: bool | None) -> None:
    source = {"kind": "claim", "name": "weights"}
    model = {"name": "Qwen2-7B-Instruct", "source": source}
    mount = {"name": "extra", "mountPath": "/w", "readOnly": read_only}
    spec = {**container(volumeMounts=[mount]), **volume(persistentVolumeClaim={"claimName": "weights"})}
    other = {**spec, **volume(persistentVolumeClaim={"claimName": "other"})}
    own = container(volumeMounts=[{**mount, "name": "model-path"}])

    assert rights(spec, model=model) == ([] if read_only else ["writable-weights"])
    assert rights(other, model=model) == []
    assert rights(own, model=model) == [], "the program's own volume of a claim is read-only as a whole"


@pytest.mark.parametrize("value", ["0-7", "all", {"field": "metadata.annotations['example.com/npus']"}])
@pytest.mark.parametrize("name", ["ASCEND_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ASCEND_VNPU_SPECS"])
def test_a_variable_that_adds_devices_to_the_server_is_a_right(name: str, value: Any) -> None:
    assert rights({}, env={name: value}) == ["device-access"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASCEND_VISIBLE_DEVICES", {"field": "metadata.annotations['huawei.com/Ascend910']"}),
        ("ASCEND_VISIBLE_DEVICES", "void"),
        ("CUDA_VISIBLE_DEVICES", "0"),
        ("VLLM_VISIBLE", "0"),
    ],
)
def test_a_variable_that_adds_no_other_device_is_no_right(name: str, value: Any) -> None:
    assert rights({}, env={name: value}) == []


@pytest.mark.slow
def test_each_finding_is_about_a_key_of_its_rule() -> None:
    for name, spec in RIGHTS:
        for finding in check(stack({"qwen": {"podTemplate": {"spec": spec}}})).findings:
            if finding.rule == name:
                field = re.sub(r"\.\d+", "", finding.marks[0].field).replace("initContainers", "containers")
                keys = right_keys(name)
                assert any(field == key or field.startswith(f"{key}.") for key in keys), (field, keys)


HARMLESS: dict[str, dict[str, Any]] = {
    "hostUsers": {"hostUsers": False},
    "runtimeClassName": {"runtimeClassName": "kata"},
    "namespaces of its own": {"hostPID": False, "hostIPC": False, "hostNetwork": False, "shareProcessNamespace": False},
    "tolerations": {"tolerations": [
        {"key": "huawei.com/npu", "operator": "Exists"}, {"operator": "Exists", "effect": "NoExecute"}]},
    "no control plane": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [
            {"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}]}]}}}},
    "affinity": {"affinity": {"nodeAffinity": {}}},
    "nodeSelector": {"nodeSelector": {"zone": "a"}},
    "topologySpreadConstraints": {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}]},
    "dnsPolicy": {"dnsPolicy": "ClusterFirst"},
    "the DNS of the node": {"dnsPolicy": "Default"},
    "dnsConfig.options": {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}]}},
    "no names": {"hostAliases": [], "dnsConfig": {"nameservers": [], "searches": []}},
    "hostname": {"hostname": "a", "subdomain": "b", "setHostnameAsFQDN": True},
    "readinessGates": {"readinessGates": [{"conditionType": "a.b/c"}]},
    "schedulingGates": {"schedulingGates": [{"name": "a.b/c"}]},
    "preemptionPolicy": {"preemptionPolicy": "Never"},
    "overhead": {"overhead": {"cpu": "1"}},
    "the default service account": {"serviceAccountName": "default"},
    "emptyDir": volume(emptyDir={}),
    "configMap": volume(configMap={"name": "words"}),
    "secret": volume(secret={"secretName": "tls"}),
    "downwardAPI": volume(downwardAPI={"items": []}),
    "persistentVolumeClaim": volume(persistentVolumeClaim={"claimName": "data"}),
    "ephemeral": volume(ephemeral={"volumeClaimTemplate": {}}),
    "csi": volume(csi={"driver": "secrets-store.csi.k8s.io"}),
    "image": volume(image={"reference": "words:1"}),
    "projected without a token": volume(projected={"sources": [{"secret": {"name": "a"}}, {"configMap": {}}]}),
    "a container with limits": container(),
    "an init container with limits": container("initContainers", restartPolicy="Always"),
    "a user of the image that is not root": container(securityContext={
        "runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}),
    "NET_BIND_SERVICE": limited(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}),
    "profiles": limited(
        seccompProfile={"type": "RuntimeDefault"}, appArmorProfile={"type": "Localhost", "localhostProfile": "a"}),
    "a SELinux level": limited(seLinuxOptions={"type": "container_t", "level": "s0:c1,c2"}),
    "procMount": limited(procMount="Default"),
    "readOnlyRootFilesystem": limited(readOnlyRootFilesystem=True),
    "containerPort": container(ports=[{"containerPort": 80, "hostPort": 0}]),
    "resources": container(resources={"limits": {"memory": "1Gi", "hugepages-2Mi": "2Mi", "ephemeral-storage": "1Gi"}}),
    "probes": container(livenessProbe={"httpGet": {"port": 80, "host": ""}}, readinessProbe={"exec": {"command": []}}),
    "env": container(env=[{"name": "LD_PRELOAD", "value": "/lib/a.so"}], envFrom=[{"secretRef": {"name": "a"}}]),
    "mounts of the program": container(volumeMounts=[
        {"name": "model-path", "mountPath": "/weights", "readOnly": True}, {"name": "shm", "mountPath": "/dev/shm"},
        {"name": "node-path", "mountPath": "/launch"}]),
    "mountPropagation": container(volumeMounts=[
        {"name": "shm", "mountPath": "/s", "mountPropagation": "HostToContainer", "subPath": "a"}]),
    "volumeDevices": {**container(volumeDevices=[{"name": "extra", "devicePath": "/dev/x"}]),
                      **volume(persistentVolumeClaim={"claimName": "data"})},
}  # fmt: skip
"""Fields that give no right beyond the default, by their name."""


@pytest.mark.parametrize("name", HARMLESS)
def test_what_gives_no_right_is_no_finding(name: str) -> None:
    assert rights(HARMLESS[name]) == []


def test_an_ordinary_annotation_is_no_finding() -> None:
    names = {
        "example.com/owner": "search",
        "container.apparmor.security.beta.kubernetes.io/side": "runtime/default",
        "sidecar.istio.io/inject": "false",
        "linkerd.io/inject": "disabled",
        "yangtse.io/pod-with-eip": "false",
        "k8s.v1.cni.cncf.io/network-status": "[]",
        "huawei.com/schedule_policy": "chip4-node8",
        "cdi.k8s.iodine/name": "a",
        "prometheus.io/scrape": "true",
    }

    assert rights({}, names) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong", [5, True, "x", [], {}, None, [5], ["x"], [[]], [None], [{}], {"a": 1}, {"limits": 1}, {"requests": True}]
)
def test_a_patch_of_any_shape_is_judged_without_a_traceback(wrong: Any) -> None:
    fields = (
        "securityContext", "resources", "ports", "volumeMounts", "livenessProbe", "lifecycle", "image", "env"
    )  # fmt: skip
    for field in fields:
        check(stack({"qwen": {"podTemplate": {"spec": container(**{field: wrong})}}}))
    for key in ("privileged", "capabilities", "procMount", "seLinuxOptions", "seccompProfile", "runAsUser"):
        check(stack({"qwen": {"podTemplate": {"spec": limited(**{key: wrong})}}}))
    for kind in ("hostPath", "projected", "nfs", "image"):
        check(stack({"qwen": {"podTemplate": {"spec": volume(**{kind: wrong})}}}))
    for field in ("hostAliases", "dnsConfig", "resourceClaims", "hostPID", "serviceAccountName", "containers"):
        check(stack({"qwen": {"podTemplate": {"spec": {field: wrong}}}}))
    check(stack({"qwen": {"podTemplate": {"spec": node("/data", type=wrong)}}}))


def test_each_rule_about_a_right_is_tried_here() -> None:
    with_patch = {rule for rule, _ in RIGHTS}
    by_annotation_or_alone = {
        "additional-network", "cluster-host-network", "cluster-seccomp", "container-without-security-context",
        "injected-part", "runtime-annotation",
        "system-priority", "writable-weights",
    }  # fmt: skip

    assert {rule for rule in rule_ids() if reports_right(rule)} == with_patch | by_annotation_or_alone
