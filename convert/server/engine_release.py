"""Finds the engine release of a container: by the tag of its image, else by the flags of its command."""

from __future__ import annotations

import re
from dataclasses import dataclass

from convert.server.command_line import read_flags
from convert.server_start import Start
from models.engines.image_names import is_plugin_image, repository_of, tag_of
from models.engines.release import Release
from models.engines.releases import (
    DEFAULT_VERSION,
    VERSIONS,
    release,
    release_of_image,
    release_of_service,
)

_HUAWEIS_IMAGE = re.compile(r"(^|/)ascend-vllm")
"""The repository of the manual's image. Its tags are numbers of Huawei's own: `6.3.912`."""
_NUMBERS = re.compile(r"(?<![\w.])v?(\d+)\.(\d+)(\.\d+)?")


@dataclass(frozen=True)
class EngineRelease:
    """The release by which a container is read."""

    release: Release
    written: bool = False
    """Whether the stack file has to name it, because the image does not."""
    reason: str = ""
    """Why this release was chosen; empty if nothing contradicts it."""


def engine_release(image: str, start: Start, labelled: str = "") -> EngineRelease:
    """The release of a container.

    Args:
        image: The image; it may be empty or a placeholder.
        start: The start of its server.
        labelled: The version in the label of an object that this program made; empty for other objects.
    """
    follows_from_image = release_of_service(None, image)
    for version in VERSIONS:
        if version == labelled:
            return _labelled_release(release(version), image, follows_from_image)
    names_one = release_of_image(image) is not None or is_plugin_image(image)
    nearest = _nearest_number(tag_of(image))
    if names_one:
        return EngineRelease(follows_from_image)
    if _HUAWEIS_IMAGE.search(repository_of(image)):
        reason = ""
        if nearest:
            reason = f"the image's tag {tag_of(image)} names another release, which the rules do not know"
        return EngineRelease(follows_from_image, reason=reason)
    if nearest:
        reason = f"the image's tag {tag_of(image)} names no known release, and this is the nearest one"
        return EngineRelease(nearest, written=True, reason=reason)
    newest = _newest_with_all_flags(start)
    if newest.version == DEFAULT_VERSION:
        return EngineRelease(newest)
    reason = f"the image names no release, and vLLM {DEFAULT_VERSION} lacks some of the flags"
    return EngineRelease(newest, written=True, reason=reason)


def _labelled_release(
    engine: Release, image: str, follows_from_image: Release
) -> EngineRelease:
    """The release of a pod that this program made."""
    is_unknown_tag = is_plugin_image(image) and release_of_image(image) is None
    if engine is follows_from_image and not is_unknown_tag:
        return EngineRelease(engine)
    return EngineRelease(
        engine, written=True, reason="the label of the object names it"
    )


def _nearest_number(tag: str) -> Release | None:
    """The last known release that is not newer than a tag of vLLM such as `v0.14.0`; None for other tags."""
    found = _NUMBERS.match(tag)
    if not found:
        return None
    wanted = (int(found[1]), int(found[2]))
    if wanted < (0, 7) or wanted[0] > 0:
        return None
    later = [version for version in VERSIONS if version != DEFAULT_VERSION]
    older = [version for version in later if _minor(version) <= wanted]
    nearest = older[-1] if older else later[0]
    return release(nearest)


def _minor(version: str) -> tuple[int, int]:
    major, minor, *_ = version.split(".")
    return int(major), int(minor)


def _newest_with_all_flags(start: Start) -> Release:
    """The manual's release if it has every flag of a command, else the newest one that lacks the fewest."""
    fewest = release(DEFAULT_VERSION)
    lacking = _unknown_flags(start, fewest)
    for version in reversed(VERSIONS):
        candidate = release(version)
        unknown = _unknown_flags(start, candidate)
        if unknown < lacking:
            fewest = candidate
            lacking = unknown
    return fewest


def _unknown_flags(start: Start, engine: Release) -> int:
    return read_flags(start.arguments, start.kind, start.file, engine).unknown
