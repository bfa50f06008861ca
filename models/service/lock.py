"""The lock of a service: the facts that follow from the stack file and from its engine release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.engines.image_names import full_tag
from models.service.resolved import ResolvedService
from models.stack_file.keys.locked import LockedService, LockedWeights
from models.stack_file.lock_file import plain_entry

GIVEN_KEYS = ("digest", "cann", "torch", "torchNpu", "python", "driver")
"""Keys of a locked service that no stack file contains. They stay unchanged while the image stays the same."""


@dataclass(frozen=True)
class Difference:
    """A fact of which the lock file and the stack differ."""

    key: str
    """The key in the lock file."""
    field: str
    """The key of the stack file that the fact follows from."""
    locked: str
    current: str


def locked_now(service: ResolvedService) -> LockedService:
    """The lock of a service if only the stack file and the release are known."""
    pairing = service.release.pairing
    image = configured_image(service)
    _, _, digest = image.partition("@")
    return LockedService(
        image=image,
        digest=digest or None,
        release=service.release.version,
        cann=pairing.cann,
        torch=pairing.torch,
        torch_npu=pairing.torch_npu,
        python=pairing.python,
        driver=pairing.driver,
        soc=service.release.image_soc(full_tag(image)),
        weights=_weights(service),
    )


def configured_image(service: ResolvedService) -> str:
    """The image as the stack file names it, without a digest that the lock file adds."""
    if service.locked_digest is None:
        return service.image
    return service.image.removesuffix(f"@{service.locked_digest}")


def differences(
    service: ResolvedService, locked: LockedService
) -> Iterator[Difference]:
    """The facts of the stack file that the lock file has otherwise."""
    now = locked_now(service)
    facts = [
        ("weights.path", "model", locked.weights.path, now.weights.path),
        (
            "weights.quantization",
            "quantization",
            locked.weights.quantization,
            now.weights.quantization,
        ),
        (
            "weights.checksums",
            "model.verify",
            locked.weights.checksums,
            now.weights.checksums,
        ),
    ]
    if locked.image != now.image:  # the release and the NPUs follow from the image
        facts.append(("image", "image", locked.image, now.image))
    else:
        facts.append(("release", "engine.version", locked.release, now.release))
        facts.append(("soc", "image", locked.soc, now.soc))
        if now.digest:
            facts.append(("digest", "image", locked.digest, now.digest))
    for key, field, before, after in facts:
        if before != after:
            yield Difference(key, field, before or "nothing", after or "nothing")


def _weights(service: ResolvedService) -> LockedWeights:
    checksums = None
    if service.checksums:
        checksums = f"sha256:{service.checksums.sha256}"
    return LockedWeights(
        path=service.model.path,
        quantization=service.quantization,
        checksums=checksums,
    )


def relocked(
    service: ResolvedService,
    before: LockedService | None,
    configured: Mapping[str, str],
) -> dict[str, object]:
    """The values of the new entry of a service, by key.

    Args:
        service: The service.
        before: Its present entry. Its facts about the image are kept while the image stays the same.
        configured: Facts that the user gives, by key.
    """
    entry = plain_entry(locked_now(service))
    if before is not None and before.image == entry["image"]:
        kept = plain_entry(before)
        entry.update({key: kept[key] for key in GIVEN_KEYS if key in kept})
    entry.update(configured)
    _, _, digest = str(entry["image"]).partition("@")
    if digest:
        entry["digest"] = digest
    return entry


def shared_digests(entries: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """The digest of each image; none of an image for which the entries of services have different ones."""
    digests: dict[str, set[str]] = {}
    for entry in entries:
        if "digest" in entry:
            digests.setdefault(str(entry["image"]), set()).add(str(entry["digest"]))
    return {image: found.pop() for image, found in digests.items() if len(found) == 1}
