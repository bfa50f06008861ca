"""The component of a whole service: mounts, launch script, Deployment and Service."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import Service

from components.ascend_node_mounts import AscendNodeMounts, AscendNodeMountsArgs
from components.vllm_launch_script import VllmLaunchScript, VllmLaunchScriptArgs
from models.launch.launch import launch
from models.manifests.additional import additional_objects
from models.manifests.deployment import deployment
from models.manifests.metadata import NOT_AWAITED, metadata
from models.manifests.service import service_object
from models.manifests.smoke_job import smoke_jobs
from models.service.deadlines import update_timeout
from models.service.resolved import ResolvedService


@dataclass(frozen=True)
class InferenceDeploymentArgs:
    """What the service is."""

    service: ResolvedService
    """The service as resolved and checked."""


class InferenceDeployment(pulumi.ComponentResource):
    """A model service in the cluster; `deploy` waits for its pods."""

    deployment: Deployment
    """The Deployment; Pulumi does not wait for its pods."""
    service: Service
    """The Service in front of the pods."""
    endpoint: str
    """Address of the service inside the cluster."""

    def __init__(self, name: str, args: InferenceDeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        wanted = args.service
        replicas = "external" if wanted.external else wanted.replicas
        inputs = {"image": wanted.image, "model": wanted.model.path, "npus": wanted.npus, "replicas": replicas}
        super().__init__("ascend-vllm:index:InferenceDeployment", name, inputs, opts)
        child = pulumi.ResourceOptions(parent=self)

        mounts = AscendNodeMounts(
            f"{name}-mounts",
            AscendNodeMountsArgs(wanted.cluster.platform, wanted.npus, wanted.visible_devices),
            child,
        )
        about = metadata(wanted, NOT_AWAITED)
        script = VllmLaunchScript(f"{name}-launch", VllmLaunchScriptArgs(launch(wanted), about), child)
        pods = deployment(
            wanted,
            volumes=[*mounts.volumes, script.volume],
            volume_mounts=[*mounts.volume_mounts, script.volume_mount],
            command=script.command,
        )
        front = service_object(wanted)
        timeout = f"{update_timeout(wanted)}s"

        self.deployment = Deployment(
            f"{name}-deployment",
            metadata=pods["metadata"],
            spec=pods["spec"],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[script.config_map],
                custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout),
            ),
        )
        self.service = Service(f"{name}-service", metadata=front["metadata"], spec=front["spec"], opts=child)
        for item in additional_objects(wanted):
            about = {"api_version": item["apiVersion"], "kind": item["kind"], "metadata": item["metadata"]}
            CustomResource(f"{name}-{item['kind'].lower()}", **about, spec=item["spec"], opts=child)
        self._smoke = [*smoke_jobs(wanted, pods["spec"]["template"])]
        self.endpoint = wanted.endpoint
        self.register_outputs({"endpoint": self.endpoint})

    def prove(self) -> Job | None:
        """Register the Job that asks the service, if it wants one; for when its pods are ready."""
        here = pulumi.ResourceOptions(parent=self)
        for job in self._smoke:
            return Job(f"{self._name}-smoke", metadata=job["metadata"], spec=job["spec"], opts=here)
        return None
