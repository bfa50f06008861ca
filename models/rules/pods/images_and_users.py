"""Rules on images and users: the reviewed image runs, and its user may write to the necessary directories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from models.catalog.node_directories import is_inside, normal_path
from models.engines.features import EagleHead
from models.engines.image_names import is_plugin_image
from models.engines.releases import newest_judged_version
from models.finding import Finding, Mark, Path, at, error, warning
from models.launch.launch import GRAPH_CACHE_DIRECTORY
from models.manifests.read_only_root import DIRECTORY as TEMPORARY_FILES
from models.rules.pods.added_parts import added_containers, added_volumes
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.keys.source import BucketSource

_MOVING_WORDS = """
latest nightly daily weekly
canary current dev devel develop development edge head main master mainline next rolling snapshot stable tip trunk
unstable
"""

_MOVING = frozenset(_MOVING_WORDS.split())
"""Words in a tag that registries move to each new build."""

_ALWAYS_MOVING = frozenset(["latest", "nightly", "daily", "weekly"])
"""Words that move, even if a commit follows them."""

_ENVIRONMENTS = """
alpha beta ci default live lts preview prod production qa rc release stage staging test testing
"""

_MOVING_TAGS = frozenset(_ENVIRONMENTS.split())
"""Whole tags that are moved from one release to the next."""

_DATE = re.compile(r"20[0-9]{6}([0-9]{2,6})?")
_NUMBERED_BUILD = re.compile(r"^v?[0-9]+\.[0-9]+\.[0-9]+-[a-z]+\.[0-9]+")
_COMMIT = re.compile(r"(?:g|sha)?(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}")


@rule("error")
def image_tag(service: ResolvedService) -> Iterator[Finding]:
    """An image has an immutable reference: a release tag or a digest.

    Without a tag, or with a tag that moves such as `latest`, `main`, `nightly-a3` or `v1-dev`, a node runs whichever
    image it already has. The pods of one service can run different images, and a rollback restores nothing. This holds
    for the images of added containers and of image volumes, too.
    """
    for path, image in _images(service):
        name, _, digest = image.partition("@")
        repository, tag = _split_tag(name)
        if digest or (tag and not _moves(tag)):
            continue
        example = f"{repository}:1.0.0, with the tag of your release"
        if is_plugin_image(repository):
            own_tag = service.release.own_tag(tag) or f"v{newest_judged_version()}"
            example = f"{repository}:{own_tag}"
        problem = f"the image {image} has no tag"
        if tag:
            problem = f"the image {image} has the moving tag {tag}"
        yield error(
            problem,
            why="a node runs whichever image it already has, so pods can run different images, and a rollback restores"
            " nothing",
            fix=f"write {'.'.join(path)}: {example}, or a digest (@sha256:…)",
            marks=[Mark(path)],
        )


def _images(service: ResolvedService) -> Iterator[tuple[Path, str]]:
    """The images of a service, of the containers that a patch adds, and of its image volumes."""
    yield ("image",), service.image
    for container in added_containers(service):
        if container.text("image"):
            yield (*container.path, "image"), container.text("image")
    for volume in added_volumes(service):
        image = volume.part("image")
        if image.text("reference"):
            yield (*image.path, "reference"), image.text("reference")


def _moves(tag: str) -> bool:
    """Whether a registry moves a tag to another image.

    A commit or a date in the tag fixes the image, and so does a number after the word: `1.2.3-dev.4`.
    """
    lower = tag.lower()
    words = re.split(r"[-_.+]", lower)
    if lower in _MOVING_TAGS or not _ALWAYS_MOVING.isdisjoint(words):
        return True
    if any(_COMMIT.fullmatch(word) or _DATE.fullmatch(word) for word in words):
        return False
    moving = [word for word in words if word in _MOVING]
    return bool(moving) and not _NUMBERED_BUILD.search(lower)


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


_DIRECTORY_VARIABLES = """
HOME TMPDIR XDG_CACHE_HOME XDG_CONFIG_HOME
VLLM_CACHE_ROOT VLLM_CONFIG_ROOT VLLM_RPC_BASE_PATH VLLM_ASSETS_CACHE VLLM_DEBUG_DUMP_PATH
TORCHINDUCTOR_CACHE_DIR TORCH_EXTENSIONS_DIR TRITON_CACHE_DIR TRITON_HOME TRITON_DUMP_DIR
ASCEND_WORK_PATH ASCEND_CACHE_PATH ASCEND_PROCESS_LOG_PATH ACL_OP_COMPILER_CACHE_DIR NPU_COLLECT_PATH
HF_HOME HF_MODULES_CACHE MODELSCOPE_CACHE NUMBA_CACHE_DIR PROMETHEUS_MULTIPROC_DIR
"""

_WRITTEN_BY_VARIABLE = frozenset(_DIRECTORY_VARIABLES.split())
"""Variables with a directory that a process of the server writes to (vllm/envs.py; vllm-ascend,
docs/source/user_guide/configuration/unified_output_directory.md; the documentation of CANN, PyTorch, Triton, Numba,
Hugging Face and prometheus_client)."""

_WRITABLE = (TEMPORARY_FILES, "/dev/shm", GRAPH_CACHE_DIRECTORY)  # noqa: S108


@rule("warning")
def read_only_directory(service: ResolvedService) -> Iterator[Finding]:
    """With `readOnlyRootFilesystem`, no variable names a directory of the image for caches or logs.

    Only `/tmp`, `/dev/shm` and the volumes of other keys can be written to. Without the variable, the server writes
    below its home, which is `/tmp`.
    """
    if not service.read_only_root_filesystem:
        return
    for name in sorted(_WRITTEN_BY_VARIABLE & service.configured_env.keys()):
        directory = service.env.get(name, "")
        place = normal_path(directory)
        if not directory or any(is_inside(place, writable) for writable in _WRITABLE):
            continue
        yield warning(
            f"env.{name} is {directory}, which is read-only with readOnlyRootFilesystem",
            why="the server cannot write its caches or logs there, and may exit with 'Read-only file system'",
            fix=f"remove env.{name}, or write env.{name}: {TEMPORARY_FILES}/{PurePosixPath(place).name}",
            marks=[at("env", key=name)],
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


@rule("warning")
def user_without_name(service: ResolvedService) -> Iterator[Finding]:
    """A user of several NPUs has an entry in `/etc/passwd` of the image.

    HCCL, which connects the NPUs of a server, does not start for a user without a name ("ra init failed"; vllm-ascend,
    documentation on users other than root). Images of Ascend-vLLM have the users root and ma-user (1000), those of
    vllm-ascend root only. Your own image can have more.
    """
    user = service.run_as_user
    npus = service.engine.npus_used
    if npus == 1 or user in service.release.image_users:
        return
    yield warning(
        f"runAsUser {user} may have no name in the image, but {npus} NPUs are used",
        why="HCCL does not start for a user without an entry in /etc/passwd (ra init failed)",
        fix='remove runAsUser, or write accept.user-without-name: "the image has this user", if /etc/passwd has it',
        marks=[
            at("runAsUser"),
            at("npus", f"{npus} NPUs"),
        ],
    )
