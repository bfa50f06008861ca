"""The platform of each release of vllm-ascend: CANN, driver, Python, images, init files, and the effect of SIGTERM.

The facts are in `platforms.json`, which is kept by hand with its sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from models.engines.pairing import Pairing

_FILE = Path(__file__).parent / "platforms.json"
_TAG = re.compile(r"v?(?P<release>\d+\.\d+\.\d+)(?P<suffixes>(?:-[a-z0-9]+)*)")


_SOCS = {"A2": "a2", "A3": "a3", "310P": "310p", "A5": "950dt"}
"""The types of NPU as pools of the stack file name them."""


@dataclass(frozen=True)
class Sigterm:
    """The fate of unfinished requests after SIGTERM, observed with real servers."""

    drains_with_flag: bool
    """Whether the server finishes them within `--shutdown-timeout`."""
    unanswered: Literal["null", "hangs"]
    """The answer to a client without the flag: the body `null` with status 200, or none."""
    idle_seconds: float
    """Seconds until an idle server has ended."""


@dataclass(frozen=True)
class Platform:
    """The requirements of a release of vllm-ascend, and the content of its images. None means not known."""

    cann: str
    torch: str | None
    torch_npu: str | None
    torch_npu_builds: tuple[str, ...]
    """Further builds that the publisher's page of versions names."""
    triton_ascend: str | None
    python: tuple[str, ...] | None
    """The versions of Python that the release supports."""
    image_python: str | None
    """The version of Python in the images."""
    driver: str | None
    """The oldest driver (HDK) that works with the release's defaults."""
    init_files: tuple[str, ...] | None
    """Files of the image that set the variables of CANN."""
    device_suffixes: Mapping[str, str]
    """The device type that an image is built for, by the suffix of its tag."""
    library_paths: Mapping[str, Sequence[str]]
    """Directories of libraries that the .bashrc of an image puts first, by the device type; none for the others."""
    distribution_suffixes: Mapping[str, str]
    """The Linux distribution of an image, by the suffix of its tag."""
    sigterm: Sigterm | None


@dataclass(frozen=True)
class ImageTag:
    """The parts of the tag of an official image: `v0.23.0-a3-openeuler`."""

    release: str
    device: str
    """`A2`, `A3`, `310P` or `A5`."""
    distribution: str


@cache
def platform(release: str) -> Platform:
    """The platform of a release.

    Raises:
        KeyError: The release is not known.
    """
    entry = _platforms()["releases"][release]
    return Platform(
        cann=entry["cann"],
        torch=entry["torch"],
        torch_npu=entry["torch_npu"],
        torch_npu_builds=tuple(entry.get("torch_npu_builds", ())),
        triton_ascend=entry["triton_ascend"],
        python=_tuple(entry["python"]),
        image_python=entry["image_python"],
        driver=entry["driver"],
        init_files=_tuple(entry["init_files"]),
        device_suffixes=entry["device_suffixes"],
        library_paths=entry["library_paths"],
        distribution_suffixes=entry["distribution_suffixes"],
        sigterm=Sigterm(**entry["sigterm"]) if entry["sigterm"] else None,
    )


def pairing(release: str) -> Pairing:
    """The versions that belong to a release and that its images contain."""
    known = platform(release)
    return Pairing(
        cann=known.cann,
        torch=known.torch,
        torch_npu=known.torch_npu,
        torch_npu_builds=known.torch_npu_builds,
        python=known.image_python,
        pythons=known.python or (),
        driver=known.driver,
    )


def image_tag(tag: str) -> ImageTag | None:
    """The parts of a tag, or None if it does not belong to an image of a known release."""
    match = _TAG.fullmatch(tag)
    if match is None or match["release"] not in _platforms()["releases"]:
        return None
    known = platform(match["release"])
    for device_suffix, device in known.device_suffixes.items():
        for suffix, distribution in known.distribution_suffixes.items():
            if match["suffixes"] == device_suffix + suffix:
                return ImageTag(match["release"], device, distribution)
    return None


def image_soc(tag: str) -> str | None:
    """The type of NPU of an image as pools of the stack file name it: `a2`, `a3`, `310p` or `950dt`."""
    known = image_tag(tag)
    if known is None:
        return None
    return _SOCS[known.device]


def npu_types(release: str, tag: str) -> Sequence[str]:
    """The types of NPU that an image can run on; all of the release if its tag does not name one."""
    soc = image_soc(tag)
    if soc:
        return (soc,)
    return [_SOCS[device] for device in platform(release).device_suffixes.values()]


def tag_for(tag: str, soc: str) -> str | None:
    """The tag of the same release and distribution for another type of NPU, or None if there is no such image."""
    known = image_tag(tag)
    if known is None:
        return None
    suffixes = platform(known.release)
    for device_suffix, device in suffixes.device_suffixes.items():
        for suffix, distribution in suffixes.distribution_suffixes.items():
            if _SOCS[device] == soc and distribution == known.distribution:
                return f"v{known.release}{device_suffix}{suffix}"
    return None


def own_tag(release: str, tag: str) -> str:
    """The tag of a release with the suffixes of another tag, such as `main-a3`."""
    known = platform(release)
    suffixes = [
        device_suffix + distribution_suffix
        for device_suffix in known.device_suffixes
        for distribution_suffix in known.distribution_suffixes
    ]
    fitting = [suffix for suffix in suffixes if tag.endswith(suffix)]
    return f"v{release}{max(fitting, key=len)}"


def library_paths(release: str, tag: str) -> Sequence[str]:
    """The directories of libraries that the image with this tag searches first."""
    known = image_tag(tag)
    if known is None:
        return ()
    return platform(release).library_paths.get(known.device, ())


@cache
def _platforms() -> Any:
    return json.loads(_FILE.read_text(encoding="utf-8"))


def _tuple(items: list[str] | None) -> tuple[str, ...] | None:
    return None if items is None else tuple(items)
