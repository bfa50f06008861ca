"""The stack after each step of a plan: a complete stack, which `check` accepts and `pulumi up` deploys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from models.service.companion import companion_name
from models.stack_file.keys.exposure import Expose
from models.stack_file.keys.operation import Recreate, RollingUpdate
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.keys.update import UpdateInPlace
from models.stack_file.parse import LoadedStack
from plan.step import Replicas, Step

_ROLLOUTS: Mapping[str, RollingUpdate | Recreate] = {
    "additional pod": RollingUpdate(max_surge=1, max_unavailable=0),
    "one by one": RollingUpdate(max_surge=0, max_unavailable=1),
    "delete first": Recreate(),
}
"""The rollout of each way of an update."""


def state_after(old: LoadedStack, new: LoadedStack, step: Step) -> LoadedStack:
    """The stack after a step: the services of the old and of the new stack file, with the replicas of the step.

    Everything else, such as the cluster, is that of the new stack file. Only the service that the step updates keeps a
    rollout: the others are not updated, and get theirs back with the last `pulumi up` of the stack file itself.
    """
    services: dict[str, ServiceConfig] = {}
    for name in sorted({*old.services, *new.services}):
        config = _config_after(name, old, new, step)
        if config is None:
            continue
        if name in step.switched:
            config = config.model_copy(update={"answered_by": companion_name(name)})
        services[name] = config
    for name, beside in step.companions.items():
        services[name] = _companion(new.services[beside], step.state[name])
    return replace(
        new,
        services=services,
        config_jsons={**old.config_jsons, **new.config_jsons},
        checksums={**old.checksums, **new.checksums},
        secrets={**old.secrets, **new.secrets},
    )


def _config_after(
    name: str, old: LoadedStack, new: LoadedStack, step: Step
) -> ServiceConfig | None:
    """A service after a step; None if it does not exist then."""
    replicas = step.state.get(name)
    if replicas is None:
        return _without_pods(name, old, new)
    config = old.services.get(name)
    if replicas.is_new and name in new.services:
        config = new.services[name]
    if config is None:
        return None
    rollout = None
    if step.kind == "update" and step.service == name:
        rollout = config.rollout or _ROLLOUTS[step.way]
    changes = {"replicas": _replicas(config, replicas), "rollout": rollout}
    return config.model_copy(update={**changes, "update": UpdateInPlace()})


def _companion(service: ServiceConfig, replicas: Replicas) -> ServiceConfig:
    """The next launch of a service as a second service."""
    return service.model_copy(
        update={
            "replicas": replicas.number,
            "rollout": None,
            "update": UpdateInPlace(),
            "answered_by": None,
            "expose": Expose(),
        }
    )


def _without_pods(
    name: str, old: LoadedStack, new: LoadedStack
) -> ServiceConfig | None:
    """A service that has no pods now, but had some and will have some again."""
    if name not in old.services or name not in new.services:
        return None
    changes = {"replicas": 0, "rollout": None, "update": UpdateInPlace()}
    return new.services[name].model_copy(update=changes)


def _replicas(config: ServiceConfig, replicas: Replicas) -> int | None:
    """The number of replicas; None if an autoscaler sets it."""
    if config.replicas is None:
        return None
    return replicas.number
