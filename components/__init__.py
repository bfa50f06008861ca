"""Pulumi components for inference services, and the resources that the services of a stack share.

`InferenceDeployment` is complete alone: a program that is not ours needs nothing else.
"""

from components.ascend_node_mounts import AscendNodeMounts, AscendNodeMountsArgs
from components.cluster import cluster_provider, without_unknown_kinds
from components.inference_deployment import InferenceDeployment, InferenceDeploymentArgs
from components.records import ClusterConfig, EngineArgs, ServiceConfig
from components.shared_resources import SharedResources, shared_resources
from components.vllm_launch_script import VllmLaunchScript, VllmLaunchScriptArgs
from components.whole_stack import deploy

__all__ = [
    "AscendNodeMounts",
    "AscendNodeMountsArgs",
    "ClusterConfig",
    "EngineArgs",
    "InferenceDeployment",
    "InferenceDeploymentArgs",
    "ServiceConfig",
    "SharedResources",
    "VllmLaunchScript",
    "VllmLaunchScriptArgs",
    "cluster_provider",
    "deploy",
    "shared_resources",
    "without_unknown_kinds",
]
