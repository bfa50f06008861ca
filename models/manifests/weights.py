"""Where the weights of a service are, and where the container sees them."""

from __future__ import annotations

from pathlib import PurePosixPath

from models.launch.init_steps import STORE_DIRECTORY, store_name
from models.manifests.metadata import Manifest
from models.manifests.node_mounts import host_path, read_only
from models.service.resolved import ResolvedService

MODEL_VOLUME = "model-path"
"""Name of the weights' volume, the manual's."""

DRAFT_VOLUME = "draft-model-path"
"""Name of the draft model's volume."""


def weight_volumes(service: ResolvedService) -> list[Manifest]:
    """The pod's volumes with weights; a directory that a node lacks fails the pod."""
    others = [host_path(name, path, "Directory") for name, path in weights(service).items() if name != MODEL_VOLUME]
    return [_model_volume(service), *others]


def weight_mounts(service: ResolvedService) -> list[Manifest]:
    """Where the container sees them, read-only; of a volume with more than one model, this one's directory."""
    below = store_name(service) if service.model.source.kind == "bucket" else service.model.source.directory
    mounts = {name: read_only(name, path) for name, path in weights(service).items()}
    mounts[MODEL_VOLUME] |= {"subPath": below} if below else {}
    return [*mounts.values()]


def store_mount() -> Manifest:
    """Where the container that fetches weights sees and writes them all."""
    return {"name": MODEL_VOLUME, "mountPath": STORE_DIRECTORY}


def _model_volume(service: ResolvedService) -> Manifest:
    source = service.model.source
    if source.claim:
        claim = {"claimName": source.claim, **({"readOnly": True} if source.kind == "claim" else {})}
        return {"name": MODEL_VOLUME, "persistentVolumeClaim": claim}
    if source.kind == "bucket":
        return host_path(MODEL_VOLUME, source.to.path or "", "DirectoryOrCreate")
    return host_path(MODEL_VOLUME, service.model.path, "Directory")


def weights(service: ResolvedService) -> dict[str, str]:
    """The directories of weights by volume, as the container sees them, which is the node's path but for a model from a
    claim or a bucket: the model's, the draft model's and the adapters'; one that lies below another comes with it,
    unless it is written to."""
    wanted = {MODEL_VOLUME: service.model.path}
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
