"""Metrics of Ascend-vLLM, and how its server is drained: vLLM 0.6.3 drops its requests on SIGTERM
(vllm/entrypoints/openai/api_server.py:200)."""

from __future__ import annotations

from models.engines.metrics import Metrics

HEALTH_PATH = "/health"
"""Both servers answer it without a key, the OpenAI server as long as its engine lives
(vllm/entrypoints/openai/api_server.py:268, vllm/entrypoints/api_server.py:34)."""

METRICS = Metrics(
    path="/metrics",
    kv_cache_usage="vllm:gpu_cache_usage_perc",
    waiting_requests="vllm:num_requests_waiting",
    unfinished_requests=(
        "vllm:num_requests_running",
        "vllm:num_requests_waiting",
        "vllm:num_requests_swapped",
    ),
)
"""Gauges of the OpenAI server (vllm/engine/metrics.py)."""

METRIC_NAMES = {
    "end_to_end": "vllm:e2e_request_latency_seconds",
    "finished": "vllm:request_success_total",
    "generation_tokens": "vllm:generation_tokens_total",
    "kv_cache_usage": "vllm:gpu_cache_usage_perc",
    "preemptions": "vllm:num_preemptions_total",
    "prompt_tokens": "vllm:prompt_tokens_total",
    "running": "vllm:num_requests_running",
    "swapped": "vllm:num_requests_swapped",
    "time_between_tokens": "vllm:time_per_output_token_seconds",
    "time_to_first_token": "vllm:time_to_first_token_seconds",
    "waiting": "vllm:num_requests_waiting",
}
"""Names of metrics by their use (vllm/engine/metrics.py)."""
