"""Compares the launch that the files describe with the launch of the stack file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from convert.difference import Difference
from convert.draft import Draft
from convert.keys.features import lora_module
from convert.keys.pod import is_ours
from convert.minimal import Values
from convert.placeholder import PLACEHOLDER
from convert.pod_additions import added_to_pod
from convert.server.command import server_command, words_of
from convert.server.command_line import read_flags
from convert.server.container_environment import references_of
from convert.stand_in import StandIn, stand_in
from models.engines.flags import Flag
from models.engines.group import VARIABLES_OF_GROUPS
from models.engines.release import Release
from models.launch.launch import launch
from models.service.resolved import ResolvedService
from models.words import counted

_VARIABLE_REASONS = {
    "ASCEND_RT_VISIBLE_DEVICES": "one index for each of npus",
    "USE_PREFIX_HIGH_PRECISION_MODE": "prefixCaching needs it (manual, Step 3)",
    "USE_PFA_HIGH_PRECISION_MODE": "precision.prefill",
    "USE_IFA_HIGH_PRECISION_MODE": "precision.decode",
    "ENABLE_SPEC_METRIC": "speculative sets it (manual, Step 3)",
    "EAGLE_USE_SAFE_AI_LAB_STYLE": "speculative sets it (manual, Step 3)",
    "VLLM_IMAGE_FETCH_TIMEOUT": "multimodal sets it (manual, Step 3)",
    "PYTORCH_NPU_ALLOC_CONF": "multimodal sets it (manual, Step 3)",
    "VLLM_ENGINE_ITERATION_TIMEOUT_S": "graph or multimodal sets it (manual, Step 3)",
}
"""Why a variable is set."""
_FLAG_REASONS = {
    "speculative-draft-tensor-parallel-size": "the only value that works (manual, Step 3)",
    "max-cpu-loras": "the same as maxLoras (manual, Step 3)",
    "model": "weights are mounted at the node's path",
}
"""Why a flag changes that follows from another key."""
_VARIABLE_DEFAULTS = {
    "USE_PFA_HIGH_PRECISION_MODE": "1",
    "USE_IFA_HIGH_PRECISION_MODE": "0",
}
_OF_EACH_POD = ("HCCL_IF_IP", "VLLM_HOST_IP")
"""Variables of a group that the program sets to the address of each pod."""
_DEFAULTS_OF_GROUPS = ("HCCL_BUFFSIZE", "OMP_NUM_THREADS")
_ENGINE_DEFAULT = "the engine's default"


@dataclass(frozen=True)
class Comparison:
    """The launch of a service, before and after the conversion."""

    service: str
    kept: tuple[str, ...]
    """Flags and variables with the same value, and parts of the pod that remain."""
    differences: tuple[Difference, ...]
    added: tuple[Difference, ...] = ()
    """Parts of the pod that the files do not have."""


def compared(draft: Draft, cluster: Values) -> Comparison:
    """Compare the launch of the files with the launch of the stack file.

    Args:
        draft: The service.
        cluster: The keys of its cluster.
    """
    candidate = stand_in(draft.name, draft.values, cluster)
    service = candidate.service
    if service is None:
        return Comparison(draft.name, (), ())
    kept = [*_kept_in_pod(draft, service)]
    differences = []
    replaced_flags = _replaced_flags(candidate, service.release)
    pairs = [*_flags(draft, service)]
    pairs += _variables(draft, service)
    for pair in pairs:
        has_placeholder = bool(pair.old and PLACEHOLDER.search(pair.old))
        if pair.old == pair.new:
            kept.append(pair.name)
        elif pair.name not in replaced_flags and not has_placeholder:
            differences.append(pair)
    added: list[Difference] = []
    if not is_ours(draft.pod):
        added += added_to_pod(draft.pod, service)
    return Comparison(
        service=draft.name,
        kept=tuple(kept),
        differences=tuple(differences),
        added=tuple(added),
    )


def _replaced_flags(candidate: StandIn, engine: Release) -> set[str]:
    """The flags whose keys have stand-in values."""
    replaced_keys = {".".join(keys) for keys in candidate.replaced}
    flags = [flag for flag, key in engine.owned_flags.items() if key in replaced_keys]
    return {f"--{flag}" for flag in flags}


def _kept_in_pod(draft: Draft, service: ResolvedService) -> Iterator[str]:
    pod = draft.pod
    if pod.container.at("image").text() == service.image:
        yield "image"
    if pod.limits.at(pod.npu).text() == str(service.npus):
        yield counted(service.npus, "NPU")
    if pod.replicas == service.replicas:
        yield counted(service.replicas, "replica")


def _flags(draft: Draft, service: ResolvedService) -> Iterator[Difference]:
    """All flags before and after, also those that stay the same."""
    old_values = draft.flags.values
    new_values = _flags_of_launch(service)
    flags = service.release.flags
    owned_flags = service.release.owned_flags
    for name in dict.fromkeys([*old_values, *new_values]):
        old = _flag_text(old_values.get(name), name)
        new = _flag_text(new_values.get(name), name)
        if new is None and name in flags:
            why = _reason_left_out(flags[name], old_values[name])
        elif old and name in _FLAG_REASONS:
            why = _FLAG_REASONS[name]
        else:
            why = _origin(service, owned_flags.get(name, ""))
        yield Difference(
            name=f"--{name}",
            old=old,
            new=new,
            why=why,
        )


def _flags_of_launch(service: ResolvedService) -> dict[str, Any]:
    """The flags of the launch that the program writes."""
    server = server_command(words_of(launch(service).argv))
    if server is None:
        return {}
    return read_flags(server.arguments, server.kind, "", service.release).values


def _reason_left_out(flag: Flag, value: Any) -> str:
    if value == flag.default:
        return _ENGINE_DEFAULT
    return "another key determines it, or the stack file has no key for it"


def _origin(service: ResolvedService, key: str) -> str:
    """The origin of a value that the files do not contain."""
    origin = service.origins.get(key)
    if not origin or origin.source == "default":
        return "the default, written out"
    return origin.source


def _variables(draft: Draft, service: ResolvedService) -> Iterator[Difference]:
    """All variables before and after, also those that stay the same."""
    settings = draft.pod.start.environment
    old = {name: setting.text for name, setting in settings.items()}
    old.pop("PYTHONPATH", None)
    for name, reference in references_of(draft.pod.container).items():
        if "field" in reference:
            old[name] = f"the pod's {reference['field']}"
    new = {**launch(service).environment, **_values_of_the_pod(service)}
    if service.group:
        for name in _OF_EACH_POD:
            old.pop(name, None)
    for name in dict.fromkeys([*old, *new]):
        why = _reason_set(name, service)
        if name not in new:
            why = _reason_unset(name, old[name]) or why
        yield Difference(
            name=name,
            old=old.get(name),
            new=new.get(name),
            why=why,
        )


def _values_of_the_pod(service: ResolvedService) -> dict[str, str]:
    """The values that are known in the pod only, as a script writes them."""
    values = {name: str(field) for name, field in service.field_env.items()}
    for name, paths in service.path_env.items():
        parts = [paths.prepend, f"${{{name}}}", paths.append]
        values[name] = ":".join(part for part in parts if part)
    return values


def _reason_set(name: str, service: ResolvedService) -> str:
    if name in _VARIABLE_REASONS:
        return _VARIABLE_REASONS[name]
    if service.group and name in VARIABLES_OF_GROUPS:
        return f"{VARIABLES_OF_GROUPS[name]} sets it"
    if service.group and name in _DEFAULTS_OF_GROUPS:
        return "the default of a server over several nodes"
    if service.graph.kind == "pta":
        return "graph: pta sets it (manual, Step 3)"
    return "the stack file has no key that sets it"


def _reason_unset(name: str, value: str) -> str:
    if value == _VARIABLE_DEFAULTS.get(name):
        return _ENGINE_DEFAULT
    if name == "USE_PREFIX_HIGH_PRECISION_MODE":
        return "not needed without prefixCaching (manual, Step 3)"
    return ""


def _flag_text(value: Any, name: str) -> str | None:
    """The value of a flag as text, the same for every way to write it; None if the flag is not set."""
    if value is None or value is False:
        return None
    if name == "lora-modules":
        modules = [lora_module(str(item)) for item in value]
        return " ".join("=".join(module) for module in modules)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
