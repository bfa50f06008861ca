"""Checks of what a list or a mapping under `extraArgs` contains; the rule on JSON flags applies them."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem

_MAPPINGS = {
    "pt-load-map-location": "map-location-text",
    "model-class-overrides": "class-overrides-text",
}
"""JSON flags that map texts to texts, and the ids of their refusals."""

_LISTS = {
    "allowed-media-domains": "empty-domain",
    "logits-processors": "empty-logits-processor",
}
"""Lists of texts in which the parser replaces an empty text by none, and the ids of their refusals."""

_DIFFUSION = ("canvas_length", "max_denoising_steps")
"""The fields of `--diffusion-config`."""

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
