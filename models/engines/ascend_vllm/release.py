"""A release of Ascend-vLLM: its answers to the questions of `Release`."""

from __future__ import annotations

import json
from pathlib import Path

from models.engines.ascend_vllm.owned_keys import OWNED_FLAGS, OWNED_VARIABLES
from models.engines.flags import Limit, flag_from_json
from models.engines.release import Exclusion, ModelSupport, Release

_TABLES = Path(__file__).parent / "flags"


class AscendVllm(Release):
    """A release of Ascend-vLLM, Huawei's closed build of vLLM for Ascend NPUs (the manual)."""

    owned_flags = OWNED_FLAGS
    owned_variables = OWNED_VARIABLES

    def __init__(self, version: str) -> None:
        table = json.loads((_TABLES / f"vllm-{version}.json").read_text(encoding="utf-8"))
        flags = map(flag_from_json, table["flags"])
        self.version = version
        self.flags = {flag.name: flag for flag in flags}
        self.limits = tuple(Limit(**entry) for entry in table["limits"])
        self.integer_variables = frozenset(table["integer_variables"])
        self.model_support = ModelSupport(
            architectures=frozenset(table["architectures"]),
            without_lora=frozenset(table["no_lora"]),
            without_pipeline=frozenset(table["no_pipeline_parallelism"]),
            remote_code=frozenset(table["remote_code"]),
        )
        self.exclusions = tuple(Exclusion(**entry) for entry in table["exclusions"])
        self.modules = table["modules"]
