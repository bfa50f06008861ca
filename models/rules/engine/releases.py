"""Rules on the engine release: which one the image contains, and which keys and values it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from models.engines.image_names import (
    full_tag,
    image_for_npus,
    is_plugin_image,
    is_vllm_image,
    repository_of,
    tag_of,
)
from models.engines.release import AbsentKey
from models.engines.releases import (
    PLUGIN_VERSIONS,
    VERSIONS,
    is_plugin_release,
    names_later_release,
    nearest_plugin_version,
    nearest_version,
    newest_judged_version,
    release_of_image,
)
from models.finding import Finding, at, error, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.errors.unknown_keys import nearest
from models.yaml_scalar import as_yaml


@rule("error")
def version_of_another_image(service: ResolvedService) -> Iterator[Finding]:
    """`engine.version` is the release that the image's tag names.

    The program would write a launch for one release, and the image would start it with another.
    """
    of_image = release_of_image(service.image)
    if of_image is None and _is_manuals_on_plugin(service):
        yield _plugin_without_release(service)
    if of_image is None or of_image is service.release:
        return
    yield error(
        f"engine.version is {service.release.version}, but the image's tag names {of_image.version}",
        why="flags, rules and metrics are those of engine.version, but the image starts its own release",
        fix="remove engine.version",
        marks=[at("engine.version"), at("image", f"vLLM {of_image.version}")],
    )


def _is_manuals_on_plugin(service: ResolvedService) -> bool:
    """Whether an image of the plugin has the version of the manual."""
    return is_plugin_image(service.image) and not is_plugin_release(service.release)


def _plugin_without_release(service: ResolvedService) -> Finding:
    version = service.release.version
    nearest_release = nearest_version(service.image) or newest_judged_version()
    return error(
        f"engine.version is {version}, but images of vllm-ascend contain {PLUGIN_VERSIONS[0]} or later",
        why="flags, rules and metrics are those of engine.version, but the image starts its own release",
        fix=f"write engine.version: {nearest_release}",
        marks=[at("engine.version"), at("image", "vllm-ascend")],
    )


@rule("error", "warning")
def unknown_release(service: ResolvedService) -> Iterator[Finding]:
    """An image of vllm-ascend contains a release that the program knows, or the stack file names one.

    Flags and settings differ from release to release. The rule warns about another image of vLLM whose tag names a
    release after 0.6.3.
    """
    if "engine.version" in service.configured:
        return
    if not _has_unknown_tag(service):
        yield from _later_release(service)
        return
    yield error(
        f"the release of {_tag(service)} is not known",
        why=f"flags and settings differ from release to release; the program knows {', '.join(VERSIONS)}",
        fix=f"write engine.version: {service.release.version}",
        marks=[at("image")],
    )


def _later_release(service: ResolvedService) -> Iterator[Finding]:
    """A warning about an image of vLLM that is checked as the manual's release, but names a later one."""
    version = service.release.version
    if release_of_image(service.image) or is_plugin_release(service.release):
        return
    if not is_vllm_image(service.image) or not names_later_release(service.image):
        return
    nearest_release = nearest_plugin_version(service.image)
    yield warning(
        f"{_tag(service)} seems to name a later release of vLLM, but the service is checked as vLLM {version}",
        why=f"flags, rules and metrics differ from release to release; the program knows {', '.join(VERSIONS)}",
        fix=f"write engine.version: {nearest_release}, or write engine.version: {version}, if the image contains it",
        marks=[at("image")],
    )


@rule("warning")
def judged_as_another_release(service: ResolvedService) -> Iterator[Finding]:
    """The tag of an image of vllm-ascend names the release of `engine.version`.

    With another tag, such as that of a release candidate, the service is checked as `engine.version`. Differences of
    the image are not checked.
    """
    if not _has_unknown_tag(service) or "engine.version" not in service.configured:
        return
    version = service.release.version
    tag = service.release.own_tag(tag_of(service.image))
    if tag is None:
        return
    repository = repository_of(service.image)
    yield warning(
        f"{_tag(service)} is checked as vLLM {version}",
        why=f"the program knows {', '.join(VERSIONS)}; differences of this image are not checked",
        fix=f"write image: {repository}:{tag}",
        marks=[at("image"), at("engine.version")],
    )


@rule("error", "warning")
def image_soc(service: ResolvedService) -> Iterator[Finding]:
    """An image is built for the type of NPU of a pool.

    An image of vllm-ascend is built for one type of NPU, which the suffix of its tag names. On another type, its worker
    stops at start. The rule runs if all pools that can run the pod have `soc`. It warns about a suffix that the images
    of the release do not have.
    """
    tag = full_tag(service.image)
    built_for = service.release.image_soc(tag)
    pools = [
        pool
        for pool in service.cluster.pools.values()
        if pool.npus_per_node >= service.npus
    ]
    socs = [pool.soc for pool in pools if pool.soc]
    if not socs or len(socs) < len(pools) or built_for in socs:
        return
    if built_for is None:
        yield from _unknown_suffix(service, tag, socs)
        return
    names = " and ".join(dict.fromkeys(socs))
    yield error(
        f"the image {tag} is built for {built_for}, but the pools have {names}",
        why="an image of vllm-ascend runs on one type of NPU; on another, its worker stops at start",
        fix=_image_edit(service, tag, socs),
        marks=[at("image", f"built for {built_for}")],
    )


def _unknown_suffix(
    service: ResolvedService, tag: str, socs: Sequence[str]
) -> Iterator[Finding]:
    """A warning about a tag that names the release and no type of NPU; other images have any tag."""
    if not is_plugin_image(service.image) or release_of_image(service.image) is None:
        return
    version = service.release.version
    yield warning(
        f"the tag {tag} does not name a type of NPU that vllm-ascend {version} has images for",
        why="an image of vllm-ascend runs on one type of NPU; on another, its worker stops at start",
        fix=_image_edit(service, f"v{version}", socs),
        marks=[at("image")],
    )


def _image_edit(service: ResolvedService, tag: str, socs: Sequence[str]) -> str:
    """The edit that writes the image for the type of NPU of a pool."""
    for soc in socs:
        matching_tag = service.release.image_for(tag, soc)
        if matching_tag:
            image = image_for_npus(service.image, soc, matching_tag)
            return f"write image: {image}, or correct soc in cluster.pools"
    return "correct soc in cluster.pools, or choose another release: this one has no image for these NPUs"


def _has_unknown_tag(service: ResolvedService) -> bool:
    """Whether the image is one of vllm-ascend whose tag names no known release."""
    is_known = release_of_image(service.image) is not None
    return is_plugin_image(service.image) and not is_known


def _tag(service: ResolvedService) -> str:
    """The tag in words. A digest says nothing about the release."""
    tag = tag_of(service.image)
    if tag:
        return f"the tag {tag}"
    if "@" in service.image:
        return "an image without a tag"
    return "the tag latest"


@rule("error")
def key_of_another_release(service: ResolvedService) -> Iterator[Finding]:
    """The release has a setting for every key that the stack file sets.

    The program cannot write a key without such a setting into the launch, so its value would be lost.
    """
    version = service.release.version
    for key, absent in service.release.absent_keys.items():
        value = _value(service, key)
        if key not in service.configured or value == absent.without:
            continue
        yield error(
            f"vLLM {version} has no setting for {key}",
            why=absent.why,
            fix=_edit_of_absent_key(key, value, absent),
            marks=[at(key)],
        )


def _edit_of_absent_key(key: str, value: Any, absent: AbsentKey) -> str:
    """The edit that moves the value to the key of the release, or removes the key."""
    removal = absent.instead or f"remove {key}"
    if not absent.moved_to:
        return removal
    if absent.moved_values is not None and value not in absent.moved_values:
        return removal
    edits = [f"write {absent.moved_to}: {as_yaml(value)}"]
    if absent.moved_with:
        edits.append(absent.moved_with)
    edits.append(f"remove {key}")
    return " and ".join(edits)


@rule("error")
def value_of_another_release(service: ResolvedService) -> Iterator[Finding]:
    """Every value is one that the release accepts.

    The server would exit at start, or the program could not write the launch.
    """
    version = service.release.version
    for key, accepted in service.release.accepted_values.items():
        value = _value(service, key)
        if key not in service.configured or value is None or value in accepted.values:
            continue
        values = ", ".join(map(str, accepted.values))
        yield error(
            f"vLLM {version} does not accept {key} {value}: it accepts {values}",
            why=accepted.why,
            fix=accepted.edit or _nearest_edit(key, value, accepted.values),
            marks=[at(key)],
        )


def _value(service: ResolvedService, key: str) -> Any:
    """The value of a key, such as `engine.blockSize`; None if the service does not have it."""
    origin = service.origins.get(key)
    return origin.value if origin else None


def _nearest_edit(key: str, value: Any, values: Any) -> str:
    """The edit that writes the nearest accepted value, or removes the key."""
    if isinstance(value, str):
        near = nearest(value, dict.fromkeys(values))
        return f"write {key}: {as_yaml(near)}" if near else f"remove {key}"
    larger = [accepted for accepted in values if accepted > value]
    return f"write {key}: {min(larger, default=max(values))}"
