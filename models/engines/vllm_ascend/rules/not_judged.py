"""The rule on releases whose plugin is not known."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.dead_names import dead_names
from models.engines.vllm_ascend.refusals import settings_of
from models.engines.vllm_ascend.tables import flag_table
from models.finding import Finding, at, warning


@rule("warning")
def not_judged(server: ModelServer) -> Iterator[Finding]:
    """The plugin of the release is known, so that every setting can be judged.

    vLLM 0.30.0 is public, its plugin vllm-ascend 0.30.0 was not published when the tables were made. What only the
    plugin decides is not checked: its settings and variables, quantization, graphs and speculative decoding.
    """
    if settings_of(server):
        return
    version = server.release.version
    judged = {dead.setting.key for dead in dead_names(server)}
    names = [name for name in _settings_of_plugin(server) if name not in judged]
    listed = ", ".join(name.removeprefix("env.") for name in names)
    if not listed:
        listed = "the settings that it refuses and replaces"
    yield warning(
        f"the plugin of vllm-ascend {version} is not known; not judged: {listed}",
        why="it was not published when the program's tables were made; vLLM's own flags are checked",
        fix='write accept.not-judged: "tried on a test cluster", if this is true',
        marks=[at("engine.version"), at("image", f"vllm-ascend {version}")],
    )


def _settings_of_plugin(server: ModelServer) -> Iterator[str]:
    """The settings of a service that only the plugin can judge, as paths in the stack file."""
    for key in server.engine.additional_config:
        yield f"engine.additionalConfig.{key}"
    declared = flag_table(server.release.version).variables
    for name in server.env:
        if name.startswith("VLLM_") and name not in declared:
            yield f"env.{name}"
    if server.quantization:
        yield "quantization"
    for key in ("graph.mode", "graph.captureSizes", "engine.blockSize"):
        if key in server.configured:
            yield key
    if server.speculative:
        yield "speculative.kind"
