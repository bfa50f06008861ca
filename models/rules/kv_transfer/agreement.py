"""The rule on what two services that exchange KV cache have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from models.engines.edits import extra_argument_key
from models.engines.releases import release_of_image
from models.finding import Finding, error
from models.rules.kv_transfer.pair import Pair, key_of, mark_of, pair_of
from models.rules.registry import stack_rule
from models.service.resolved import ResolvedService, ResolvedStack
from models.yaml_scalar import as_yaml

_DECODE_CONTEXT = "decode-context-parallel-size"
_MOONCAKE = "vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_connector.py"
_SAME_TOKENS = "both servers convert messages to tokens, and the KV cache of different tokens gives wrong answers"
_NEEDED_BY_BOTH = ("server.toolCallParser",)
_SAME_BYTES = "the bytes of the KV cache are transferred unchanged"


@dataclass(frozen=True)
class _Agreement:
    """A value that both services have in common."""

    subject: str
    key: str
    value: Callable[[ResolvedService], Any]
    why: str
    edit_key: str = ""
    """The key that the fix writes, if it is another one."""
    written: Callable[[ResolvedService], str | None] | None = None
    """The value as the fix writes it, or None to remove the key. By default, the value as JSON."""
    flag: str = ""
    """The flag under `extraArgs`, if no key sets the value."""


def _model_value(service: ResolvedService) -> str:
    """The value of `model` that has the name and the path of a service's model."""
    model = service.model
    if PurePosixPath(model.path).name == model.name:
        return model.path
    return as_yaml({"name": model.name, "source": model.path})


def _api_key(service: ResolvedService) -> str | None:
    key = service.server.api_key
    return f"{{secret: {key.secret}, key: {key.key}}}" if key else None


def _adapters(service: ResolvedService) -> str | None:
    if service.lora is None:
        return None
    paths = {name: str(path) for name, path in service.lora.adapters.items()}
    return json.dumps({"adapters": paths})


def _template(service: ResolvedService) -> Any:
    template = service.server.chat_template
    return template.model_dump(mode="json", by_alias=True) if template else None


def _tokenizer(service: ResolvedService) -> str | None:
    path = service.further("tokenizer")
    return None if path is None else str(path)


def _tokenizer_name(service: ResolvedService) -> str | None:
    """The name of another tokenizer's directory; None for that of the model.

    The services may mount the same files at different paths.
    """
    path = _tokenizer(service)
    if path is None or path == service.model.path:
        return None
    name = PurePosixPath(path).name
    return None if name == service.model.name else name


_QUANTIZED_CACHES = (
    "enable_sparse_c8",
    "enable_sparse_sfa_c8",
    "enable_sparse_li_c8",
)
"""Keys of `additionalConfig` that store the KV cache of sparse attention as INT8 (vllm_ascend/ascend_config.py:280 of
0.23.0, :157 of 0.18.0)."""


def _of_flag(subject: str, flag: str, why: str, *, default: Any = None) -> _Agreement:
    """An agreement on a flag that has no key."""

    def value(service: ResolvedService) -> Any:
        configured = service.further(flag)
        return default if configured is None else configured

    return _Agreement(subject, "engine.extraArgs", value, why, flag=flag)


def _of_cache(name: str) -> _Agreement:
    """An agreement on a KV cache that a key of the plugin quantizes, if the release reads the key."""

    def value(service: ResolvedService) -> Any:
        is_read = name in service.release.read_names.get("key", ())
        is_sparse = service.facts is None or service.facts.index_topk is not None
        is_on = service.engine.additional_config.get(name) is True
        return is_read and is_sparse and is_on

    return _Agreement(name, f"engine.additionalConfig.{name}", value, _SAME_BYTES)


_AGREEMENTS = (
    _Agreement(
        "the release",
        "engine.version",
        lambda service: service.release.version,
        "the form of the messages between the servers depends on the release",
    ),
    _Agreement(
        "the model",
        "model.name",
        lambda service: service.model.name,
        "a model cannot use the KV cache of another",
        edit_key="model",
        written=_model_value,
    ),
    _Agreement(
        "the block size",
        "engine.blockSize",
        lambda service: service.engine.block_size,
        f"the KV cache is transferred block by block ({_MOONCAKE})",
    ),
    _Agreement(
        "the type of numbers",
        "engine.dtype",
        lambda service: service.engine.dtype,
        _SAME_BYTES,
    ),
    _Agreement(
        "the type of the KV cache",
        "engine.kvCacheDtype",
        lambda service: service.engine.kv_cache_dtype or "auto",
        _SAME_BYTES,
    ),
    _Agreement(
        "the names of the model",
        "engine.servedModelName",
        lambda service: service.engine.served_model_name,
        "a request goes to both servers with the same name",
    ),
    _Agreement(
        "the API key",
        "server.apiKey",
        lambda service: service.server.api_key,
        "a request goes to both servers with the same key",
        written=_api_key,
    ),
    _Agreement(
        "the LoRA adapters",
        "lora",
        lambda service: [*service.lora.adapters] if service.lora else [],
        "the KV cache of an adapter is useless without it, and a server refuses the name of an adapter that it lacks",
        written=_adapters,
    ),
    _Agreement(
        "the chat template",
        "server.chatTemplate",
        _template,
        _SAME_TOKENS,
    ),
    _Agreement(
        "the tokenizer",
        "engine.extraArgs.tokenizer",
        _tokenizer_name,
        _SAME_TOKENS,
        written=_tokenizer,
    ),
    _of_flag("the tokenizer's mode", "tokenizer-mode", _SAME_TOKENS, default="auto"),
    _of_flag(
        "the form of contents",
        "chat-template-content-format",
        _SAME_TOKENS,
        default="auto",
    ),
    _of_flag(
        "the values of the chat template", "default-chat-template-kwargs", _SAME_TOKENS
    ),
    _of_flag("the settings of images", "mm-processor-kwargs", _SAME_TOKENS),
    _of_flag(
        "the layers without a quantized KV cache",
        "kv-cache-dtype-skip-layers",
        _SAME_BYTES,
    ),
    _of_flag(
        "the type of Mamba's state", "mamba-cache-dtype", _SAME_BYTES, default="auto"
    ),
    _of_flag(
        "the type of Mamba's SSM state",
        "mamba-ssm-cache-dtype",
        _SAME_BYTES,
        default="auto",
    ),
    *(_of_cache(name) for name in _QUANTIZED_CACHES),
    _Agreement(
        "the parser of tool calls",
        "server.toolCallParser",
        lambda service: service.server.tool_call_parser,
        "a request with tools goes to both servers, and one without a parser refuses it",
    ),
)


@stack_rule("error")
def kv_transfer_agreement(stack: ResolvedStack) -> Iterator[Finding]:
    """Both services agree on what the KV cache and the requests have in common.

    The servers do not compare it. The answers would be wrong, or requests would fail.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    for agreement in _AGREEMENTS:
        of_prefill = agreement.value(pair.prefill)
        of_decode = agreement.value(pair.decode)
        if of_prefill == of_decode:
            continue
        notes = [_shown(of_prefill), _shown(of_decode)]
        yield error(
            f"{pair.prefill.name} and {pair.decode.name} differ in {agreement.subject}: {notes[0]} and {notes[1]}",
            why=agreement.why,
            fix=_agreement_edit(pair, agreement),
            marks=[
                mark_of(service, _key(agreement, service), note)
                for service, note in zip(pair.services, notes, strict=True)
            ],
        )
    yield from _decode_context(pair)


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict | bool):
        return json.dumps(value)
    return str(value)


def _image_edit(pair: Pair) -> str:
    """The edit that gives both services one image: that of prefill, unless only the other one names its release."""
    is_named = release_of_image(pair.prefill.image) is not None
    if not is_named and release_of_image(pair.decode.image):
        return f"write {key_of(pair.prefill, 'image')}: {pair.decode.image}"
    return f"write {key_of(pair.decode, 'image')}: {pair.prefill.image}"


def _key(agreement: _Agreement, service: ResolvedService) -> str:
    if agreement.flag:
        return extra_argument_key(service, agreement.flag)
    return agreement.key


def _agreement_edit(pair: Pair, agreement: _Agreement) -> str:
    """The edit that gives the service for decode the value of the service for prefill.

    A setting that only the service for decode has goes to the other one, if it has no key or needs one on both sides.
    """
    if agreement.key == "engine.version":
        return _image_edit(pair)
    source, target = pair.services
    is_shared = agreement.flag or agreement.key in _NEEDED_BY_BOTH
    if is_shared and not _is_configured(agreement, source):
        source, target = target, source
    key = key_of(target, agreement.edit_key or _key(agreement, target))
    text = _written(agreement, source)
    if text is None:
        return f"remove {key}"
    return f"write {key}: {text}"


def _is_configured(agreement: _Agreement, service: ResolvedService) -> bool:
    if agreement.flag:
        return service.further(agreement.flag) is not None
    return agreement.value(service) is not None


def _written(agreement: _Agreement, service: ResolvedService) -> str | None:
    """The value of a service as a stack file has it; None if the service has none."""
    if agreement.written:
        return agreement.written(service)
    value = agreement.value(service)
    if value is None or value == []:
        return None
    return json.dumps(value)


def _decode_context(pair: Pair) -> Iterator[Finding]:
    """Decode context parallelism divides the KV cache differently, so both servers have it or neither."""
    divided = [
        int(service.further(_DECODE_CONTEXT) or 1) > 1 for service in pair.services
    ]
    if divided[0] == divided[1]:
        return
    with_it = pair.services[divided.index(True)]
    without = pair.services[divided.index(False)]
    size = with_it.further(_DECODE_CONTEXT)
    key = "engine.extraArgs.decodeContextParallelSize"
    yield error(
        f"{with_it.name} has the decode context parallel size {size}, but {without.name} has none",
        why=f"it divides the KV cache of each prompt, which the other server reads whole ({_MOONCAKE})",
        fix=f"remove {key_of(with_it, key)}, or write {key_of(without, key)}: {size}",
        marks=[mark_of(with_it, key), mark_of(without, "engine")],
    )
