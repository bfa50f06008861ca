"""Rules on images and users: what runs is what was reviewed, and may write where it has to."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.features import EagleHead
from models.engines.releases import is_plugin_image
from models.finding import Finding, Mark, Path, at, error
from models.rules.credentials import texts
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.source import BucketSource


@rule("error")
def image_tag(service: ResolvedService) -> Iterator[Finding]:
    """An image has an immutable reference: a release tag or a digest.

    Without a tag, or with `latest`, a node runs whichever image it already has. The pods of one service can run
    different images, and a rollback restores nothing.
    """
    for item in texts(service):
        path, image = item.path, item.text
        if path[-1] != "image" or not _names_an_image(path):
            continue
        name, _, digest = image.partition("@")
        repository, tag = _split_tag(name)
        if digest or tag not in ("", "latest"):
            continue
        example = f"{repository}:1.0.0, with the tag of your release"
        if is_plugin_image(repository):
            example = f"{repository}:v{service.release.version}"
        problem = (
            f"the image {image} has the tag latest"
            if tag
            else f"the image {image} has no tag"
        )
        yield error(
            problem,
            why="a node runs whichever image it already has, so neither a review nor a rollback fixes the image",
            fix=f"write {'.'.join(path)}: {example}, or a digest (@sha256:…)",
            marks=[Mark(path)],
        )


def _names_an_image(path: Path) -> bool:
    """Whether a path is the service's image, or the image of a container that a patch adds."""
    return path == ("image",) or path[:2] == ("podTemplate", "spec")


def _split_tag(name: str) -> tuple[str, str]:
    """The repository and the tag of an image's name; a colon in the registry's address is not a tag."""
    registry, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return f"{registry}{slash}{base}", tag


@rule("error")
def user_cannot_write(service: ResolvedService) -> Iterator[Finding]:
    """A user other than root writes to no directory of the node.

    The kubelet creates a directory of the node for root, and copied weights belong to the user who copied them. Graph
    mode `pta` could keep no graphs, an Eagle head could not be converted, and weights could not be fetched.
    """
    if not service.run_as_user:
        return
    for key, alternative in _written_on_the_node(service):
        yield error(
            f"runAsUser {service.run_as_user} cannot write to the directory of {key} on the node",
            why="the directory belongs to root (the kubelet creates it), so the pod fails when it writes there",
            fix=f"remove runAsUser, or {alternative}",
            marks=[
                at("runAsUser"),
                at(key),
            ],
        )


def _written_on_the_node(service: ResolvedService) -> Iterator[tuple[str, str]]:
    """The keys whose directories a pod writes to on its node, each with an alternative."""
    source = service.model.source
    if isinstance(source, BucketSource) and source.stored_in is None:
        yield "model.source.to", "keep the weights in a claim"
    if service.pta_graph:
        yield "graph.cache", "choose another graph mode"
    if isinstance(service.speculative, EagleHead) and service.speculative.convert:
        yield "speculative.convert", "convert the head beforehand"
