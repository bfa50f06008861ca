"""The objects of a stack as a directory of files for Argo CD or Flux."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from secrets import token_hex

from cli.errors import CommandError, ExitCode
from cli.inputs.named_files import refuse_link_out
from cli.output.yaml import yaml_documents
from models.manifests import Manifest
from models.manifests.metadata import INSTANCE_LABEL
from models.stack_file.texts import named_bytes

_MOST_BYTES = 10_000_000
"""Of a file that is read. An object of Kubernetes has at most 1.5 MB."""

_INDEX = "kustomization.yaml"


def files(
    stack: str, objects: Iterable[Manifest], secrets: Sequence[str] = ()
) -> dict[str, str]:
    """The texts by file name: one file for each object, and the kustomization.yaml that lists them.

    A name does not contain the hash of a launch ConfigMap, so that a changed launch is a change of lines. Annotations
    for Pulumi are removed, because Pulumi does not apply these objects.

    Args:
        stack: Name of the stack.
        objects: The objects of the stack.
        secrets: Lines about the Secrets that must exist, for the kustomization.yaml.
    """
    head = _mark(stack) + "; edits are overwritten.\n"
    texts = {}
    for item in objects:
        texts[_file_name(item)] = head + yaml_documents(
            [_without_pulumi_annotations(item)]
        )
    index = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(texts),
    }
    notes = ""
    if secrets:
        lines = ["Secrets that must exist in the namespace:", *secrets]
        notes = "".join(f"# {line}\n" for line in lines)
    texts[_INDEX] = head + notes + yaml_documents([index])
    return texts


def write(directory: Path, stack: str, wanted: Mapping[str, str]) -> tuple[int, int]:
    """Write the files of a stack into a directory, and delete its files that are no longer wanted.

    Args:
        directory: It is created if it does not exist.
        stack: Name of the stack. Only files that were written for it are changed.
        wanted: The texts by file name.

    Returns:
        The number of written files, and the number of deleted files.

    Raises:
        CommandError: A file that was not written for the stack has the name of a wanted file, or the directory cannot
            be written.
    """
    try:
        refuse_link_out(directory)
        directory.mkdir(parents=True, exist_ok=True)
        existing = _texts(directory)
        written = {
            name for name, text in existing.items() if text.startswith(_mark(stack))
        }
        foreign = existing.keys() - written
        _refuse_foreign_files(directory, foreign & wanted.keys())
        changed = [name for name, text in wanted.items() if existing.get(name) != text]
        unwanted = written - wanted.keys()
        for name in changed:
            _replace(directory / name, wanted[name])
        for name in unwanted:
            (directory / name).unlink()
    except OSError as problem:
        file = problem.filename or directory
        message = f"{file} cannot be written: {problem.strerror}"
        raise CommandError(
            message, "name a writable directory", ExitCode.COULD_NOT_RUN
        ) from None
    return len(changed), len(unwanted)


def _mark(stack: str) -> str:
    """The beginning of each file that was written for a stack."""
    return f"# Written by `ascend-vllm render {stack} -o`"


def _file_name(item: Manifest) -> str:
    metadata = item["metadata"]
    labels = metadata.get("labels") or {}
    name = labels.get(INSTANCE_LABEL) or metadata["name"]
    return f"{name}-{item['kind'].lower()}.yaml"


def _without_pulumi_annotations(item: Manifest) -> Manifest:
    metadata = dict(item["metadata"])
    annotations = metadata.pop("annotations", None) or {}
    others = {
        key: value for key, value in annotations.items() if "pulumi.com/" not in key
    }
    if others:
        metadata["annotations"] = others
    return {**item, "metadata": metadata}


def _texts(directory: Path) -> dict[str, str]:
    """The texts of the files by name. A link or a directory has no text, so it is a foreign file."""
    texts = {}
    for file in directory.glob("*.yaml"):
        is_plain_file = file.is_file() and not file.is_symlink()
        texts[file.name] = _text(file) if is_plain_file else ""
    return texts


def _text(file: Path) -> str:
    """The text of a file; empty if it is longer than any that this command writes."""
    try:
        return named_bytes(file, _MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _refuse_foreign_files(directory: Path, names: set[str]) -> None:
    if names:
        file = directory / min(names)
        message = f"{file} was not written by this command for this stack"
        raise CommandError(message, "name another directory, or move the file away")


def _replace(file: Path, text: str) -> None:
    """Write a file so that a reader sees either the old or the new text.

    The new file has a name that nobody knows before, and it is not opened if it exists: it could be a link.
    """
    new = file.with_name(f".{file.name}.{token_hex(8)}.new")
    with new.open("x", encoding="utf-8") as content:
        content.write(text)
    new.replace(file)
