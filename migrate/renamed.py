"""Keys of the stack file that stay, although their flags have other names in the new release."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.report import Change
from models.engines.flags import plain_name
from models.engines.release import Release
from models.service.resolved import ResolvedService

_SECTIONS = {"speculative": "speculative"}
"""Keys whose fields are one flag together in later releases."""


def renamed_flags(service: ResolvedService, new: Release) -> Iterator[Change]:
    """The keys that a service sets and that the new release writes as another flag, with that flag."""
    flags_of_keys: dict[str, str] = {}
    for flag, owner in service.release.owned_flags.items():
        key = owner.partition(":")[0]
        removed = new.removed_flags.get(plain_name(flag))
        if removed is None or removed.replacement is None or key in new.absent_keys:
            continue
        if _is_set(key, service):
            flags_of_keys[_SECTIONS.get(key.partition(".")[0], key)] = (
                removed.replacement
            )
    for key, flag in flags_of_keys.items():
        name = flag.removeprefix("--")
        yield Change("renamed", key, f"--{name} (same meaning, same key)")


def _is_set(key: str, service: ResolvedService) -> bool:
    section = _SECTIONS.get(key.partition(".")[0])
    if section is None:
        return key in service.configured
    return any(name.partition(".")[0] == section for name in service.configured)
