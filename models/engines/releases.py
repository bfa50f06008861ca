"""The known engine releases, and the one lookup by version."""

from __future__ import annotations

import re
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


def release_of_service(version: str | None, image: str) -> Release:
    """The release that a service runs.

    Args:
        version: `engine.version`, if the stack file sets it.
        image: The image. Without a version its tag decides, if it names a known release.
    """
    return release(version or version_of_image(image) or DEFAULT_VERSION)


def version_of_image(image: str) -> str | None:
    """The known release that the tag of an image names, or None."""
    tag = _tag(image)
    for version in VERSIONS:
        if release(version).image_tags.search(tag):
            return version
    return None


def _tag(image: str) -> str:
    """The tag of an image; empty if it has none. The port of a registry is not a tag."""
    name = image.partition("@")[0].rpartition("/")[2]
    return re.sub(r"^[^:]*:?", "", name)
