"""Rules on the type of the model: whether the release of the engine can load it, and whether it needs its own code."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.catalog.facts import ModelFacts
from models.engines.image_names import is_plugin_image, repository_of, tag_of
from models.engines.model_server import ModelServer
from models.engines.model_types import ModelTypes
from models.engines.rules import facts_rule
from models.engines.vllm_ascend.code_places import code_places
from models.engines.vllm_ascend.platforms import own_tag
from models.engines.vllm_ascend.records import is_older
from models.engines.vllm_ascend.tables import RELEASES, flag_table
from models.finding import Finding, Mark, at, error, warning

_OTHER_TYPE = ("config-format", "hf-config-path", "hf-overrides", "model-impl")
"""Flags with which vLLM takes the type or the layers of the model from elsewhere."""

_OTHER_TOKENIZER = ("skip-tokenizer-init", "tokenizer", "tokenizer-mode")
"""Flags with which vLLM takes the tokenizer from elsewhere."""

_WITH_CODE = frozenset({"minicpm3", "minimax_m2", "paddleocr_vl"})
"""Types whose directory contains the code of their configuration, although newer versions of transformers have it."""

_TOKENIZER_WITH_CODE = frozenset({"chatglm", "kimi_k2", "kimi_k25"})
"""Types whose config.json vLLM reads, but whose tokenizer or processor is code in the directory of the weights."""


@facts_rule("error", "warning")
def unsupported_model_type(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """The release of vllm-ascend can load models of this type.

    The release reads config.json with vLLM's own classes or with those of transformers, and looks for the layers in
    vLLM and its plugin. It exits if it has neither of them. It is an error if another release can load the type. The
    rule warns if the start depends on the image: a newer version of transformers, another plugin, or layers of
    transformers that vLLM can use.
    """
    types = flag_table(server.release.version).model_types
    if _is_set(server, _OTHER_TYPE):
        return
    kind = facts.model_type
    other = _other_release(server.release.version, kind)
    if types.loads(kind):
        if other and not types.reads(kind) and not _has_code(server, kind):
            yield _unread(server, types, kind, other)
    elif other and _is_refused(server, types, kind):
        yield _refused(server, kind, other)
    else:
        yield _doubtful(server, types, kind, other)


def _is_refused(server: ModelServer, types: ModelTypes, kind: str) -> bool:
    """Whether no code can replace the layers that the release does not have.

    The code of a type that earlier releases had layers for is too old for vLLM.
    """
    if types.reads(kind):
        return False
    return types.has_removed(kind) or not server.engine.trust_remote_code


def _refused(server: ModelServer, kind: str, other: str) -> Finding:
    version = server.release.version
    place = code_places(version).model_types
    edit = _edit(server, other)
    if not _reads(other, kind) and not server.engine.trust_remote_code:
        edit += " and write engine.trustRemoteCode: true"
    return error(
        f"vLLM {version} cannot load {kind} models such as {server.model.name}, but vLLM {other} can",
        why=f"vLLM {version} has no layers for {kind} models and exits at start ({place})",
        fix=edit,
        marks=_marks(kind, f"vLLM {version}"),
    )


def _doubtful(
    server: ModelServer, types: ModelTypes, kind: str, other: str | None
) -> Finding:
    version = server.release.version
    place = code_places(server.release.version).model_types
    source = "the code in the directory of the weights"
    if types.reads(kind):
        source = f"transformers {types.transformers}"
    edit = f'write accept.unsupported-model-type: "the image can load {kind} models", if this is true'
    if other:
        edit = f"{_edit(server, other)}, or {edit}"
    return warning(
        f"vLLM {version} has no layers for {kind} models such as {server.model.name}",
        why=f"it can use the layers of {source} only if they are compatible, and exits otherwise ({place})",
        fix=edit,
        marks=_marks(kind, f"vLLM {version}"),
    )


def _unread(server: ModelServer, types: ModelTypes, kind: str, other: str) -> Finding:
    version = server.release.version
    place = code_places(server.release.version).config_json
    accept = 'write accept.unsupported-model-type: "the image has a newer version of transformers"'
    return warning(
        f"vLLM {version} cannot read the config.json of {kind} models with transformers {types.transformers}",
        why=f"it exits at start if the image has no newer version of transformers ({place})",
        fix=f"{_edit(server, other)}, or {accept}, if this is true",
        marks=_marks(kind, f"transformers {types.transformers}"),
    )


def _marks(kind: str, in_image: str) -> list[Mark]:
    """The model with its type, and the image with what it contains."""
    return [at("model.name", f"model type {kind}"), at("image", in_image)]


@facts_rule("error", "warning")
def remote_code_off(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """`trustRemoteCode` is on for a model that needs the Python code in the directory of its weights.

    vLLM exits if neither vLLM nor transformers can read the config.json of such a model. The rule warns if only the
    tokenizer is code, because the directory can contain another one.
    """
    types = flag_table(server.release.version).model_types
    if server.engine.trust_remote_code:
        return
    kind = facts.model_type
    if types.loads(kind) and not types.reads(kind) and _has_code(server, kind):
        place = code_places(server.release.version).config_json
        yield _code_off(server, error, kind, "config.json", place)
    elif kind in _TOKENIZER_WITH_CODE and not _is_set(server, _OTHER_TOKENIZER):
        place = code_places(server.release.version).tokenizer
        yield _code_off(server, warning, kind, "tokenizer", place)


def _code_off(
    server: ModelServer,
    severity: Callable[..., Finding],
    kind: str,
    part: str,
    place: str,
) -> Finding:
    version = server.release.version
    return severity(
        f"the {part} of {server.model.name} needs the code in the directory of the weights, but"
        " engine.trustRemoteCode is off",
        why=f"vLLM {version} exits at start: it has no class for the {part} of {kind} models ({place})",
        fix="write engine.trustRemoteCode: true, if you trust the code in the directory of the weights",
        marks=[
            at("engine.trustRemoteCode"),
            at("model.name", f"model type {kind}"),
        ],
    )


def _has_code(server: ModelServer, kind: str) -> bool:
    """Whether the directory of the weights contains the code of the configuration, if it is the published one."""
    if _is_set(server, _OTHER_TYPE):
        return False
    is_read_by_another = any(_reads(release, kind) for release in RELEASES)
    return kind in _WITH_CODE or not is_read_by_another


def _other_release(version: str, kind: str) -> str | None:
    """The nearest other release that loads a type: a later one, or else an earlier one."""
    supporting = [other for other in RELEASES if _loads(other, kind)]
    later: list[str] = [other for other in supporting if is_older(version, other)]
    if later:
        return later[0]
    earlier: list[str] = [other for other in supporting if is_older(other, version)]
    return earlier[-1] if earlier else None


def _loads(release: str, kind: str) -> bool:
    return flag_table(release).model_types.loads(kind)


def _reads(release: str, kind: str) -> bool:
    return flag_table(release).model_types.reads(kind)


def _is_set(server: ModelServer, flags: tuple[str, ...]) -> bool:
    return any(server.further(flag) is not None for flag in flags)


def _edit(server: ModelServer, other: str) -> str:
    """The edit that selects another release."""
    version = f"write engine.version: {other}"
    if not is_plugin_image(server.image):
        return f"{version}, with an image of this release"
    tag = own_tag(other, tag_of(server.image))
    edit = f"write image: {repository_of(server.image)}:{tag}"
    if "engine.version" in server.configured:
        return f"{edit} and {version}"
    return edit
