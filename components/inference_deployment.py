"""The component of a whole service: node mounts, launch script, pods, Service, additional objects, smoke Job."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from cluster.api.errors import ClusterError
from cluster.update.external import hand_over_replicas
from cluster.update.wait import patiently
from components.ascend_node_mounts import AscendNodeMounts, AscendNodeMountsArgs
from components.cluster import cluster_provider, without_unknown_kinds
from components.kubernetes_object import KubernetesObject
from components.outages import outages_reported
from components.readiness import is_in_cluster, readiness, stop_waiting
from components.shared_resources import claim
from components.vllm_launch_script import VllmLaunchScript, VllmLaunchScriptArgs
from models import check, resolve
from models.launch.launch import launch
from models.manifests.additional import additional_objects
from models.manifests.claims import claim_objects
from models.manifests.metadata import NOT_AWAITED, Manifest, metadata
from models.manifests.service import service_object
from models.manifests.smoke_job import smoke_jobs
from models.manifests.workload import serving_template, workload
from models.record import Record
from models.service.deadlines import deletion_timeout, update_timeout
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.keys.cluster import ClusterConfig
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.single_service import single_service


@dataclass(frozen=True)
class InferenceDeploymentArgs:
    """A service in plain typed values, with the keys of the stack file."""

    config: ServiceConfig
    """The service."""
    cluster: ClusterConfig
    """Where it runs. The namespace and queues exist already, or the program creates them.

    `pools` are the NPUs that this service has for itself. Leave `pools` out if other services use the same nodes: an
    update then deletes the old pods first.
    """

    def __post_init__(self) -> None:
        """Refuse plain mappings.

        Raises:
            pulumi.RunError: `config` or `cluster` is not a record.
        """
        records: dict[str, type[Record]] = {
            "config": ServiceConfig,
            "cluster": ClusterConfig,
        }
        for name, record in records.items():
            value = getattr(self, name)
            if not isinstance(value, record):
                raise pulumi.RunError(
                    f"{name} is a {type(value).__name__}, not a {record.__name__}\n"
                    f"  fix: write {name}={record.__name__}(...), imported from components"
                )


class InferenceDeployment(pulumi.ComponentResource):
    """A model service in the cluster.

    The component checks the service, registers its objects, waits until its pods are ready, and with `smoke` waits
    until a Job has proved that the service answers. A failure of any step fails the update, with the reason.

    Args:
        name: Name of the service and of its objects in the cluster.
        args: The service. A `ResolvedService` comes from a whole stack that is resolved and checked already.
        opts: Options. Without a Kubernetes provider, the component registers one for `cluster.context`.

    Raises:
        pulumi.RunError: The service has errors; the text lists all of them. Nothing is registered.
    """

    deployment: KubernetesObject
    """The Deployment, or the LeaderWorkerSet with `nodes` above 1. Pulumi itself does not wait for its pods."""
    service: KubernetesObject
    """The Service in front of the pods."""
    endpoint: pulumi.Output[str]
    """Address of the service inside the cluster. It is known when the service is ready, so that a resource that uses it
    waits for the service."""

    def __init__(
        self,
        name: str,
        args: InferenceDeploymentArgs | ResolvedService,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        service, claims = _service_and_claims(name, args)
        super().__init__(
            "ascend-vllm:index:InferenceDeployment", name, _inputs(service), opts
        )
        child = self._child_options(name, service)

        mounts = AscendNodeMounts(
            f"{name}-mounts",
            AscendNodeMountsArgs(
                service.cluster.platform, service.npus, service.visible_devices
            ),
            child,
        )
        script = VllmLaunchScript(
            f"{name}-launch",
            VllmLaunchScriptArgs(launch(service), metadata(service, NOT_AWAITED)),
            child,
        )
        pods = workload(
            service,
            volumes=[*mounts.volumes, script.volume],
            volume_mounts=[*mounts.volume_mounts, script.volume_mount],
            command=script.command,
        )
        replicas = asyncio.ensure_future(_current_replicas(service))
        kind = "group" if service.group else "deployment"
        self.deployment = KubernetesObject(
            f"{name}-{kind}",
            {**pods, "spec": _spec_after(replicas, service, pods)},
            _deployment_options(
                child,
                service,
                before=[
                    script.config_map,
                    *(claim(item, f"{name}-claim", child) for item in claims),
                ],
            ),
        )
        self.service = KubernetesObject(
            f"{name}-service", service_object(service), child
        )
        _register_additional_objects(name, service, child)
        self.endpoint = pulumi.Output.from_input(
            self._endpoint_when_ready(name, service, replicas, pods, child)
        )
        self.register_outputs({"endpoint": service.endpoint})

    def _child_options(
        self, name: str, service: ResolvedService
    ) -> pulumi.ResourceOptions:
        if self.get_provider("kubernetes:core/v1:ConfigMap"):
            return pulumi.ResourceOptions(parent=self)
        provider = cluster_provider(
            service.cluster, f"{name}-cluster", pulumi.ResourceOptions(parent=self)
        )
        return pulumi.ResourceOptions(parent=self, provider=provider)

    async def _endpoint_when_ready(
        self,
        name: str,
        service: ResolvedService,
        replicas: asyncio.Future[int],
        pods: Manifest,
        child: pulumi.ResourceOptions,
    ) -> str:
        """Wait for the pods, register the smoke Job, and wait for it. Outages of the API server are reported."""
        async with outages_reported(service.cluster):
            await self._become_ready(name, service, replicas, pods, child)
        return service.endpoint

    async def _become_ready(
        self,
        name: str,
        service: ResolvedService,
        replicas: asyncio.Future[int],
        pods: Manifest,
        child: pulumi.ResourceOptions,
    ) -> None:
        service = replace(service, replicas=await replicas)
        jobs = []
        if service.replicas:
            jobs = list(smoke_jobs(service, serving_template(pods)))
        wait = readiness(service.cluster)
        if await is_in_cluster(self.deployment):
            ready = await wait.wait_until_ready(
                service, self.deployment, has_smoke_job=bool(jobs)
            )
            if not ready:
                return
        for manifest in jobs:
            job = KubernetesObject(f"{name}-smoke", manifest, child)
            if await is_in_cluster(job):
                await wait.wait_until_proved(service, job)


def _register_additional_objects(
    name: str, service: ResolvedService, child: pulumi.ResourceOptions
) -> None:
    """Register the objects that the service requests in addition to its pods, such as a PodDisruptionBudget."""
    for item in additional_objects(service):
        KubernetesObject(f"{name}-{item['kind'].lower()}", item, child)


def _service_and_claims(
    name: str, args: InferenceDeploymentArgs | ResolvedService
) -> tuple[ResolvedService, list[Manifest]]:
    """The service, and the claims to create for it. Those of a whole stack are registered with the stack.

    Raises:
        pulumi.RunError: The service has errors.
    """
    if isinstance(args, ResolvedService):
        return args, []
    stack = _checked(name, args)
    (service,) = stack.services
    return service, list(claim_objects(stack))


def _checked(name: str, args: InferenceDeploymentArgs) -> ResolvedStack:
    """The service as a stack with one service, after the rules that `check` applies to a stack file.

    Raises:
        pulumi.RunError: The service has errors.
    """
    stack = resolve(single_service(name, args.config, args.cluster))
    report = check(stack)
    try:
        report.raise_for_errors(pulumi.RunError)
    except pulumi.RunError as refusal:
        stop_waiting(refusal)
        raise
    report.warn(pulumi.log.warn)
    return without_unknown_kinds(stack)


def _inputs(service: ResolvedService) -> dict[str, Any]:
    replicas: int | str = service.replicas
    if service.external:
        replicas = "external"
    return {
        "image": service.image,
        "model": service.model.path,
        "npus": service.npus,
        "replicas": replicas,
    }


async def _current_replicas(service: ResolvedService) -> int:
    """The number of pods. An autoscaler may set it; its number must survive the update.

    Raises:
        pulumi.RunError: The autoscaler's number is unknown; the update would delete all pods but one.
    """
    if not service.external or pulumi.runtime.is_dry_run():
        return service.replicas
    try:
        current = await patiently(lambda: hand_over_replicas(service))
    except ClusterError as problem:
        raise pulumi.RunError(
            f"cannot find out how many pods an autoscaler set: {problem.message}\nfix: {problem.fix}"
        ) from None
    if current is None:
        return service.replicas
    return current


def _spec_after(
    replicas: asyncio.Future[int], service: ResolvedService, pods: Manifest
) -> pulumi.Input[Any]:
    """The Deployment's spec; with an autoscaler, only after its number of pods is safe."""
    if not service.external:
        return pods["spec"]
    known: pulumi.Output[int] = pulumi.Output.from_input(replicas)
    return known.apply(lambda _: pods["spec"])


def _deployment_options(
    child: pulumi.ResourceOptions,
    service: ResolvedService,
    before: list[pulumi.Resource],
) -> pulumi.ResourceOptions:
    timeout = f"{update_timeout(service)}s"
    further = pulumi.ResourceOptions(
        depends_on=before,
        custom_timeouts=pulumi.CustomTimeouts(
            create=timeout,
            update=timeout,
            delete=f"{deletion_timeout(service)}s",
        ),
    )
    return pulumi.ResourceOptions.merge(child, further)
