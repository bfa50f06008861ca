"""Metrics of Ascend-vLLM, and how its server is drained: vLLM 0.6.3 drops its requests on SIGTERM
(vllm/entrypoints/openai/api_server.py:200)."""

from __future__ import annotations

from models.engines.metrics import Metrics
from models.engines.model_server import ModelServer

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

_DRAIN_SECONDS = {"openai": 300, "api_server": 60}


def default_drain(server_kind: str) -> int:
    """Seconds of the drain where the stack file sets none.

    The plain server does not report its requests, so each pod waits for the whole time.
    """
    return _DRAIN_SECONDS[server_kind]


def counts_requests(server: ModelServer) -> bool:
    """Whether the server reports its unfinished requests to a script in its container.

    The plain server has no metrics. With TLS the script cannot read them, and without statistics there are none.
    """
    if server.server.kind == "api_server":
        return False
    return not (server.tls or server.further("disable-log-stats"))
