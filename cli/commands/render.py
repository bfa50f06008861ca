"""`ascend-vllm render`: all objects of a stack as YAML, on standard output or as files for GitOps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cli import gitops
from cli.errors import ExitCode
from cli.inputs.arguments import StackArgument
from cli.inputs.stacks import open_stack
from cli.output.yaml import yaml_documents
from cli.refusal import refuse_errors
from models.manifests import stack_objects
from models.secret_reference import NamespaceSecret
from models.service.resolved import ResolvedStack
from models.stack_file.keys.pull_secret import NamespacePullSecret
from models.words import counted

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        show_default=False,
        help="Write one file for each object, for Argo CD or Flux.",
    ),
]


def command(stack: StackArgument, output: OutputOption = None) -> None:
    """Print every Kubernetes object of a stack as YAML, without Secrets.

    The objects are those that `pulumi up` registers. Secrets that the pods refer to
    are listed on standard error and in kustomization.yaml.

    -o writes one file for each object, and a kustomization.yaml. Files of objects
    that no longer exist are deleted, and all other files stay unchanged.

    Examples:
      ascend-vllm render prod
      ascend-vllm render dev | kubectl --context kwok-dev diff -f -
      ascend-vllm render prod -o gitops/prod
    """
    resolved = open_stack(stack)
    refuse_errors(resolved, code=ExitCode.FOUND)
    objects = list(stack_objects(resolved))
    secrets = list(_secret_lines(resolved))
    if secrets:
        lines = ["Secrets that must exist in the namespace (not printed):", *secrets]
        typer.echo("\n".join(lines), err=True)
    if output is None:
        typer.echo(yaml_documents(objects), nl=False)
        return
    files = gitops.files(resolved.name, objects, secrets)
    written, removed = gitops.write(output, resolved.name, files)
    typer.echo(
        f"{output}: {counted(written, 'file')} written, {removed} removed", err=True
    )


def _secret_lines(stack: ResolvedStack) -> Iterator[str]:
    """One line for each Secret that the pods refer to. Secrets that `pulumi up` creates are listed with their value."""
    created = {secret.name: secret for secret in stack.secrets}
    for name, keys in sorted(_referenced_keys(stack).items()):
        line = f"  {name}, key {', '.join(sorted(keys))}"
        if name in created:
            line += f": the value of `pulumi config get {created[name].config}`"
        yield line


def _referenced_keys(stack: ResolvedStack) -> dict[str, set[str]]:
    """The keys of each Secret that the pods refer to."""
    keys: dict[str, set[str]] = {}
    for service in stack.services:
        references: list[NamespaceSecret | NamespacePullSecret] = [
            *service.secret_env.values(),
            *service.pull_secrets,
        ]
        if service.server.api_key:
            references.append(service.server.api_key)
        for reference in references:
            keys.setdefault(reference.secret, set()).add(reference.key)
    return keys
