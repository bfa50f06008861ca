"""The rule on settings that the plugin replaces."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.launch_settings import Setting
from models.engines.vllm_ascend.records import Reset
from models.engines.vllm_ascend.refusals import settings_of
from models.engines.vllm_ascend.resets import replaced_settings
from models.finding import Finding, no_effect

_LOG_LINES = {
    "warning": "it logs a warning",
    "info": "it logs an info line",
    "nothing": "it logs nothing",
}


@rule("no-effect")
def reset_setting(server: ModelServer) -> Iterator[Finding]:
    """The plugin keeps every value that the stack file sets.

    vllm-ascend replaces values that an NPU does not support, and starts. At most, it logs a line
    (vllm_ascend/platform.py).
    """
    settings = settings_of(server)
    if settings is None:
        return
    for replaced in replaced_settings(settings):
        setting = replaced.setting
        reset = replaced.reset
        yield no_effect(
            f"vllm-ascend {server.release.version} replaces {setting.name} {setting.value}: it becomes {reset.becomes}",
            why=f"condition: {reset.when}; {_LOG_LINES[reset.logged]} ({reset.where})",
            fix=_edit(setting, reset),
            marks=[setting.mark],
        )


def _edit(setting: Setting, reset: Reset) -> str:
    """The edit that writes the value that the launch gets anyway, or removes the setting."""
    if setting.key == "graph.mode":
        return f"write {setting.key}: {reset.becomes}"
    return setting.removal
