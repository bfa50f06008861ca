"""What a service must not be, so that it can be said what it may do."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, Mark, at, error
from models.rules.credentials import texts
from models.rules.registry import rule
from models.service.resolved import ResolvedService

_IMAGES = (("image",), ("podTemplate", "spec"))
"""Below what an image stands: the service's, and those of containers that are added."""


@rule
def image_tag(service: ResolvedService) -> Iterator[Finding]:
    """An image has a tag that stays what it is, or a digest.

    Without a tag, or with `latest`, a node takes what it happens to have: pods of one service run different images, a
    rollback brings nothing back, and what was reviewed is not what runs.
    """
    for path, _, image in texts(service):
        name, _, digest = image.partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        if path[-1] == "image" and path[:2] in _IMAGES and not digest and tag in ("", "latest"):
            yield error(
                f"the image has {'the tag latest' if tag else 'no tag'}",
                why="nodes take what they happen to have, and neither a review nor a rollback says which image runs",
                fix="write the tag of a release, or a digest: @sha256:…",
                marks=[Mark(path)],
            )


@rule
def user_cannot_write(service: ResolvedService) -> Iterator[Finding]:
    """A user other than root writes nothing to directories of the node.

    The kubelet makes a directory of the node for root, and weights that are copied to the nodes belong to who copied
    them: graph mode `pta` could keep no graphs, an Eagle head could not be converted, and weights could not be fetched.
    """
    source = service.model.source
    written = {
        "model.source.to": (source.kind == "bucket" and source.to.path, "keep the weights in a claim"),
        "graph.cache": (service.graph.cache, "choose another graph mode"),
        "speculative.convert": (service.speculative and service.speculative.convert, "convert the head beforehand"),
    }
    for key, (value, instead) in written.items():
        if value and service.run_as_user:
            yield error(
                f"user {service.run_as_user} cannot write what {key} keeps on the node",
                why="directories of the node belong to root",
                fix=f"remove runAsUser, which is 0 for the manual's images, or {instead}",
                marks=[at("runAsUser"), at(key)],
            )
