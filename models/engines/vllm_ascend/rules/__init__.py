"""Rules that hold for releases of vllm-ascend only, one module for each topic."""

from models.engines.rules import ServiceRule

RULES: tuple[ServiceRule, ...] = ()
