"""Rules on requests for releases of vllm-ascend."""

from __future__ import annotations

from models.engines.rules import RequestRule

REQUEST_RULES: tuple[RequestRule, ...] = ()
