"""The parts of the name of an image."""

from __future__ import annotations

import re

_PLUGIN = re.compile(r"(^|/)vllm-ascend$")
"""The image repository of the open plugin; Huawei's is `ascend-vllm`."""


def is_plugin_image(image: str) -> bool:
    """Whether an image is one of the open plugin, by the name of its repository."""
    return _PLUGIN.search(repository_of(image)) is not None


def tag_of(image: str) -> str:
    """The tag of an image; empty if it has none. The port of a registry is not a tag."""
    name = image.partition("@")[0].rpartition("/")[2]
    return re.sub(r"^[^:]*:?", "", name)


def repository_of(image: str) -> str:
    """The name of an image without its tag and digest."""
    path, slash, name = image.partition("@")[0].rpartition("/")
    return path + slash + name.partition(":")[0]
