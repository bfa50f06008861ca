"""The known engine releases, and the one lookup by version."""

from __future__ import annotations

from functools import cache

from models.engines.ascend_vllm.release import AscendVllm
from models.engines.release import Release

DEFAULT_VERSION = "0.6.3"
"""The release of the manual; a service without `engine.version` runs it."""

_FAMILIES = {"0.6.3": AscendVllm}
"""The family of each known release, by version."""

VERSIONS = (*_FAMILIES,)
"""The versions of all known releases."""


@cache
def release(version: str) -> Release:
    """The release of this version.

    Raises:
        KeyError: There is no such release. `engine.version` accepts only known ones.
    """
    return _FAMILIES[version](version)
