"""The bare Pulumi program that people write without components: every object of objects.json, one after the other."""

import json
from pathlib import Path

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Service

home, *objects = json.loads(Path("objects.json").read_text(encoding="utf-8"))["items"]

provider = Provider("cluster", context=pulumi.Config().require("context"))
namespace = Namespace("namespace", metadata=home["metadata"], opts=pulumi.ResourceOptions(provider=provider))
opts = pulumi.ResourceOptions(provider=provider, depends_on=[namespace], deleted_with=namespace)

for config_map, deployment, service in zip(objects[::3], objects[1::3], objects[2::3], strict=True):
    name = deployment["metadata"]["name"]
    script = ConfigMap(
        f"{name}-config-map",
        metadata=config_map["metadata"],
        immutable=config_map["immutable"],
        data=config_map["data"],
        opts=opts,
    )
    Deployment(
        f"{name}-deployment",
        metadata=deployment["metadata"],
        spec=deployment["spec"],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[script])),
    )
    Service(f"{name}-service", metadata=service["metadata"], spec=service["spec"], opts=opts)

endpoints = {o["metadata"]["name"]: o["spec"]["ports"][0]["port"] for o in objects if o["kind"] == "Service"}
pulumi.export("services", endpoints)
