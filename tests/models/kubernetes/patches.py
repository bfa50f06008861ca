"""Patches of pods for `podTemplate`: well-formed ones of every family, and random changes of them."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from models.kubernetes.constraints import CHOICES
from models.kubernetes.schema import Form, pod_schema

Patch = dict[str, Any]

MINOR = 34
SCHEMA = pod_schema(MINOR)

SIDECAR = {"name": "side", "image": "registry.example.com/side:1.0"}
TERM = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}
SELECTOR = {
    "matchLabels": {"team": "search"},
    "matchExpressions": [{"key": "tier", "operator": "Exists"}],
}
POD_TERM = {"labelSelector": SELECTOR, "topologyKey": "kubernetes.io/hostname", "namespaces": ["other"]}


def sidecar(**fields: Any) -> Patch:
    """A patch with one sidecar."""
    return {"containers": [{**SIDECAR, **fields}]}


def init(**fields: Any) -> Patch:
    """A patch with one init container."""
    return {"initContainers": [{**SIDECAR, "name": "first", **fields}]}


def volume(mount: Patch | None = None, **source: Any) -> Patch:
    """A patch with one volume that a sidecar mounts."""
    mounts = [{"name": "data", "mountPath": "/data", **(mount or {})}]
    return {**sidecar(volumeMounts=mounts), "volumes": [{"name": "data", **source}]}


def projected(**source: Any) -> Patch:
    """A patch with one projected volume."""
    return volume(projected={"sources": [source], "defaultMode": 0o400})


FIELD = {"fieldPath": "metadata.name"}
AMOUNT = {"resource": "limits.cpu", "divisor": "1m", "containerName": "ascend-vllm"}
ITEMS = [{"key": "a", "path": "b/c", "mode": 0o400}]

ACCEPTED: list[Patch] = [
    {"tolerations": [{"key": "huawei.com/npu", "operator": "Exists", "effect": "NoSchedule"}, {"operator": "Exists"}]},
    {
        "tolerations": [
            {"key": "a", "value": "b"},
            {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30},
        ]
    },
    {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [TERM]}}}},
    {
        "affinity": {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "preference": TERM}],
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]},
                        {"matchExpressions": [{"key": "size", "operator": "Gt", "values": ["4"]}]},
                    ]
                },
            }
        }
    },
    {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [POD_TERM]}}},
    {
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": POD_TERM}],
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {**POD_TERM, "matchLabelKeys": ["a"], "mismatchLabelKeys": ["b"], "namespaceSelector": {}}
                ],
            }
        }
    },
    {
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "minDomains": 2,
                "labelSelector": SELECTOR,
                "matchLabelKeys": ["pod-template-hash"],
                "nodeAffinityPolicy": "Honor",
                "nodeTaintsPolicy": "Ignore",
            },
            {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"},
        ]
    },
    {"nodeSelector": {"zone": "a"}, "preemptionPolicy": "PreemptLowerPriority", "os": {"name": "linux"}},
    {
        "dnsPolicy": "None",
        "dnsConfig": {
            "nameservers": ["10.0.0.10", "fd00::1"],
            "searches": ["svc.cluster.local", "a_b.example.com.", "."],
            "options": [{"name": "ndots", "value": "2"}],
        },
    },
    {"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True, "hostPID": True, "hostIPC": False},
    {"hostAliases": [{"ip": "127.0.0.1", "hostnames": ["a.example.com", "b"]}]},
    {"hostname": "web", "subdomain": "pods", "setHostnameAsFQDN": False, "shareProcessNamespace": True},
    {"hostnameOverride": "a.b"},
    {"hostUsers": False, **sidecar(securityContext={"procMount": "Unmasked"})},
    {"readinessGates": [{"conditionType": "example.com/ready"}]},
    {"schedulingGates": [{"name": "example.com/gate"}]},
    {"serviceAccountName": "default"},
    {
        "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "gpu"}],
        **sidecar(resources={"claims": [{"name": "gpu", "request": "one"}]}),
    },
    sidecar(command=["sh", "-c", "sleep 1"], args=["$(A)"], workingDir="/tmp", stdin=True, tty=False),
    sidecar(
        env=[
            {"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"fieldRef": FIELD}},
            {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']", "apiVersion": "v1"}}},
            {"name": "D", "valueFrom": {"resourceFieldRef": AMOUNT}},
            {"name": "E", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b", "optional": True}}},
            {"name": "F.g-h", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
        ]
    ),
    sidecar(envFrom=[{"prefix": "A_", "configMapRef": {"name": "a"}}, {"secretRef": {"name": "b", "optional": True}}]),
    sidecar(
        ports=[
            {"name": "metrics", "containerPort": 9090, "protocol": "TCP"},
            {"containerPort": 9091, "hostPort": 9091, "hostIP": "10.0.0.1"},
            {"containerPort": 9092, "hostPort": 9091, "protocol": "UDP"},
        ]
    ),
    sidecar(
        resources={
            "requests": {"cpu": 0.5, "memory": "64Mi", "ephemeral-storage": "1Gi", "example.com/dongle": 1},
            "limits": {"cpu": "1", "memory": "128Mi", "example.com/dongle": "1"},
        }
    ),
    sidecar(resources={"limits": {"hugepages-2Mi": "4Mi", "memory": "64Mi"}}),
    sidecar(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "NotRequired"}]),
    sidecar(
        livenessProbe={
            "httpGet": {"path": "/", "port": 8080, "scheme": "HTTP", "httpHeaders": [{"name": "X-A", "value": "b"}]}
        },
        readinessProbe={"tcpSocket": {"port": "http"}, "periodSeconds": 5, "successThreshold": 2},
        startupProbe={"exec": {"command": ["true"]}, "failureThreshold": 30, "terminationGracePeriodSeconds": 5},
    ),
    sidecar(livenessProbe={"grpc": {"port": 9000, "service": "a"}, "initialDelaySeconds": 1, "timeoutSeconds": 2}),
    sidecar(
        lifecycle={"postStart": {"exec": {"command": ["true"]}}, "preStop": {"sleep": {"seconds": 3}}},
        terminationMessagePolicy="FallbackToLogsOnError",
        terminationMessagePath="/dev/log",
        imagePullPolicy="Always",
    ),
    sidecar(lifecycle={"preStop": {"httpGet": {"port": 80, "path": "/stop"}}}),
    sidecar(
        securityContext={
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
            "appArmorProfile": {"type": "Localhost", "localhostProfile": "p"},
            "seLinuxOptions": {"level": "s0:c123,c456"},
        }
    ),
    sidecar(securityContext={"privileged": True, "seccompProfile": {"type": "Localhost", "localhostProfile": "a/b"}}),
    init(command=["true"]),
    init(
        restartPolicy="Always",
        livenessProbe={"tcpSocket": {"port": 80}},
        lifecycle={"preStop": {"exec": {"command": ["true"]}}},
    ),
    volume(emptyDir={}),
    volume(
        emptyDir={"medium": "Memory", "sizeLimit": "64Mi"}, mount={"readOnly": True, "recursiveReadOnly": "Enabled"}
    ),
    volume(hostPath={"path": "/data", "type": "DirectoryOrCreate"}, mount={"mountPropagation": "HostToContainer"}),
    volume(configMap={"name": "a", "items": ITEMS, "defaultMode": 0o644, "optional": True}),
    volume(secret={"secretName": "a", "items": ITEMS}, mount={"subPath": "a/b"}),
    volume(persistentVolumeClaim={"claimName": "data", "readOnly": True}, mount={"subPathExpr": "$(A)/b"}),
    volume(nfs={"server": "nfs.example.com", "path": "/export"}),
    volume(csi={"driver": "csi.example.com", "volumeAttributes": {"a": "b"}, "nodePublishSecretRef": {"name": "s"}}),
    volume(downwardAPI={"items": [{"path": "a", "fieldRef": FIELD}, {"path": "b", "resourceFieldRef": AMOUNT}]}),
    volume(image={"reference": "registry.example.com/data:1", "pullPolicy": "IfNotPresent"}),
    volume(
        ephemeral={
            "volumeClaimTemplate": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": "fast",
                    "volumeMode": "Filesystem",
                    "resources": {"requests": {"storage": "1Gi"}},
                },
            }
        }
    ),
    volume(cephfs={"monitors": ["a:1"], "path": "/", "secretRef": {"name": "a"}}),
    volume(rbd={"monitors": ["a:1"], "image": "b"}),
    volume(iscsi={"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2026-01.com.example:disk", "lun": 0}),
    volume(glusterfs={"endpoints": "a", "path": "b"}),
    volume(azureFile={"secretName": "a", "shareName": "b"}),
    volume(azureDisk={"diskName": "a", "diskURI": "https://a.example.com/b.vhd"}),
    volume(azureDisk={"diskName": "a", "diskURI": "/subscriptions/a", "kind": "Managed", "cachingMode": "None"}),
    volume(gcePersistentDisk={"pdName": "a", "partition": 1}),
    volume(awsElasticBlockStore={"volumeID": "a", "partition": 0}),
    volume(vsphereVolume={"volumePath": "a"}),
    volume(quobyte={"registry": "a:1", "volume": "b"}),
    volume(flexVolume={"driver": "a/b", "options": {"c": "d"}}),
    volume(fc={"targetWWNs": ["a"], "lun": 1}),
    volume(scaleIO={"gateway": "a", "system": "b", "volumeName": "c", "secretRef": {"name": "d"}}),
    volume(cinder={"volumeID": "a"}),
    volume(portworxVolume={"volumeID": "a"}),
    sidecar(
        securityContext={
            "windowsOptions": {
                "gmsaCredentialSpecName": "a.b",
                "gmsaCredentialSpec": "{}",
                "runAsUserName": "EXAMPLE\\Container User",
                "hostProcess": False,
            }
        }
    ),
    projected(configMap={"name": "a", "items": ITEMS}),
    projected(secret={"name": "a", "items": ITEMS}),
    projected(downwardAPI={"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.labels"}}]}),
    projected(serviceAccountToken={"path": "token", "expirationSeconds": 3600, "audience": "vault"}),
    {
        **sidecar(volumeDevices=[{"name": "disk", "devicePath": "/dev/disk"}]),
        "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}],
    },
]
"""Specs of pods that the API server accepts, at least one for each family of fields."""

TEXTS = ["", "a", "A", "a b", "-a", "a/b", "/a", "../a", "a.b", "Always", "exists", "None", "1", "64MB!", "10.0.0.1",
         "http", "x" * 64, "x" * 254, "name\n", "模型", "1Gi", "true", "In"]  # fmt: skip
NUMBERS = [-1, 0, 1, 2, 80, 101, 65536, 0o777, 2**31, 2**63, 10**30, 0.5, -0.5]
AMOUNTS: list[Any] = ["1", "100m", "64Mi", "-1", "a", "http", 1, 80, 0.5]
OTHERS: list[Any] = [None, True, False, [], {}, [None], ["a"], [{}], [[]], {"a": None}, {"a": "b"}, {"name": "a"}]
KEYS = ["", "a", "name", "Name", "image", "value", "extra"]


def random_patch(random: Random, changes: int) -> Patch:
    """A patch of one to three accepted ones with a number of random changes."""
    patch: Patch = {}
    for part in random.sample(ACCEPTED, random.choice([1, 1, 1, 2, 3])):
        _add(patch, copy.deepcopy(part))
    for _ in range(changes):
        _change(random, patch)
    return patch


def _add(patch: Patch, part: Patch) -> None:
    """Add a patch to another one. Items with names that the other has already get new names."""
    for key, value in part.items():
        if key in ("containers", "initContainers", "volumes") and key in patch:
            number = len(patch[key]) + 1
            names = {item["name"]: f"{item['name']}-{number}" for item in value}
            for item in value:
                item["name"] = names[item["name"]]
            if key == "volumes":
                for container in part.get("containers", []):
                    for mount in container.get("volumeMounts", []) + container.get("volumeDevices", []):
                        mount["name"] = names[mount["name"]]
            patch[key] += value
        else:
            patch[key] = value


def _change(random: Random, patch: Patch) -> None:
    """Change one value of a patch: replace, remove, rename, repeat, or add a field of its type."""
    places = list(_places(Form("PodSpec"), patch))
    if not places:
        return
    holder, key, form, name = random.choice(places)
    kind = random.randrange(10)
    if kind < 6:
        holder[key] = _value(random, form, name)
    elif kind == 6:
        del holder[key]
    elif kind == 7 and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    elif kind == 7:
        holder[random.choice([*KEYS, key.lower(), key + "s"])] = holder.pop(key)
    else:
        _add_field(random, holder[key], form)


def _add_field(random: Random, value: Any, form: Form) -> None:
    if isinstance(value, list) and form.container == "list":
        value.append(_value(random, Form(form.name), ("", "")))
    elif isinstance(value, dict) and form.name in SCHEMA.types and not form.container:
        key, field = random.choice(sorted(SCHEMA.fields(form.name).items()))
        value[key] = _value(random, field.form, (form.name, key))


def _places(form: Form, value: Any) -> Any:
    """The holders and keys of all parts of a value, each with its type and its field."""
    if form.container == "list" and isinstance(value, list):
        for index, item in enumerate(value):
            yield value, index, Form(form.name), ("", "")
            yield from _places(Form(form.name), item)
    elif form.container == "mapping" and isinstance(value, dict):
        for key in value:
            yield value, key, Form(form.name), ("", "")
    elif form.name in SCHEMA.types and isinstance(value, dict):
        fields = SCHEMA.fields(form.name)
        for key, item in value.items():
            inner = fields[key].form if key in fields else Form("any")
            yield value, key, inner, (form.name, key)
            yield from _places(inner, item)


def _value(random: Random, form: Form, name: tuple[str, str]) -> Any:
    """A value for a field: mostly one of its type, sometimes one of another."""
    if random.random() < 0.15:
        return copy.deepcopy(random.choice([*TEXTS, *NUMBERS, *OTHERS]))
    if form.container == "list":
        return [_value(random, Form(form.name), name) for _ in range(random.randrange(3))]
    if form.container == "mapping":
        return {random.choice([*KEYS, "cpu", "memory"]): _value(random, Form(form.name), ("", ""))}
    if form.name in SCHEMA.types:
        fields = SCHEMA.fields(form.name)
        chosen = [key for key, field in fields.items() if field.required or random.random() < 0.2]
        return {key: _value(random, fields[key].form, (form.name, key)) for key in sorted(chosen)}
    scalars = {
        "boolean": [True, False],
        "int32": NUMBERS,
        "int64": NUMBERS,
        "Quantity": AMOUNTS,
        "IntOrString": AMOUNTS,
    }
    values = scalars.get(form.name, TEXTS)
    if name in CHOICES and random.random() < 0.7:
        values = CHOICES[name].values
    return random.choice(values)
