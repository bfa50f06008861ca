"""The flags that earlier releases of vLLM have and a release does not, with what became of them."""

from __future__ import annotations

import re

from models.engines.code_places import RemovedFlag
from models.engines.engine_args import Version
from models.engines.flags import plain_name
from models.engines.vllm_ascend.tables import DeadSetting, dead_settings, flag_table

_FLAG = re.compile(r"--(?:no-)?([a-z][a-z0-9-]*)")


def removed_flags(version: Version) -> dict[str, RemovedFlag]:
    """The flags by plain name."""
    flags = {}
    for name, setting in dead_settings(version).items():
        if setting.kind == "flag":
            flags[plain_name(name)] = _removed_flag(version, setting)
    return flags


def _removed_flag(version: Version, setting: DeadSetting) -> RemovedFlag:
    """The reason and the replacement of a removed flag. A replacement that the release does not have is left out."""
    nearest = setting.nearest_in(version)
    if nearest is None:
        return RemovedFlag(why=setting.not_needed or "")
    match = _FLAG.match(nearest)
    if match is None or match[1] not in flag_table(version).flags:
        return RemovedFlag(why=setting.not_needed or "")
    return RemovedFlag(why=f"{nearest} replaces it", replacement=match[1])
