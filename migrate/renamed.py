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
    for section in _SECTIONS.values():
        flags = _flags_of_section(section, service, new)
        if flags and section not in flags_of_keys:
            names = ", ".join(f"--{flag}" for flag in flags)
            yield Change("renamed", section, f"{names} (same meaning, same keys)")


def _flags_of_section(
    section: str, service: ResolvedService, new: Release
) -> list[str]:
    """The flags of an older release for a section whose one flag it does not have; empty if nothing changes."""
    old = service.release
    is_kept = all(
        flag in new.flags for flag, key in old.owned_flags.items() if key == section
    )
    if is_kept or section in new.absent_keys or not _is_set(section, service):
        return []
    return [
        flag
        for flag, key in new.owned_flags.items()
        if key.partition(".")[0] == section and flag not in old.flags
    ]


def _is_set(key: str, service: ResolvedService) -> bool:
    section = _SECTIONS.get(key.partition(".")[0])
    if section is None:
        return key in service.configured
    return any(name.partition(".")[0] == section for name in service.configured)
