"""`ascend-vllm render`: all objects of a stack as YAML, on standard output or as files for GitOps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from cli.errors import CommandError, ExitCode
from cli.refusal import refuse_errors
from cli.stacks import StackArgument, open_stack
from models.manifests import Manifest, stack_objects
from models.manifests.metadata import INSTANCE_LABEL
from models.service.resolved import ResolvedStack
from models.words import counted

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="DIR", show_default=False, help="Write one file for each object, for Argo CD or Flux."
    ),
]


def command(stack: StackArgument, output: OutputOption = None) -> None:
    """Print every Kubernetes object of a stack as YAML, without Secrets.

    The objects are those that `pulumi up` registers. Secrets that the pods refer to
    are listed on standard error and in kustomization.yaml.

    -o writes one file for each object, and a kustomization.yaml. Files of objects
    that no longer exist are deleted, and all other files are left alone.

    Examples:
      ascend-vllm render prod
      ascend-vllm render dev | kubectl --context kwok-dev diff -f -
      ascend-vllm render prod -o gitops/prod
    """
    resolved = open_stack(stack)
    refuse_errors(resolved)
    objects, needed = list(stack_objects(resolved)), [*needed_secrets(resolved)]
    if needed:
        typer.echo("\n".join(("Secrets that have to be in the namespace; none is printed:", *needed)), err=True)
    if output is None:
        typer.echo(yaml_documents(objects), nl=False)
        return
    written, removed = write(output, files(resolved.name, objects, needed), _first_line(resolved.name))
    typer.echo(f"{output}: {counted(written, 'file')} written, {removed} removed", err=True)


def yaml_documents(objects: list[dict[str, Any]]) -> str:
    """Objects as one YAML stream; texts of several lines stay readable."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000, explicit_start=True)


def needed_secrets(stack: ResolvedStack) -> Iterator[str]:
    """The Secrets that the pods of a stack refer to, a line each; those that `pulumi up` makes with their keys."""
    made = {one.name: one for one in stack.secrets}
    named: dict[str, set[str]] = {}
    for service in stack.services:
        for reference in (service.server.api_key, *service.secret_env.values(), *service.pull_secrets):
            if reference:
                named.setdefault(reference.secret, set()).add(reference.key)
    for name, keys in sorted(named.items()):
        line = f"  {name}, key {', '.join(sorted(keys))}"
        yield f"{line}: the value of `pulumi config get {made[name].config}`" if name in made else line


def files(stack: str, objects: Iterable[Manifest], needed: Sequence[str] = ()) -> dict[str, str]:
    """A file for each object by name, and the kustomization.yaml that lists them, with the Secrets that have to exist.

    A name does not follow the content of its object, as that of a launch map does: a change is a change of lines.
    Annotations for Pulumi's provider are left out, since another applies the objects.
    """
    named = {_file_name(item): _for_others(item) for item in objects}
    index = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [*named]}
    texts = {name: yaml_documents([item]) for name, item in {**named, "kustomization.yaml": index}.items()}
    notes = ("Secrets that have to be in the namespace:", *needed) if needed else ()
    texts["kustomization.yaml"] = "".join(f"# {note}\n" for note in notes) + texts["kustomization.yaml"]
    return {name: _first_line(stack) + text for name, text in texts.items()}


def write(directory: Path, wanted: Mapping[str, str], first_line: str) -> tuple[int, int]:
    """Write files into a directory, and remove those that were written before and are not wanted any more.

    Args:
        directory: Made when it is not there.
        wanted: The texts by name.
        first_line: What tells our files from others.

    Returns:
        How many files were written, and how many removed.

    Raises:
        CommandError: A file of somebody else's is in the way, or the directory cannot be written; then nothing is
            changed, as far as the disk allows.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        there = {file.name: file.read_text("utf-8", "replace") for file in directory.glob("*.yaml") if file.is_file()}
        if strange := sorted(name for name in wanted if not there.get(name, first_line).startswith(first_line)):
            message = f"{directory / strange[0]} was not written by this command for this stack"
            raise CommandError(message, "name another directory, or move the file away")
        changed = [name for name, text in wanted.items() if there.get(name) != text]
        for name in changed:
            new = directory / f".{name}.new"
            new.write_text(wanted[name], encoding="utf-8")
            new.replace(directory / name)
        gone = [name for name, text in there.items() if text.startswith(first_line) and name not in wanted]
        for name in gone:
            (directory / name).unlink()
    except OSError as problem:
        message = f"{problem.filename or directory} cannot be written: {problem.strerror}"
        raise CommandError(message, "name a directory that can be written", ExitCode.COULD_NOT_RUN) from None
    return len(changed), len(gone)


def _first_line(stack: str) -> str:
    return f"# Written by `ascend-vllm render {stack} -o`; what is changed here is lost.\n"


def _file_name(item: Manifest) -> str:
    metadata = item["metadata"]
    name = (metadata.get("labels") or {}).get(INSTANCE_LABEL) or metadata["name"]
    return f"{name}-{item['kind'].lower()}.yaml"


def _for_others(item: Manifest) -> Manifest:
    metadata = item["metadata"]
    others = {key: value for key, value in (metadata.get("annotations") or {}).items() if "pulumi.com/" not in key}
    kept = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**item, "metadata": {**kept, **({"annotations": others} if others else {})}}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and the same value twice instead of an anchor."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
