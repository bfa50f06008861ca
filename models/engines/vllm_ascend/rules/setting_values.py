"""Rules on values: those of `additionalConfig`, and the fields of JSON flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from models.engines.flags import plain_name
from models.engines.json_fields import FieldProblem, field_problems
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.additional_config import key_problems
from models.engines.vllm_ascend.json_names import compilation_names, speculative_names
from models.engines.vllm_ascend.launch_settings import find_setting
from models.engines.vllm_ascend.records import PluginTable, Refusal
from models.engines.vllm_ascend.refusals import settings_of
from models.engines.vllm_ascend.tables import flag_table
from models.finding import Finding, Mark, error, warning
from models.yaml_scalar import as_yaml

_COMPILATION = "engine.compilationConfig"
_SPECULATIVE = "speculative.config"

_REFUSALS = {
    "dump_config": "dump-config-mapping",
    "dump_config_path": "dump-config-path-text",
    "mega_moe_max_tokens": "mega-moe-whole-number",
    "rejection_sampler_config.enable_block_verify": "rejection-sampler-switch",
    "rejection_sampler_config.enable_entropy_verify": "rejection-sampler-switch",
    "eplb_config.eplb_policy_type": "eplb-policy",
    "eplb_config.eplb_heat_collection_stage": "eplb-stage",
    "eplb_config.num_redundant_experts": "eplb-whole-number",
    "eplb_config.expert_heat_collection_interval": "eplb-whole-number",
    "eplb_config.algorithm_execution_interval": "eplb-whole-number",
}
"""Keys whose values the plugin checks at start, with the ids of their refusals."""


@rule("error", "warning")
def setting_value(server: ModelServer) -> Iterator[Finding]:
    """Every key of `additionalConfig` has a value of its type.

    The plugin checks few of the values at start. It uses another value unchanged: a text such as `"false"` turns a
    switch on (vllm_ascend/ascend_config.py). A number that is not one of the choices of a key, and that the plugin does
    not check, is a warning.
    """
    settings = settings_of(server)
    if settings is None:
        return
    for problem in key_problems(settings.plugin, settings.additional_config):
        if problem.effect != "wrong value":
            continue
        written = server.engine.additional_config
        setting = find_setting("engine.additionalConfig", written, problem.path)
        if setting is None:
            continue
        refusal = _refusal(settings.plugin, problem.path)
        severity = error
        if refusal is None and problem.has_its_type:
            severity = warning
        fix = setting.removal
        if problem.meant is not None:
            fix = f"write {setting.key}: {as_yaml(problem.meant)}"
        yield severity(
            f"{setting.name} {problem.message}, not {setting.value!r}",
            why=_why(settings.plugin, refusal, problem.path),
            fix=fix,
            marks=[setting.mark],
        )


@rule("error")
def json_field(server: ModelServer) -> Iterator[Finding]:
    """The fields of JSON flags exist in the release and have values of their types.

    These are `compilationConfig`, `speculative.config`, and flags under `extraArgs` such as `kvTransferConfig`. vLLM
    exits at an unknown field and at a value of another type.
    """
    known = flag_table(server.release.version).json_configs
    for place, config, value in _json_values(server):
        where = known.configs[config].where
        for problem in field_problems(config, value, known):
            key = _written_key(server, place, problem.path)
            message = problem.message
            if not problem.is_unknown:
                message = f"{key.removeprefix('engine.')} {problem.message}"
            yield error(
                message,
                why=f"vLLM {server.release.version} exits at start ({where})",
                fix=_field_edit(key, problem),
                marks=[Mark(tuple(key.split(".")))],
            )


def _json_values(
    server: ModelServer,
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each JSON value of a service: its place in the stack file, its configuration, and the value."""
    version = server.release.version
    config = compilation_names(version, server.engine.compilation_config)
    yield _COMPILATION, "CompilationConfig", config
    if server.speculative:
        fields = speculative_names(version, server.speculative.config)
        yield _SPECULATIVE, "SpeculativeConfig", fields
    arguments = {"engine": server.engine.extra_args, "server": server.server.extra_args}
    for part, flags in arguments.items():
        for name, value in flags.items():
            flag = server.release.flag(name)
            if flag and flag.config and isinstance(value, dict):
                yield f"{part}.extraArgs.{name}", flag.config, value


def _written_key(server: ModelServer, place: str, path: tuple[str, ...]) -> str:
    """The path of a field in the stack file, in the spelling of the user."""
    config: Any = {}
    if place == _COMPILATION:
        config = server.engine.compilation_config
    elif place == _SPECULATIVE and server.speculative:
        config = server.speculative.config
    else:
        return ".".join((place, *path))
    names = [place]
    for name in path:
        written = {plain_name(key): key for key in config}
        key = written[plain_name(name)]
        config = config[key]
        names.append(key)
    return ".".join(names)


def _field_edit(key: str, problem: FieldProblem) -> str:
    """The edit that gives an unknown field the name of the nearest known one, or removes the field."""
    if problem.nearest is None:
        return f"remove {key}"
    name = problem.nearest
    if key.startswith((_COMPILATION, _SPECULATIVE)) and "_" not in key:
        name = to_camel(name)
    return f"rename {key} to {name}"


def _refusal(plugin: PluginTable, path: tuple[str, ...]) -> Refusal | None:
    """The refusal of the plugin that is about the value of a key; None if it does not check the value."""
    return plugin.refusals.get(_REFUSALS.get(".".join(path), ""))


def _why(plugin: PluginTable, refusal: Refusal | None, path: tuple[str, ...]) -> str:
    """The reaction of the plugin to a value of another type, with the place in its code."""
    if refusal:
        return f"vllm-ascend {plugin.release} raises {refusal.exception} at start ({refusal.where})"
    key = plugin.additional_config[path[0]]
    return f"vllm-ascend {plugin.release} uses the value unchanged ({key.read[0]})"
