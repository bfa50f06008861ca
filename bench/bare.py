"""A bare Pulumi program, as people write it without components: it registers every object of objects.json in turn."""

import json
from pathlib import Path

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Service

manifests = json.loads(Path("objects.json").read_text(encoding="utf-8"))["items"]
namespace_manifest = manifests[0]
config_maps = manifests[1::3]
deployments = manifests[2::3]
services = manifests[3::3]

context = pulumi.Config().require("context")
provider = Provider("cluster", context=context)
in_cluster = pulumi.ResourceOptions(provider=provider)
namespace = Namespace(
    "namespace", metadata=namespace_manifest["metadata"], opts=in_cluster
)
in_namespace = pulumi.ResourceOptions(
    provider=provider, depends_on=[namespace], deleted_with=namespace
)

endpoints = {}
for config_map, deployment, service in zip(
    config_maps, deployments, services, strict=True
):
    name = deployment["metadata"]["name"]
    script = ConfigMap(
        f"{name}-config-map",
        metadata=config_map["metadata"],
        immutable=config_map["immutable"],
        data=config_map["data"],
        opts=in_namespace,
    )
    after_script = pulumi.ResourceOptions(depends_on=[script])
    Deployment(
        f"{name}-deployment",
        metadata=deployment["metadata"],
        spec=deployment["spec"],
        opts=pulumi.ResourceOptions.merge(in_namespace, after_script),
    )
    Service(
        f"{name}-service",
        metadata=service["metadata"],
        spec=service["spec"],
        opts=in_namespace,
    )
    endpoints[name] = service["spec"]["ports"][0]["port"]

pulumi.export("services", endpoints)
