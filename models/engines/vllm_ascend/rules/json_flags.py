"""The rule on fields of JSON flags that do not fit together, and on flags that need another flag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.launch_settings import find_setting
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.rules.flag_items import (
    communicator_of_experts,
    diffusion_fields,
    empty_items,
    encoder_cache_manager,
    engram,
    mapping_of_texts,
    mappings_only,
    pooler_sigma,
    sparse_cache_on_the_host,
    watermark_fields,
)
from models.engines.vllm_ascend.rules.names import attention_backends, reasoning_parser
from models.engines.vllm_ascend.rules.profilers import (
    cuda_profiler,
    profiler,
    torch_capture,
)
from models.engines.vllm_ascend.rules.server_flags import (
    keep_alive,
    logged_outputs,
    metrics_of_requests,
    several_ports,
)
from models.engines.vllm_ascend.tables import flag_table, plugin_table
from models.engines.vllm_ascend.vllm_refusals import refused_by_vllm, refused_flag
from models.finding import Finding
from models.yaml_scalar import as_yaml

_TRANSFER = {
    "kv-transfer-config": ("kv_connector", "kv_role", "kv_both", "kv-role"),
    "ec-transfer-config": ("ec_connector", "ec_role", "ec_both", "ec-role"),
}
"""JSON flags of connectors: the fields of the connector and of its role, a role, and the id of the refusal."""

_KV = "kv-transfer-config"
_OFFLOADED = "kv-offloading-size"
"""The size of the KV cache in the memory of the host. With it, vLLM replaces the connector."""
_OUTPUTS = "structured-outputs-config"

_WITH_WHITESPACE = ("xgrammar", "guidance")
"""Backends of structured outputs that can forbid white space."""


@rule("error")
def json_combination(server: ModelServer) -> Iterator[Finding]:
    """The fields of a JSON flag fit together, and a flag that needs another flag has it.

    vLLM exits at start if a connector has no role or does not exist, if an option of structured outputs does not
    belong to their backend, if a profiler has no directory or runs only on CUDA, if an attention backend or a reasoning
    parser does not exist, if a list or a mapping of texts contains another value, or if a flag is set without another
    flag that it needs (vllm/config, vllm/engine/arg_utils.py).
    """
    yield from refused_by_vllm(
        server,
        _roles,
        _no_connector,
        _connector,
        _structured_outputs,
        profiler,
        cuda_profiler,
        torch_capture,
        _custom_operators,
        _traces,
        _ray_profiler,
        _two_batches,
        _attention_backends,
        attention_backends,
        reasoning_parser,
        mapping_of_texts,
        mappings_only,
        empty_items,
        engram,
        encoder_cache_manager,
        pooler_sigma,
        diffusion_fields,
        watermark_fields,
        sparse_cache_on_the_host,
        communicator_of_experts,
        logged_outputs,
        metrics_of_requests,
        keep_alive,
        several_ports,
    )


def _roles(server: ModelServer) -> Iterator[Problem]:
    for flag, (connector, role, example, refusal) in _TRANSFER.items():
        config = _mapping(server, flag)
        name = config.get(connector)
        if name is None or config.get(role) is not None:
            continue
        key = extra_argument_key(server, flag)
        yield Problem(
            refusal,
            f"--{flag} has the {connector} {as_yaml(name)}, but no {role}",
            f"write {key}.{role}: {example}, or remove {key}",
            [extra_argument_mark(server, flag)],
        )


def _no_connector(server: ModelServer) -> Iterator[Problem]:
    """With a role, `_connector` reports it. vLLM sets the connector itself if it offloads the cache."""
    config = server.further(_KV)
    if not isinstance(config, dict) or config.get("kv_role"):
        return
    if server.further(_OFFLOADED) is not None:
        return
    if config.get("kv_connector") is None:
        yield refused_flag(server, _KV, "kv-connector-missing", "has no kv_connector")


def _connector(server: ModelServer) -> Iterator[Problem]:
    """The connectors of an unknown plugin are not known, and a module of the user can define one."""
    config = _mapping(server, _KV)
    if not config.get("kv_role") or config.get("kv_connector_module_path"):
        return
    if server.further(_OFFLOADED) is not None:
        return
    key = extra_argument_key(server, _KV)
    mark = extra_argument_mark(server, _KV)
    name = config.get("kv_connector")
    if name is None:
        message = f"--{_KV} has the kv_role {config['kv_role']}, but no kv_connector"
        yield Problem("kv-connector-name", message, f"remove {key}", [mark])
        return
    plugin = plugin_table(server.release.version)
    if plugin is None:
        return
    of_vllm = flag_table(server.release.version).kv_connectors
    if name in (*of_vllm, *plugin.kv_connectors):
        return
    known = ", ".join(plugin.kv_connectors)
    yield Problem(
        "kv-connector-unknown",
        f"there is no kv_connector {name}: vllm-ascend has {known}",
        f"remove {key}",
        [mark],
    )


def _structured_outputs(server: ModelServer) -> Iterator[Problem]:
    config = _mapping(server, _OUTPUTS)
    backend = config.get("backend", "auto")
    limits = {
        "disable_any_whitespace": ("outputs-whitespace", _WITH_WHITESPACE),
        "disable_additional_properties": ("outputs-properties", ("guidance",)),
    }
    key = extra_argument_key(server, _OUTPUTS)
    for field, (refusal, backends) in limits.items():
        if config.get(field) is True and backend not in backends:
            yield Problem(
                refusal,
                f"{field} of --{_OUTPUTS} needs the backend {' or '.join(backends)}, not {backend}",
                f"write {key}.backend: {backends[-1]}, or remove {key}.{field}",
                [extra_argument_mark(server, _OUTPUTS)],
            )


def _custom_operators(server: ModelServer) -> Iterator[Problem]:
    config = server.engine.compilation_config
    setting = find_setting("engine.compilationConfig", config, ("custom_ops",))
    if setting is None or not isinstance(setting.value, list):
        return
    everything = [item for item in setting.value if item in ("all", "none")]
    if len(everything) > 1:
        yield Problem(
            "custom-operators-twice",
            f"{setting.name} contains {' and '.join(everything)}",
            setting.removal,
            [setting.mark],
        )
    for item in setting.value:
        if item in everything or str(item).startswith(("+", "-")):
            continue
        yield Problem(
            "custom-operators-form",
            f"{setting.name} contains {item!r}, which is neither all, none, +NAME nor -NAME",
            setting.removal,
            [setting.mark],
        )


def _traces(server: ModelServer) -> Iterator[Problem]:
    flag = "collect-detailed-traces"
    if server.further(flag) and not server.further("otlp-traces-endpoint"):
        yield refused_flag(
            server, flag, "detailed-traces", "needs --otlp-traces-endpoint"
        )


def _ray_profiler(server: ModelServer) -> Iterator[Problem]:
    flag = "ray-workers-use-nsight"
    backend = server.engine.distributed_executor_backend
    if server.further(flag) is True and backend != "ray":
        because = "needs distributedExecutorBackend: ray"
        yield refused_flag(server, flag, "nsight-without-ray", because)


def _two_batches(server: ModelServer) -> Iterator[Problem]:
    """The plugin replaces the backend of the exchange of experts. Later ones turn two batches at a time off before."""
    because = "needs the all2all-backend deepep_low_latency or deepep_high_throughput, which NPUs do not have"
    batches = server.further("ubatch-size")
    if server.further("enable-dbo") is True:
        yield refused_flag(server, "enable-dbo", "dbo-backend", because)
    elif type(batches) is int and batches > 1:
        yield refused_flag(server, "ubatch-size", "dbo-backend", f"{batches} {because}")


def _attention_backends(server: ModelServer) -> Iterator[Problem]:
    flag = "attention-backend"
    backend = server.further(flag)
    configured = _mapping(server, "attention-config").get("backend")
    if backend and configured:
        because = f"is {backend}, and --attention-config has the backend {configured}"
        yield refused_flag(server, flag, "attention-backend-twice", because)


def _mapping(server: ModelServer, flag: str) -> Mapping[str, Any]:
    """The value of a JSON flag under `extraArgs`; empty if it is not set."""
    value = server.further(flag)
    return value if isinstance(value, dict) else {}
