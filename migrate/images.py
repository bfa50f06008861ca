"""The image of a service under another release."""

from __future__ import annotations

from dataclasses import dataclass

from migrate.errors import MigrationError
from models.engines.image_names import is_plugin_image, repository_of, tag_of
from models.engines.release import Release
from models.engines.releases import release_of_image
from models.service.resolved import ResolvedService

OFFICIAL = "quay.io/ascend/vllm-ascend"
"""Repository of the images of vllm-ascend (its page quick_start.md)."""

_DEFAULT_SOC = "a2"
"""The type of NPU of pools without `soc`: that of the manual's servers, Atlas 800T A2."""


@dataclass(frozen=True)
class NewImage:
    """The image under the new release."""

    name: str
    note: str = ""
    """The reason to confirm the image; empty if it is sure to exist."""


def new_image(
    service: ResolvedService, release: Release, requested: str | None
) -> NewImage:
    """The image of a service under a release.

    An image of vllm-ascend keeps its repository, NPU and distribution. Instead of another image, the official one is
    taken.

    Args:
        service: The service.
        release: The new release.
        requested: The image that the user gives.

    Raises:
        MigrationError: The release has no such image, or none that is public.
    """
    if requested:
        return NewImage(requested)
    old = service.image.partition("@")[0]
    repository = repository_of(old)
    old_tag = tag_of(old)
    if is_plugin_image(old) and release_of_image(old) is service.release:
        tag = old_tag.replace(service.release.version, release.version)
        if service.release.image_soc(old_tag) is None or release.image_soc(tag):
            return NewImage(f"{repository}:{tag}")
        raise _no_image(service, release, f"the tag {old_tag}")
    soc = _soc(service)
    official_tag = release.image_for(f"v{release.version}", soc)
    if official_tag is None:
        raise _no_image(service, release, f"the NPUs {soc}")
    return NewImage(f"{OFFICIAL}:{official_tag}", "to confirm")


def _soc(service: ResolvedService) -> str:
    """The type of NPU of the service's pools."""
    socs = [pool.soc for pool in service.cluster.pools.values() if pool.soc]
    return socs[0] if socs else _DEFAULT_SOC


def _no_image(
    service: ResolvedService, release: Release, subject: str
) -> MigrationError:
    return MigrationError(
        f"{service.name}: no public image of vLLM {release.version} is known for {subject}",
        f"give the image with --image {service.name}=IMAGE",
    )
