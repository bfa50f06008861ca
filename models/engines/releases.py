"""The known engine releases, and the one lookup by version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import get_args

from models.engines.ascend_vllm.release import AscendVllm
from models.engines.engine_args import Version
from models.engines.image_names import is_plugin_image, tag_of
from models.engines.release import Release
from models.engines.vllm_ascend.release import VllmAscend
from models.engines.vllm_ascend.tables import plugin_table

__all__ = [
    "DEFAULT_VERSION",
    "PLUGIN_VERSIONS",
    "VERSIONS",
    "is_plugin_release",
    "names_later_release",
    "nearest_plugin_version",
    "nearest_version",
    "newest_judged_version",
    "release",
    "release_of_image",
    "release_of_service",
    "releases",
    "version_of_image",
]

DEFAULT_VERSION: Version = "0.6.3"
"""The release of the manual. A service runs it if neither `engine.version` nor its image names another one."""

_MINOR_OF_MANUAL = 6

VERSIONS: tuple[Version, ...] = get_args(Version)
"""The versions of all known releases, the oldest first."""

PLUGIN_VERSIONS = tuple(version for version in VERSIONS if version != DEFAULT_VERSION)
"""The versions of the open plugin."""

_NUMBERS = re.compile(r"(?<![\w.])v?(\d{1,3})\.(\d+)(?:\.(\d+))?", re.IGNORECASE)
"""The version in a tag. Four digits at its beginning are the year of a date."""


@cache
def releases() -> Mapping[Version, Release]:
    """All known releases by version."""
    families: dict[Version, Release] = {"0.6.3": AscendVllm("0.6.3")}
    for version in VERSIONS:
        if version not in families:
            families[version] = VllmAscend(version)
    return families


def release(version: Version) -> Release:
    """The release of this version."""
    return releases()[version]


def release_of_service(version: Version | None, image: str) -> Release:
    """The release that a service runs.

    Args:
        version: `engine.version`, if the stack file sets it.
        image: The image. Without a version its tag decides.
    """
    return release(
        version or version_of_image(image) or nearest_version(image) or DEFAULT_VERSION
    )


def release_of_image(image: str) -> Release | None:
    """The known release that the tag of an image names, or None. The plugin has no release of the manual's version."""
    tag = tag_of(image)
    of_plugin = is_plugin_image(image)
    for known in releases().values():
        if of_plugin and not is_plugin_release(known):
            continue
        if known.image_tags.search(tag):
            return known
    return None


def version_of_image(image: str) -> Version | None:
    """The version of the known release that the tag of an image names, or None."""
    known = release_of_image(image)
    return known.version if known else None


@cache
def newest_judged_version() -> Version:
    """The newest release of the open plugin whose plugin is known, so that every setting is judged."""
    judged = [version for version in PLUGIN_VERSIONS if plugin_table(version)]
    return judged[-1]


def nearest_version(image: str) -> Version | None:
    """The release by which an image of the open plugin is judged if its tag names no known release, or None."""
    if not is_plugin_image(image):
        return None
    return nearest_plugin_version(image)


def nearest_plugin_version(image: str) -> Version:
    """The last release of the plugin that is not newer than the tag of an image.

    For a tag without a number, it is the newest whose plugin is known.
    """
    match = _NUMBERS.search(tag_of(image))
    if match is None:
        return newest_judged_version()
    wanted = tuple(int(number or 0) for number in match.groups())
    older = [version for version in PLUGIN_VERSIONS if _numbers(version) <= wanted]
    if not older:
        return PLUGIN_VERSIONS[0]
    return older[-1]


def names_later_release(image: str) -> bool:
    """Whether the tag of an image is a number of vLLM after the manual's release, such as `v0.8.5.post1`."""
    match = _NUMBERS.match(tag_of(image))
    if match is None:
        return False
    major, minor, _ = (int(number or 0) for number in match.groups())
    return major == 0 and minor > _MINOR_OF_MANUAL


def is_plugin_release(known: Release) -> bool:
    """Whether a release is one of the open plugin."""
    return known.version in PLUGIN_VERSIONS


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
