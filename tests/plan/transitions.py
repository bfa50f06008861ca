"""Transitions between stacks: small ones by hand, and generated ones as stack files."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import yaml

from models.check import check
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.service.rollout import Demand
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.load import load_text
from models.stack_file.parse import LoadedStack
from plan import Node, PlannedService, Transition, Version
from plan.transition import Replica
from plan.whole_stack_file import StackFile

START = 600
STOP = 60


def version(replicas: int, npus: int, *, start: int = START, **further: Any) -> Version:
    values = {"service": "", "min_member": 1, "queue": "default", "rollout": None, **further}
    return Version(Demand(replicas=replicas, npus=npus, startup=start, **values), STOP)


def service(
    name: str, old: Version | None, new: Version | None, *, restarts: bool = False, **further: Any
) -> PlannedService:
    return PlannedService(name, _named(name, old), _named(name, new), restarts=restarts, **further)


def _named(name: str, version: Version | None) -> Version | None:
    return version and replace(version, demand=replace(version.demand, service=name))


def on_nodes(
    sizes: list[int], services: list[PlannedService], placed: dict[str, tuple[Replica, ...]], **further: Any
) -> Transition:
    nodes = tuple(Node(f"n{number}", npus) for number, npus in enumerate(sizes, start=1))
    return Transition(tuple(services), nodes, placed, **further)


@dataclass(frozen=True)
class Update:
    """Two states of a stack, as their stack files have them."""

    old: LoadedStack
    new: LoadedStack

    @property
    def resolved(self) -> tuple[ResolvedStack, ResolvedStack]:
        return resolve(self.old), resolve(self.new)

    @property
    def files(self) -> tuple[StackFile, StackFile]:
        """The stack files, as an upgrade reads them."""
        return _file(self.old), _file(self.new)


def _file(stack: LoadedStack) -> StackFile:
    services = {
        name: config.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for name, config in stack.services.items()
    }
    cluster = stack.cluster.model_dump(mode="json", by_alias=True, exclude_unset=True)
    content = {"config": {"ascend-vllm:cluster": cluster, "ascend-vllm:services": services}}
    return StackFile(content, services, "ascend-vllm")


MODELS = {1: "Qwen2-7B-Instruct", 2: "Qwen2-7B-Instruct", 4: "Qwen2-72B-Instruct", 8: "Qwen2-72B-Instruct"}


def entry(npus: int, replicas: int, tag: int, **further: Any) -> dict[str, Any]:
    return {
        "image": f"registry.example.com/ascend-vllm:6.3.{tag}",
        "model": f"/mnt/models/{MODELS[npus]}",
        "npus": npus,
        "replicas": replicas,
        "engine": {"maxModelLen": 4096, "tensorParallelSize": npus},
        **further,
    }


def load(services: dict[str, Any], pools: dict[str, Any], **cluster: Any) -> LoadedStack:
    config = {
        "ascend-vllm:cluster": {"context": "prod", "pools": pools, **cluster},
        "ascend-vllm:services": services,
    }
    return load_text("prod", "Pulumi.prod.yaml", yaml.safe_dump({"config": config}))


def generated_with_comparison(seed: int) -> Update:
    """A generated update in which each new image and size is compared before it answers, on up to two nodes more."""
    update = generated(seed, most_services=3)
    draw = random.Random(seed)  # noqa: S311  the transitions are the same in every run
    nodes = update.new.cluster.pools["snt9b"].nodes + draw.choice([0, 0, 1, 2])
    pools = {"snt9b": {"nodes": nodes, "npusPerNode": 8, "npuMemory": "64Gi"}}
    old = {name: _named_model(config) for name, config in update.old.services.items()}
    new = {}
    for name, config in update.new.services.items():
        comparison: dict[str, Any] = {"kind": "compare", "timeout": "10m"}
        if draw.random() < 0.3:
            comparison["replicas"] = 1
        new[name] = {**_named_model(config), "update": comparison}
    return Update(load(old, pools), load(new, pools))


def _named_model(config: ServiceConfig) -> dict[str, Any]:
    """An entry with a name of the model that does not change with the weights."""
    values = config.model_dump(by_alias=True, exclude_unset=True)
    return {**values, "engine": {**values["engine"], "servedModelName": "m"}}


def generated(seed: int, most_services: int = 4) -> Update:
    """A stack that fills its nodes more or less, and what becomes of it: images, sizes, numbers, names.

    It has as few nodes as possible, so that most steps need NPUs that other pods hold.
    """
    draw = random.Random(seed)  # noqa: S311  the transitions are the same in every run
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for number in range(draw.randint(1, most_services)):
        name = f"s{number}"
        npus = draw.choice([1, 2, 4, 4, 8])
        before = entry(npus, draw.randint(1, 2), 912, priority=draw.choice([1, 1, 3]))
        fate = draw.choice(["same", "image", "image", "size", "number", "removed", "added", "renamed"])
        if fate != "added":
            old[name] = before
        if fate in ("same", "added"):
            new[name] = before
        if fate == "image":
            new[name] = entry(npus, before["replicas"], 913, priority=before["priority"])
        if fate == "size":
            new[name] = entry(draw.choice([1, 2, 4, 8]), draw.randint(1, 2), 913)
        if fate == "number":
            new[name] = {**before, "replicas": draw.randint(0, 3)}
        if fate == "renamed":
            new[f"{name}-next"] = {**before, "image": "registry.example.com/ascend-vllm:6.3.913"}
    return _on_few_nodes(old, new)


def _on_few_nodes(old: dict[str, Any], new: dict[str, Any]) -> Update:
    nodes = 1
    while True:
        pools = {"snt9b": {"nodes": nodes, "npusPerNode": 8, "npuMemory": "64Gi"}}
        update = Update(load(old, pools), load(new, pools))
        if not any(check(stack).errors for stack in update.resolved):
            return update
        nodes += 1
