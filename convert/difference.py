"""What differs between the launch of the files and the one that the stack file gives."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from convert.draft import Draft
from convert.flags import read_flags
from convert.launch_keys import lora_module
from convert.pod_keys import SHM, is_ours
from convert.scope import PLACEHOLDER
from convert.stand_in import stand_in
from convert.start import Argument
from models.engines.ascend_vllm.owned_keys import OWNED_FLAGS
from models.engines.flags import RELEASES, engine
from models.launch.launch import launch
from models.record import quantity_text
from models.service.resolved import ResolvedService
from models.words import counted, duration

Values = dict[str, Any]

_SETS = {
    "ASCEND_RT_VISIBLE_DEVICES": "one index for each of npus",
    "USE_PREFIX_HIGH_PRECISION_MODE": "prefix caching needs it here (manual, Step 3)",
    "USE_PFA_HIGH_PRECISION_MODE": "precision.prefill",
    "USE_IFA_HIGH_PRECISION_MODE": "precision.decode",
    "VLLM_ALLOW_LONG_MAX_MODEL_LEN": "maxModelLen is above the model's own length",
    "ENABLE_SPEC_METRIC": "speculative sets it (manual, Step 3)",
    "EAGLE_USE_SAFE_AI_LAB_STYLE": "speculative sets it (manual, Step 3)",
    "VLLM_IMAGE_FETCH_TIMEOUT": "multimodal sets it (manual, Step 3)",
    "PYTORCH_NPU_ALLOC_CONF": "multimodal sets it (manual, Step 3)",
    "VLLM_ENGINE_ITERATION_TIMEOUT_S": "graph or multimodal sets it (manual, Step 3)",
}
_ONLY = {
    "speculative-draft-tensor-parallel-size": "the only one that works (manual, Step 3)",
    "max-cpu-loras": "the same as maxLoras (manual, Step 3)",
    "model": "the path on the node, where the container sees it here",
}
"""Why a flag is changed that follows from another key."""

_GRAPH = "graph: pta sets it (manual, Step 3)"
_USUAL = {"USE_PFA_HIGH_PRECISION_MODE": "1", "USE_IFA_HIGH_PRECISION_MODE": "0"}


@dataclass(frozen=True)
class Difference:
    """A flag or a variable that is not as it was."""

    name: str
    old: str | None
    """As the files have it; None when they do not."""
    new: str | None
    """As it will be; None when it will not be given."""
    why: str


@dataclass(frozen=True)
class Comparison:
    """The launch of a service, before and after."""

    service: str
    kept: tuple[str, ...]
    """Flags and variables that have the same values."""
    differences: tuple[Difference, ...]
    added: tuple[Difference, ...] = ()
    """What the pod gets beside its launch and did not have."""


def compared(draft: Draft, cluster: Values) -> Comparison:
    """Compare the launch that a service came from with the one that it gives.

    Args:
        draft: The service.
        cluster: The keys of its cluster.
    """
    stood = stand_in(draft.name, draft.values, cluster)
    if stood.service is None:
        return Comparison(draft.name, (), ())
    pairs = [*_flags(draft, stood.service), *_variables(draft, stood.service)]
    odd = {".".join(keys) for keys in stood.odd}
    unknown = {f"--{flag}" for flag, key in OWNED_FLAGS.items() if key in odd}
    kept = [*_pod(draft, stood.service), *(name for name, old, new, _ in pairs if old == new)]
    differences = [
        Difference(name, old, new, why)
        for name, old, new, why in pairs
        if old != new and name not in unknown and not (old and PLACEHOLDER.search(old))
    ]
    added = () if is_ours(draft.pod) else tuple(_added(draft, stood.service))
    return Comparison(draft.name, tuple(kept), tuple(differences), added)


def _added(draft: Draft, service: ResolvedService) -> Iterator[Difference]:
    """What a pod of this program has and that of the files has not."""
    container, owned = draft.pod.container, service.resources
    shared = [mount for mount in draft.pod.mounts if mount.path.rstrip("/") == SHM]
    memory = quantity_text(owned.memory)
    rows = [
        ("cpu", container.at("resources", "requests", "cpu").value, f"{owned.cpu}, request", "resources.cpu"),
        (
            "memory",
            container.at("resources", "limits", "memory").value,
            f"{memory}, request and limit",
            "resources.memory",
        ),
        (SHM, shared or None, quantity_text(owned.shm), "resources.shm"),
        ("probes", container.at("startupProbe").value, f"started within {duration(service.startup)}", "startup"),
        ("rollout", draft.pod.owner.at("spec", "strategy").value, str(service.rollout.kind), "rollout.kind"),
        ("drain", container.at("lifecycle").value, f"{duration(service.drain)} for requests that run", "drain"),
    ]
    for name, there, new, key in rows:
        if there is None:
            yield Difference(name, None, new, service.origins[key].source)
    yield Difference("Service", None, f"{service.name}:{service.server.port}", "in front of the pods")


def _pod(draft: Draft, service: ResolvedService) -> Iterator[str]:
    """What the pod keeps beside its launch."""
    if draft.pod.container.at("image").text() == service.image:
        yield "image"
    if draft.pod.container.at("resources", "limits", draft.pod.npu).text() == str(service.npus):
        yield counted(service.npus, "NPU")
    if draft.pod.owner.at("spec", "replicas").value == service.replicas:
        yield counted(service.replicas, "replica")


Pair = tuple[str, str | None, str | None, str]


def _flags(draft: Draft, service: ResolvedService) -> Iterator[Pair]:
    words = [Argument(word, 0) for word in launch(service).argv[3:]]
    old, new = draft.flags.values, read_flags(words, service.server.kind).values
    known = engine(RELEASES[-1]).flags
    for name in dict.fromkeys([*old, *new]):
        before, after = _shown(old.get(name), name), _shown(new.get(name), name)
        if after is None:
            why = "the engine's default" if old[name] == known[name].default else "another key says it, or none does"
        else:
            only = _ONLY.get(name) if before else None
            why = only or _because(service, OWNED_FLAGS.get(name, ""))
        yield f"--{name}", before, after, why


def _because(service: ResolvedService, key: str) -> str:
    """Where a value comes from that the files do not give."""
    origin = service.origins.get(key)
    return "the default, written out" if not origin or origin.source == "default" else origin.source


def _variables(draft: Draft, service: ResolvedService) -> Iterator[Pair]:
    old: Mapping[str, str] = {
        name: one.text for name, one in draft.pod.start.environment.items() if name != "PYTHONPATH"
    }
    new = launch(service).environment
    for name in dict.fromkeys([*old, *new]):
        why = _SETS.get(name, _GRAPH if service.graph.kind == "pta" else "the stack file has no key that sets it")
        if name not in new and old[name] == _USUAL.get(name):
            why = "the engine's default"
        elif name not in new and name == "USE_PREFIX_HIGH_PRECISION_MODE":
            why = "not needed here (manual, Step 3)"
        yield name, old.get(name), new.get(name), why


def _shown(value: Any, name: str) -> str | None:
    """A value as text, alike however it was written."""
    if value is None or value is False:
        return None
    if name == "lora-modules":
        return " ".join("=".join(lora_module(str(item))) for item in value)
    if isinstance(value, str):
        return value
    return (
        " ".join(map(str, value)) if isinstance(value, list) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    )
