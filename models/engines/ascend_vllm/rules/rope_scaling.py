"""The rule on `--rope-scaling`, a flag that later releases do not have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.catalog.facts import UNSCALED
from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.finding import Finding, error
from models.yaml_scalar import as_yaml


@rule("error")
def rope_scaling(server: ModelServer) -> Iterator[Finding]:
    """`ropeScaling` under `extraArgs` contains its type and the fields that the type needs.

    vLLM 0.6.3 exits when it computes the longest request without them: it reads `type` or `rope_type`, `factor` for
    most types, and `original_max_position_embeddings` for yarn (vllm/config.py:1741).
    """
    scaling = server.further("rope-scaling")
    if not isinstance(scaling, dict):
        return
    kind = scaling.get("type", scaling.get("rope_type"))
    missing = []
    if kind is None:
        missing.append("type")
    if kind not in UNSCALED and "factor" not in scaling:
        missing.append("factor")
    if kind == "yarn" and "original_max_position_embeddings" not in scaling:
        missing.append("original_max_position_embeddings")
    if missing:
        key = extra_argument_key(server, "rope-scaling")
        yield error(
            f"--rope-scaling has no {' and no '.join(missing)}",
            why="vLLM 0.6.3 exits when it computes the longest request (vllm/config.py:1741)",
            fix=_complete_edit(server, key, scaling, missing),
            marks=[extra_argument_mark(server, "rope-scaling")],
        )


def _complete_edit(
    server: ModelServer,
    key: str,
    scaling: Mapping[str, Any],
    missing: Sequence[str],
) -> str:
    """The edit that adds the missing fields, from the facts of the model."""
    if server.facts is None or server.facts.context is None:
        fields = " and ".join(missing)
        return f"remove {key}, or add {fields} from the model's config.json"

    context = server.facts.context
    stretched = server.engine.max_model_len / context
    complete = dict(scaling)
    if "type" in missing:
        complete["type"] = "yarn"
    if "factor" in missing:
        complete["factor"] = max(2, math.ceil(stretched))
    kind = complete.get("type", complete.get("rope_type"))
    if kind == "yarn":
        complete.setdefault("original_max_position_embeddings", context)
    return f"write {key}: {as_yaml(complete)}"
