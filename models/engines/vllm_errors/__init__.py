"""Errors of vLLM itself that the releases of all families log in the same or nearly the same words."""

from __future__ import annotations

from models.engines.vllm_errors.arguments import ARGUMENT_ERRORS
from models.engines.vllm_errors.memory import MEMORY_ERRORS
from models.engines.vllm_errors.models import MODEL_ERRORS

VLLM_ERRORS = (
    *MEMORY_ERRORS,
    *MODEL_ERRORS,
    *ARGUMENT_ERRORS,
)
"""The errors of vLLM, the most specific first. `PROCESS_ERRORS` only point to these."""
