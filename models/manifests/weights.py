"""Where the weights of a service are, and where the container sees them."""

from __future__ import annotations

from pathlib import PurePosixPath

from models.manifests.metadata import Manifest
from models.manifests.node_mounts import host_path, read_only
from models.resolve import ResolvedService

MODEL_VOLUME = "model-path"
"""Name of the weights' volume, the manual's."""

DRAFT_VOLUME = "draft-model-path"
"""Name of the draft model's volume."""


def weight_volumes(service: ResolvedService) -> list[Manifest]:
    """The pod's volumes with weights; a directory that a node lacks fails the pod."""
    return [host_path(name, path, "Directory") for name, path in weights(service).items()]


def weight_mounts(service: ResolvedService) -> list[Manifest]:
    """Where the container sees them, read-only."""
    return [read_only(name, path) for name, path in weights(service).items()]


def weights(service: ResolvedService) -> dict[str, str]:
    """The directories of weights that the container sees under the node's path, by volume: the model's, the draft
    model's and the adapters'; one that lies below another comes with it, unless it is written to."""
    wanted = {MODEL_VOLUME: service.model.source}
    guess, written = service.speculative, None
    if guess and guess.source:
        wanted[DRAFT_VOLUME] = guess.source
        written = guess.source if guess.convert else None
    for number, path in enumerate(service.lora.adapters.values() if service.lora else (), 1):
        wanted[f"lora-path-{number}"] = path
    mounted: dict[str, str] = {}
    for name, path in wanted.items():
        if (name == DRAFT_VOLUME and path == written) or not any(
            PurePosixPath(path).is_relative_to(above) for above in mounted.values()
        ):
            mounted[name] = path
    return mounted
