"""Finds the engine release of a container: by the tag of its image, else by the flags of its command."""

from __future__ import annotations

import re
from dataclasses import dataclass

from convert.placeholder import PLACEHOLDER
from convert.server.command_line import read_flags
from convert.server_start import Start
from models.engines.image_names import (
    is_plugin_image,
    is_vllm_image,
    repository_of,
    tag_of,
)
from models.engines.release import Release
from models.engines.releases import (
    DEFAULT_VERSION,
    VERSIONS,
    newest_judged_version,
    release,
    release_of_image,
    release_of_service,
)

_HUAWEIS_IMAGE = re.compile(r"(^|/)ascend-vllm")
"""The repository of the manual's image. Its tags are numbers of Huawei's own: `6.3.912`."""
_NUMBERS = re.compile(r"(?<![\w.])v?(\d{1,3})\.(\d+)(\.\d+)?")
_FIRST_AFTER_MANUAL = (0, 7)
_NEWEST = "is the newest release that the program judges in full"


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
    if release_of_image(image):
        return EngineRelease(follows_from_image)
    if is_plugin_image(image):
        reason = _reason_of_tag(image, follows_from_image)
        return EngineRelease(follows_from_image, reason=reason)
    nearest = _nearest_number(image)
    if _HUAWEIS_IMAGE.search(repository_of(image)):
        reason = ""
        if nearest:
            reason = f"the image's tag {tag_of(image)} names another release, which the rules do not know"
        return EngineRelease(follows_from_image, reason=reason)
    if nearest is None and is_vllm_image(image) and not _NUMBERS.search(tag_of(image)):
        nearest = release(newest_judged_version())
    if nearest:
        reason = _reason_of_tag(image, nearest)
        is_written = nearest.version != DEFAULT_VERSION
        return EngineRelease(nearest, written=is_written, reason=reason)
    return _release_of_flags(image, start)


def _reason_of_tag(image: str, taken: Release) -> str:
    """Why an image whose tag names no known release is read as a release."""
    version = taken.version
    tag = tag_of(image)
    if not tag and "@" in image:
        return f"the image has a digest and no tag; {version} {_NEWEST}"
    if not tag:
        return (
            f"the image has no tag, so it is latest, which moves; {version} {_NEWEST}"
        )
    found = _NUMBERS.search(tag)
    if found is None:
        return f"the tag {tag} names no release, and can move; {version} {_NEWEST}"
    number = found[0].removeprefix("v")
    if number == version:
        return f"the tag {tag} names a build of {version}, such as a candidate; its differences are not known"
    return f"the image's tag {tag} names no known release, and {version} is the nearest one"


def _release_of_flags(image: str, start: Start) -> EngineRelease:
    """The release of an image whose name shows none: by the flags of the command."""
    newest = _newest_with_all_flags(start)
    if newest.version != DEFAULT_VERSION:
        reason = f"the image names no release, and vLLM {DEFAULT_VERSION} lacks some of the flags"
        return EngineRelease(newest, written=True, reason=reason)
    if not image or PLACEHOLDER.search(image):
        return EngineRelease(newest)
    reason = (
        f"the image names no release, and the flags are those of {newest.version}; "
        "write engine.version if it has another"
    )
    return EngineRelease(newest, reason=reason)


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


def _nearest_number(image: str) -> Release | None:
    """The last known release that is not newer than the tag of an image, such as `v0.14.0`.

    None for a tag without such a number. Only images of vLLM have numbers such as `v1.2.0` and `v0.5.4`.
    """
    found = _NUMBERS.match(tag_of(image))
    if not found:
        return None
    wanted = (int(found[1]), int(found[2]))
    is_of_vllm = is_vllm_image(image)
    if not is_of_vllm and (wanted < _FIRST_AFTER_MANUAL or wanted[0] > 0):
        return None
    older = [version for version in VERSIONS if _minor(version) <= wanted]
    if wanted >= _FIRST_AFTER_MANUAL and older == [DEFAULT_VERSION]:
        return release(VERSIONS[1])
    nearest = older[-1] if older else DEFAULT_VERSION
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
