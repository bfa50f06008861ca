"""Rules on two services that are one: prefill and decode on separate servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from models.engines.kv_transfer import KvConnector
from models.engines.releases import release_of_image, releases
from models.finding import Finding, Mark, error
from models.rules.kv_transfer.pair import Pair, key_of, mark_of, pair_of
from models.rules.registry import stack_rule
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.errors.unknown_keys import nearest
from models.words import listed
from models.yaml_scalar import as_yaml

_FLAG = "kv-transfer-config"
_DECODE_CONTEXT = "decode-context-parallel-size"
_MOONCAKE = "vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_connector.py"
_KTHENA = "Kthena, pkg/kthena-router"


@stack_rule("error")
def kv_transfer_services(stack: ResolvedStack) -> Iterator[Finding]:
    """`kvTransfer` names two different services of the stack.

    The services exchange KV cache, so each has to know the sizes of the other.
    """
    config = stack.kv_transfer
    if config is None:
        return
    names = [service.name for service in stack.services]
    for key, name in {"prefill": config.prefill, "decode": config.decode}.items():
        if name in names or name in stack.broken:
            continue
        others = [
            known for known in names if known not in (config.prefill, config.decode)
        ]
        meant = nearest(name, dict.fromkeys(others)) or next(iter(others), None)
        fix = "remove kvTransfer"
        if meant:
            fix = f"write kvTransfer.{key}: {meant}"
        yield error(
            f"kvTransfer.{key} names the service {name}, which the stack does not have",
            why="both servers of the pair are services of this stack",
            fix=fix,
            marks=[Mark(("kvTransfer", key))],
        )
    if config.prefill == config.decode:
        yield error(
            f"kvTransfer names the service {config.prefill} for both prefill and decode",
            why="a server that does both needs no transfer of KV cache",
            fix="remove kvTransfer",
            marks=[Mark(("kvTransfer", "decode")), Mark(("kvTransfer", "prefill"))],
        )


@stack_rule("error")
def kv_transfer_release(stack: ResolvedStack) -> Iterator[Finding]:
    """The release of both services has the connector of the pair.

    0.6.3 has no connector for NPUs. The connectors of a plugin without tables are not known.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    connector = pair.config.connector
    without = [
        service
        for service in pair.services
        if connector not in service.release.kv_connectors
    ]
    if not without:
        return
    versions = dict.fromkeys(service.release.version for service in without)
    newest = _newest_release_with(connector)
    yield error(
        f"the connector {connector} of the pair is not known to exist in {listed([*versions])}",
        why="a server exits at start if it does not know the connector of --kv-transfer-config",
        fix=f"remove kvTransfer, or use images of vllm-ascend {newest} for both services",
        marks=[
            Mark(("kvTransfer",)),
            *(
                mark_of(service, "image", service.release.version)
                for service in without
            ),
        ],
    )


def _newest_release_with(connector: KvConnector) -> str:
    """The newest release whose plugin is known to have a connector."""
    versions = [
        release.version
        for release in releases().values()
        if connector in release.kv_connectors
    ]
    return versions[-1]


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
        "the bytes of the KV cache are transferred unchanged",
    ),
    _Agreement(
        "the type of the KV cache",
        "engine.kvCacheDtype",
        lambda service: service.engine.kv_cache_dtype or "auto",
        "the bytes of the KV cache are transferred unchanged",
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
        "both servers convert messages to tokens, and the KV cache of different tokens gives wrong answers",
    ),
    _Agreement(
        "the tokenizer",
        "engine.extraArgs.tokenizer",
        _tokenizer_name,
        "both servers convert messages to tokens, and the KV cache of different tokens gives wrong answers",
        written=_tokenizer,
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
            marks=pair.marks(agreement.key, notes),
        )
    yield from _decode_context(pair)


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, dict):
        (value,) = value.values()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _image_edit(pair: Pair) -> str:
    """The edit that gives both services one image: that of prefill, unless only the other one names its release."""
    is_named = release_of_image(pair.prefill.image) is not None
    if not is_named and release_of_image(pair.decode.image):
        return f"write {key_of(pair.prefill, 'image')}: {pair.decode.image}"
    return f"write {key_of(pair.decode, 'image')}: {pair.prefill.image}"


def _agreement_edit(pair: Pair, agreement: _Agreement) -> str:
    """The edit that gives the service for decode the value of the service for prefill."""
    if agreement.key == "engine.version":
        return _image_edit(pair)
    key = key_of(pair.decode, agreement.edit_key or agreement.key)
    text = _written(agreement, pair.prefill)
    if text is None:
        return f"remove {key}"
    return f"write {key}: {text}"


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


@stack_rule("error")
def kv_transfer_by_hand(stack: ResolvedStack) -> Iterator[Finding]:
    """A service of a pair sets no `--kv-transfer-config`.

    The roles, the ports and the sizes follow from `kvTransfer`. A second value would replace them.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    for service in pair.services:
        for part, arguments in {
            "engine": service.engine.extra_args,
            "server": service.server.extra_args,
        }.items():
            for name in arguments:
                flag = service.release.flag(name)
                if flag is None or flag.name != _FLAG:
                    continue
                key = f"{part}.extraArgs.{name}"
                yield error(
                    f"{service.name} has {name}, but kvTransfer of the stack already sets it",
                    why="vLLM takes the last value of a flag, so the two services could not work together",
                    fix=f"remove {key_of(service, key)}, or remove kvTransfer",
                    marks=[mark_of(service, key), Mark(("kvTransfer",))],
                )
