"""Whether a model fits its NPUs: the size of its weights, and the requests of full length that the rest holds."""

from __future__ import annotations

from dataclasses import dataclass

from models.catalog.facts import ModelFacts
from models.catalog.npus import LARGEST_MEMORY, largest_npu
from models.catalog.sizes import all_parameters
from models.engines.image_names import full_tag
from models.service.resolved import ResolvedService


@dataclass(frozen=True)
class Fit:
    """The memory that a service needs on each NPU, in bytes: a lower bound. Activations and buffers come on top."""

    memory: int
    """Memory of an NPU."""
    budget: int
    """The engine's share of it: `gpuMemoryUtilization`."""
    parameters: int
    """Of the whole model."""
    weights: int
    """On the NPU that has most of them."""
    token: int
    """KV cache of a token."""
    length: int
    """Tokens of a request of full length: `maxModelLen`."""

    @property
    def tokens(self) -> int:
        """Tokens that the KV cache holds."""
        return max(self.budget - self.weights, 0) // self.token

    @property
    def requests(self) -> int:
        """Requests of full length that are served at the same time."""
        return self.tokens // self.length


def fit(service: ResolvedService) -> Fit | None:
    """How a service fits the largest NPUs of the cluster; None if the model's facts or the pools are not known."""
    memory = largest_memory(service)
    if service.facts is None or memory is None:
        return None
    return _fit_of(service, service.facts, memory)


def largest_fit(service: ResolvedService, facts: ModelFacts) -> Fit:
    """How a service would fit the largest NPUs that its image can run on, whatever the cluster has."""
    types = service.release.npu_types(full_tag(service.image))
    return _fit_of(service, facts, LARGEST_MEMORY[largest_npu(types)])


def _fit_of(service: ResolvedService, facts: ModelFacts, memory: int) -> Fit:
    use = service.release.memory_use(service, facts)
    return Fit(
        memory=memory,
        budget=int(memory * service.engine.gpu_memory_utilization),
        parameters=all_parameters(facts),
        weights=use.weights,
        token=use.token,
        length=service.engine.max_model_len,
    )


def largest_memory(service: ResolvedService) -> int | None:
    """Memory of the NPUs that a pod of the service can get, in bytes; of several pools the largest."""
    pools = service.cluster.pools.values()
    return max(
        (pool.npu_memory for pool in pools if pool.npus_per_node >= service.npus),
        default=None,
    )
