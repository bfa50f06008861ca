"""Settings that the plugin refuses at start: findings for the conditions in the tables, and those without a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.launch_settings import LaunchSettings
from models.engines.vllm_ascend.tables import plugin_table
from models.finding import Finding, Mark, error

NOT_JUDGED = {
    "decode-context-parallel-draft": "it depends on the config.json of the draft model",
    "eplb-map-exists": "it depends on a file of the node",
    "hamming-sparse-file": "it depends on a file of the node",
    "quantization-description": "only checksums of the weights show it: quantization-file",
}
"""Refusals that a stack file does not show, with the reason."""

JUDGED_BY_VALUES = {
    "quantization-method": "value-of-another-release",
}
"""Refusals that another rule reports."""


@dataclass(frozen=True)
class Problem:
    """A combination of settings that a refusal of the plugin is about."""

    refusal: str
    """The id of the refusal in the tables. A release without this id accepts the combination."""
    message: str
    fix: str
    marks: Sequence[Mark]


Check = Callable[[LaunchSettings], Iterator[Problem]]


def settings_of(server: ModelServer) -> LaunchSettings | None:
    """The settings of a server; None if the plugin of its release is not known."""
    plugin = plugin_table(server.release.version)
    return LaunchSettings(server, plugin) if plugin else None


def refused(server: ModelServer, *checks: Check) -> Iterator[Finding]:
    """An error for each combination that the plugin of the release refuses. Of an unknown plugin, nothing is said."""
    settings = settings_of(server)
    if settings is None:
        return
    reported: set[str] = set()
    for check in checks:
        for problem in check(settings):
            refusal = settings.plugin.refusals.get(problem.refusal)
            if refusal is None or refusal.where in reported:
                continue
            reported.add(refusal.where)
            version = server.release.version
            yield error(
                problem.message,
                why=f"vllm-ascend {version} raises {refusal.exception} at start ({refusal.where})",
                fix=problem.fix,
                marks=problem.marks,
            )
