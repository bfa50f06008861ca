"""Checks of what a list or a mapping under `extraArgs` contains; the rule on JSON flags applies them."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.vllm_refusals import refused_flag

_MAPPINGS = {
    "pt-load-map-location": "map-location-text",
    "model-class-overrides": "class-overrides-text",
}
"""JSON flags that map texts to texts, and the ids of their refusals."""

_MAPPINGS_ONLY = {
    "diffusion-config": "mapping-diffusion",
    "hf-overrides": "mapping",
    "media-io-kwargs": "mapping",
    "mm-processor-kwargs": "mapping",
    "model-class-overrides": "mapping-classes",
    "override-generation-config": "mapping",
    "watermark-config": "mapping-watermark",
}
"""JSON flags of which vLLM reads a mapping after the parser has accepted any JSON, and the ids of their refusals."""

_KINDS = "media-io-kwargs"
"""The flag with a mapping for each kind of media."""

_LISTS = {
    "allowed-media-domains": "empty-domain",
    "logits-processors": "empty-logits-processor",
}
"""Lists of texts in which the parser replaces an empty text by none, and the ids of their refusals."""

_DIFFUSION = ("canvas_length", "max_denoising_steps")
"""The fields of `--diffusion-config`."""

_WATERMARK = (
    "algorithm",
    "allow_target_only_watermarking",
    "alpha",
    "context_width",
    "deduplicate_contexts",
    "deduplicate_contexts_max_history",
    "key",
    "prf",
)
"""The fields of `--watermark-config`."""

_NO_TEXT = ("", "None")
"""Words that the parser reads as none."""


def mapping_of_texts(server: ModelServer) -> Iterator[Problem]:
    """A mapping of devices or classes maps texts to texts."""
    for flag, refusal in _MAPPINGS.items():
        mapping = server.further(flag)
        if not isinstance(mapping, dict):
            continue
        others = [name for name, value in mapping.items() if not isinstance(value, str)]
        if others:
            yield Problem(
                refusal,
                f"{others[0]} of --{flag} must be text, not {mapping[others[0]]!r}",
                f"remove {extra_argument_key(server, flag)}",
                [extra_argument_mark(server, flag)],
            )


def mappings_only(server: ModelServer) -> Iterator[Problem]:
    """A mapping is not a list, and not a text that the parser does not read as JSON."""
    for flag, refusal in _MAPPINGS_ONLY.items():
        value = server.further(flag)
        if value is None or isinstance(value, dict):
            continue
        if isinstance(value, str) and value.lstrip().startswith("{"):
            continue
        yield refused_flag(server, flag, refusal, "must be a mapping")
    kinds = server.further(_KINDS)
    if not isinstance(kinds, dict):
        return
    others = [kind for kind, value in kinds.items() if not isinstance(value, dict)]
    if others:
        key = extra_argument_key(server, _KINDS)
        yield Problem(
            "mapping",
            f"{others[0]} of --{_KINDS} must be a mapping",
            f"remove {key}.{others[0]}",
            [extra_argument_mark(server, _KINDS)],
        )


def empty_items(server: ModelServer) -> Iterator[Problem]:
    """The items of a list are texts."""
    for flag, refusal in _LISTS.items():
        items = server.further(flag)
        if not isinstance(items, list):
            continue
        texts = [item for item in items if item not in _NO_TEXT]
        if len(texts) == len(items):
            continue
        key = extra_argument_key(server, flag)
        fix = f"remove {key}"
        if texts:
            fix = f"write {key}: [{', '.join(map(str, texts))}]"
        yield Problem(
            refusal,
            f"--{flag} contains an empty text",
            fix,
            [extra_argument_mark(server, flag)],
        )


def pooler_sigma(server: ModelServer) -> Iterator[Problem]:
    """Logits are divided by a number other than 0."""
    flag, field = "pooler-config", "logit_sigma"
    config = server.further(flag)
    if not isinstance(config, dict) or config.get(field) != 0:
        return
    key = extra_argument_key(server, flag)
    yield Problem(
        "pooler-sigma",
        f"{field} of --{flag} is 0, and logits cannot be divided by it",
        f"remove {key}.{field}",
        [extra_argument_mark(server, flag)],
    )


def diffusion_fields(server: ModelServer) -> Iterator[Problem]:
    """The parser accepts any JSON, and vLLM reads two fields of it afterwards."""
    flag = "diffusion-config"
    config = server.further(flag)
    if not isinstance(config, dict):
        return
    unknown = [name for name in config if name not in _DIFFUSION]
    if not unknown:
        return
    key = extra_argument_key(server, flag)
    yield Problem(
        "diffusion-fields",
        f"--{flag} has no field {unknown[0]}: it has {', '.join(_DIFFUSION)}",
        f"remove {key}",
        [extra_argument_mark(server, flag)],
    )


def watermark_fields(server: ModelServer) -> Iterator[Problem]:
    """A watermark has a key, and only known fields."""
    flag = "watermark-config"
    config = server.further(flag)
    if not isinstance(config, dict):
        return
    because = f"has no key: it has {', '.join(config) or 'no field'}"
    unknown = [name for name in config if name not in _WATERMARK]
    if unknown:
        because = f"has no field {unknown[0]}: it has {', '.join(_WATERMARK)}"
    if unknown or "key" not in config:
        yield refused_flag(server, flag, "mapping-watermark", because)


def sparse_cache_on_the_host(server: ModelServer) -> Iterator[Problem]:
    """HiSparse runs on CUDA only."""
    flag, field = "attention-config", "hisparse_config"
    config = server.further(flag)
    if not isinstance(config, dict) or config.get(field) is None:
        return
    yield Problem(
        "hisparse",
        f"{field} of --{flag} is for CUDA only, not for NPUs",
        f"remove {extra_argument_key(server, flag)}.{field}",
        [extra_argument_mark(server, flag)],
    )


def communicator_of_experts(server: ModelServer) -> Iterator[Problem]:
    """The parser checks the flag, which NPUs do not use: the exchange is asynchronous unless `use_async` is false."""
    flag, field = "eplb-config", "communicator"
    config = server.further(flag)
    if not isinstance(config, dict) or config.get("use_async") is False:
        return
    if config.get(field) not in ("pynccl", "torch_nccl"):
        return
    yield Problem(
        "expert-communicator",
        f"{field} {config[field]} of --{flag} does not work asynchronously",
        f"remove {extra_argument_key(server, flag)}",
        [extra_argument_mark(server, flag)],
    )


def engram(server: ModelServer) -> Iterator[Problem]:
    """Embeddings of n-grams run on CUDA only, whatever the fields of the flag are."""
    flag = "engram-config"
    if server.further(flag) is None:
        return
    yield Problem(
        flag,
        f"--{flag} is for CUDA only, not for NPUs",
        f"remove {extra_argument_key(server, flag)}",
        [extra_argument_mark(server, flag)],
    )


def encoder_cache_manager(server: ModelServer) -> Iterator[Problem]:
    """The settings of a manager need the class that reads them."""
    flag = "ec-manager-config"
    config = server.further(flag)
    if not isinstance(config, dict) or not config.get("manager_config"):
        return
    if config.get("encoder_cache_manager_cls") is not None:
        return
    yield Problem(
        flag,
        f"--{flag} has a manager_config, but no encoder_cache_manager_cls",
        f"remove {extra_argument_key(server, flag)}",
        [extra_argument_mark(server, flag)],
    )
