"""A platform team's own program: a namespace, two model services, and a gateway that sends requests to them."""

import pulumi
import pulumi_kubernetes as k8s

from components import (
    ClusterConfig,
    EngineArgs,
    InferenceDeployment,
    InferenceDeploymentArgs,
    ServiceConfig,
)

IMAGE = "registry.example.com/ascend-vllm:6.3.912"
NAMESPACE = "models"

context = pulumi.Config().require("context")
provider = k8s.Provider("cluster", context=context)
in_cluster = pulumi.ResourceOptions(provider=provider)

# The pods mount the driver of their node, which only privileged namespaces allow.
pod_security = {"pod-security.kubernetes.io/enforce": "privileged"}
namespace = k8s.core.v1.Namespace(
    "models", metadata={"name": NAMESPACE, "labels": pod_security}, opts=in_cluster
)
in_namespace = pulumi.ResourceOptions(
    provider=provider, depends_on=namespace, deleted_with=namespace
)

cluster = ClusterConfig(context=context, namespace=NAMESPACE)

chat = InferenceDeployment(
    "chat",
    InferenceDeploymentArgs(
        cluster=cluster,
        config=ServiceConfig(
            image=IMAGE,
            model="/mnt/models/Qwen2-7B-Instruct",
            npus=1,
            replicas=2,
            engine=EngineArgs(
                max_model_len=4096, num_scheduler_steps=8, served_model_name="chat"
            ),
            disruption_budget={"maxUnavailable": 1},
            smoke=True,
        ),
    ),
    in_namespace,
)
reasoning = InferenceDeployment(
    "reasoning",
    InferenceDeploymentArgs(
        cluster=cluster,
        config=ServiceConfig(
            image=IMAGE,
            model="/mnt/models/DeepSeek-R1-Distill-Qwen-32B",
            npus=4,
            engine=EngineArgs(max_model_len=32768, served_model_name="reasoning"),
            smoke=True,
        ),
    ),
    in_namespace,
)

# An endpoint is known when its service answers. So the gateway gets only addresses that work.
k8s.core.v1.ConfigMap(
    "gateway",
    metadata={"name": "gateway", "namespace": NAMESPACE},
    data={"chat": chat.endpoint, "reasoning": reasoning.endpoint},
    opts=in_namespace,
)
pulumi.export("chat", chat.endpoint)
pulumi.export("reasoning", reasoning.endpoint)
