"""The reusable components: what Pulumi registers for a resolved service."""

from components.ascend_node_mounts import AscendNodeMounts, AscendNodeMountsArgs
from components.cluster import cluster_provider, namespace, with_claims
from components.inference_deployment import InferenceDeployment, InferenceDeploymentArgs
from components.process import silence_debug_lines
from components.readiness import deploy
from components.vllm_launch_script import VllmLaunchScript, VllmLaunchScriptArgs

__all__ = [
    "AscendNodeMounts",
    "AscendNodeMountsArgs",
    "InferenceDeployment",
    "InferenceDeploymentArgs",
    "VllmLaunchScript",
    "VllmLaunchScriptArgs",
    "cluster_provider",
    "deploy",
    "namespace",
    "silence_debug_lines",
    "with_claims",
]
