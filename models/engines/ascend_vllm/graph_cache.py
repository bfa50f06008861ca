"""Flags and variables that do not change the compiled graphs. Any other may change them."""

from __future__ import annotations

NEUTRAL_FLAGS = frozenset(
    {
        "host",
        "port",
        "root-path",
        "ssl-keyfile",
        "ssl-certfile",
        "ssl-ca-certs",
        "ssl-cert-reqs",
        "allow-credentials",
        "allowed-origins",
        "allowed-methods",
        "allowed-headers",
        "api-key",
        "served-model-name",
        "chat-template",
        "response-role",
        "enable-auto-tool-choice",
        "tool-call-parser",
        "return-tokens-as-token-ids",
        "disable-fastapi-docs",
        "uvicorn-log-level",
        "log-level",
        "disable-log-stats",
        "disable-log-requests",
        "max-log-len",
        "otlp-traces-endpoint",
    }
)
"""Flags of the HTTP server and of logging. Flags that load code into the server are not among them (`middleware`,
`tool-parser-plugin`)."""

NEUTRAL_VARIABLES = frozenset(
    {
        "VLLM_ENGINE_ITERATION_TIMEOUT_S",
        "VLLM_RPC_TIMEOUT",
        "VLLM_IMAGE_FETCH_TIMEOUT",
        "VLLM_AUDIO_FETCH_TIMEOUT",
        "VLLM_API_KEY",
        "VLLM_LOGGING_LEVEL",
        "VLLM_CONFIGURE_LOGGING",
        "VLLM_LOGGING_CONFIG_PATH",
        "VLLM_LOGGING_PREFIX",
        "VLLM_NO_USAGE_STATS",
        "VLLM_DO_NOT_TRACK",
        "DO_NOT_TRACK",
        "VLLM_RINGBUFFER_WARNING_INTERVAL",
        "ASCEND_GLOBAL_LOG_LEVEL",
        "ASCEND_GLOBAL_EVENT_ENABLE",
        "ASCEND_SLOG_PRINT_TO_STDOUT",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "TZ",
    }
)
"""Variables of timeouts, logging, usage statistics and the network."""
