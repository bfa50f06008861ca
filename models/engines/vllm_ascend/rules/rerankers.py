"""The rule on models that score documents, but whose weights are those of a model that generates text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.catalog.facts import ModelFacts
from models.engines.edits import extra_argument_key
from models.engines.model_server import ModelServer
from models.engines.rules import facts_rule
from models.engines.vllm_ascend.code_places import code_places
from models.finding import Finding, at, warning
from models.yaml_scalar import as_yaml

_FLAG = "hf-overrides"

_ARCHITECTURES = {
    "qwen3": "Qwen3ForSequenceClassification",
    "qwen3_vl": "Qwen3VLForSequenceClassification",
}
"""The architecture that scores documents, for types whose config.json names one that generates text."""


@facts_rule("warning")
def reranker_generates(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """Qwen3-Reranker starts as a model that scores documents.

    The config.json of the published weights has the architecture of a model that generates text. Without
    `hf-overrides`, vLLM starts a server that generates text: it does not have /v1/rerank and /v1/score
    (vllm/model_executor/models/config.py). Weights that were converted before have another config.json: write
    `model.configJson`.
    """
    architecture = _ARCHITECTURES.get(facts.model_type)
    if facts.kind != "rerank" or architecture is None or _is_converted(server):
        return
    overrides = server.further(_FLAG)
    given: Mapping[str, Any] = overrides if isinstance(overrides, dict) else {}
    if "architectures" in given:
        return
    needed = {
        **given,
        "architectures": [architecture],
        "classifier_from_token": ["no", "yes"],
        "is_original_qwen3_reranker": True,
    }
    version = server.release.version
    yield warning(
        f"{server.model.name} starts as a model that generates text: hf-overrides does not name {architecture}",
        why=f"vLLM {version} then answers neither /v1/rerank nor /v1/score ({code_places(version).reranker})",
        fix=f"write {extra_argument_key(server, _FLAG)}: {as_yaml(needed)}",
        marks=[at("model.name", "weights of a model that generates text")],
    )


def _is_converted(server: ModelServer) -> bool:
    """Whether the service has its own config.json, or another setting for the task."""
    has_own_facts = any(key.startswith("model.configJson") for key in server.configured)
    return has_own_facts or server.further("convert") not in (None, "auto")
