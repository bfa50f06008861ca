"""Versions that fit together: an engine release, CANN, PyTorch and Python of its image, and the driver of the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from packaging.version import InvalidVersion, Version

Verdict = Literal["paired", "excluded", "unknown"]
"""`paired`: known to work. `excluded`: known not to work. `unknown`: nobody has published that it works."""


@dataclass(frozen=True)
class Pairing:
    """The versions that the publisher pairs with an engine release. None means that a version is not known."""

    cann: str | None = None
    torch: str | None = None
    torch_npu: str | None = None
    """The version of torch_npu that the release requires."""
    torch_npu_builds: tuple[str, ...] = ()
    """Further builds of it that the publisher names for the release."""
    python: str | None = None
    """The version of Python in the official images."""
    pythons: tuple[str, ...] = ()
    """The versions of Python that the release supports; empty if they are not known."""
    driver: str | None = None
    """The oldest driver (HDK) of a node that works with the release's defaults."""

    def verdict_on_cann(self, version: str) -> Verdict:
        """An older CANN lacks what the release was built for. A newer one may work."""
        order = _order(version, self.cann)
        if order is None or order > 0:
            return "unknown"
        return "paired" if order == 0 else "excluded"

    def verdict_on_torch(self, version: str) -> Verdict:
        """The compiled files of a release are for one version of torch."""
        return _same_build(version, self.torch)

    def verdict_on_torch_npu(self, version: str) -> Verdict:
        """The compiled files of a release are for one version of torch_npu. A later build of it may work."""
        if version in self.torch_npu_builds:
            return "paired"
        return _same_build(version, self.torch_npu)

    def verdict_on_python(self, version: str) -> Verdict:
        """A release supports some minor versions of Python. Their patches have no meaning for it."""
        if not self.pythons or not _is_version(version):
            return "unknown"
        minor = ".".join(version.split(".")[:2])
        return "paired" if minor in self.pythons else "excluded"

    def verdict_on_driver(self, version: str) -> Verdict:
        """An older driver may work without the release's default graph mode."""
        order = _order(version, self.driver)
        if order is None or order < 0:
            return "unknown"
        return "paired"


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _order(version: str, paired: str | None) -> int | None:
    """-1, 0 or 1 if a version is older than, equal to, or newer than the paired one; None if that is not known."""
    if version == paired:
        return 0
    try:
        actual, expected = Version(version), Version(paired or "")
    except InvalidVersion:
        return None
    if actual == expected:
        return 0
    return -1 if actual < expected else 1


def _same_build(version: str, paired: str | None) -> Verdict:
    """Whether a version is the paired one. Another build of the same release of the package is unknown."""
    order = _order(version, paired)
    if order is None:
        return "unknown"
    if order == 0:
        return "paired"
    actual, expected = Version(version), Version(paired or "")
    return "unknown" if actual.release == expected.release else "excluded"
