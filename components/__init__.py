"""The reusable components: what Pulumi registers for a resolved service."""

from components.ascend_node_mounts import AscendNodeMounts, AscendNodeMountsArgs
from components.cluster import as_far_as_known, cluster_provider, namespace, with_claims
from components.inference_deployment import InferenceDeployment, InferenceDeploymentArgs
from components.readiness import deploy
from components.secrets import secrets
from components.vllm_launch_script import VllmLaunchScript, VllmLaunchScriptArgs

__all__ = [
    "AscendNodeMounts",
    "AscendNodeMountsArgs",
    "InferenceDeployment",
    "InferenceDeploymentArgs",
    "VllmLaunchScript",
    "VllmLaunchScriptArgs",
    "as_far_as_known",
    "cluster_provider",
    "deploy",
    "namespace",
    "secrets",
    "with_claims",
]
