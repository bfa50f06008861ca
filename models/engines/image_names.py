"""The parts of the name of an image."""

from __future__ import annotations

import re

_DEVICES = ("a2", "a3", "310p", "950dt")
"""Suffixes of the repository or of the tag for the type of NPU."""

_DISTRIBUTIONS = ("openeuler", "ubuntu")
"""Suffixes of the repository or of the tag for the Linux distribution."""

_WITHOUT_SUFFIX = ("a2", "ubuntu")
"""The type of NPU and the distribution of tags without a suffix."""

_ANY_SUFFIX = "|".join((*_DEVICES, *_DISTRIBUTIONS))

_PLUGIN = re.compile(rf"(?:^|/)vllm[-_]ascend(?P<suffixes>(?:-(?:{_ANY_SUFFIX}))*)$")
"""The image repository of the open plugin, such as `vllm-ascend` or `vllm-ascend-a3`; Huawei's is `ascend-vllm`."""

_VLLM = re.compile(r"(?:^|[/_-])vllm(?:$|[/_-])")
"""The name of a repository with vLLM in it. Huawei's `ascend-vllm` has its own numbers."""

_HUAWEI = re.compile(r"(?:^|/)ascend[-_]vllm")


def is_plugin_image(image: str) -> bool:
    """Whether an image is one of the open plugin, by the name of its repository."""
    return _PLUGIN.search(repository_of(image)) is not None


def is_vllm_image(image: str) -> bool:
    """Whether an image is one of vLLM, but not of Huawei's Ascend-vLLM, by the name of its repository."""
    repository = repository_of(image)
    return _VLLM.search(repository) is not None and not _HUAWEI.search(repository)


def tag_of(image: str) -> str:
    """The tag of an image; empty if it has none. The port of a registry is not a tag."""
    name = image.partition("@")[0].rpartition("/")[2]
    return re.sub(r"^[^:]*:?", "", name)


def repository_of(image: str) -> str:
    """The name of an image without its tag and digest."""
    path, slash, name = image.partition("@")[0].rpartition("/")
    return path + slash + name.partition(":")[0]


def full_tag(image: str) -> str:
    """The tag of an image of the plugin with the suffixes of its repository.

    It is `v0.23.0-a3-openeuler` for `vllm-ascend-a3:v0.23.0-openeuler`.
    """
    tag = tag_of(image)
    number, *suffixes = tag.split("-")
    added = _suffixes_of_repository(image)
    if not added or not tag:
        return tag
    suffixes += [suffix for suffix in added if suffix not in suffixes]
    named = [suffix for suffix in suffixes if suffix not in _WITHOUT_SUFFIX]
    ordered = sorted(named, key=lambda suffix: suffix in _DISTRIBUTIONS)
    return "-".join([number, *ordered])


def image_for_npus(image: str, soc: str, tag: str) -> str:
    """The name of the same image for another type of NPU.

    Args:
        image: The image.
        soc: The type of NPU.
        tag: The tag for this type; not used if the repository names the type.
    """
    added = _suffixes_of_repository(image)
    if not any(suffix in _DEVICES for suffix in added):
        return f"{repository_of(image)}:{tag}"
    base = repository_of(image).removesuffix("-" + "-".join(added))
    others = [suffix for suffix in added if suffix not in _DEVICES]
    named = [suffix for suffix in (soc, *others) if suffix not in _WITHOUT_SUFFIX]
    repository = "-".join([base, *named])
    return f"{repository}:{tag_of(image)}"


def _suffixes_of_repository(image: str) -> list[str]:
    """The suffixes in the name of a repository of the plugin, such as `a3`; none for other repositories."""
    match = _PLUGIN.search(repository_of(image))
    if match is None:
        return []
    return match["suffixes"].split("-")[1:]
