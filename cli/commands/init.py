"""`ascend-vllm init`: a Pulumi project for a team, in an empty directory or from the manual's files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.commands.convert import (
    ContextOption,
    FilesArgument,
    NamespaceOption,
    ValuesOption,
    converted,
    placeholders,
)
from cli.errors import CommandError, ExitCode
from cli.inputs.stacks import open_stack
from cli.new_project import EXAMPLE, NewProject, project_files
from cli.output import conversion as conversion_output
from cli.output.terminal import paragraph
from cli.output.text import render
from cli.program_requirement import Requirement, program_requirement
from cluster.api import kubeconfig
from convert import Conversion, Options
from convert.minimal import with_scalars
from models.check import check
from models.finding import Finding, Span
from models.finding import Path as KeyPath
from models.report import Report

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_UNKNOWN_CONTEXT = "my-cluster"
_CONVERT_AGAIN = "; or convert again"
"""The part of a fix that does not hold for a project that exists."""
_THEIRS = (".gitignore", "README.md")
"""Files that a new repository often has already. They are kept unchanged."""

ConfigArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="CONFIG",
        help="Kubernetes objects to convert: the manual's config.yaml.",
    ),
]
StackOption = Annotated[
    str, typer.Option("--stack", metavar="STACK", help="Name of the stack.")
]
NameOption = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the project, with which the keys of the stack file begin.",
    ),
]
ProgramOption = Annotated[
    str,
    typer.Option(
        "--program",
        metavar="REQUIREMENT",
        help="How pip installs the program (default: this version of it).",
    ),
]


def command(  # noqa: PLR0913  each is an argument of the command line
    config: ConfigArgument = None,
    further: FilesArgument = None,
    *,
    stack: StackOption = "prod",
    name: NameOption = "ascend-vllm",
    context: ContextOption = "",
    namespace: NamespaceOption = "",
    values: ValuesOption = None,
    program: ProgramOption = "",
) -> None:
    """Make a Pulumi project for a team in the current directory.

    The project has Pulumi.yaml, one stack, services.yaml, the program and workflows
    for GitHub. With CONFIG and FILE, the services are those of the manual's files,
    as `convert` reads them. Otherwise there is one example. Existing files are never
    overwritten.

    Exit code 0 without findings in the new stack, 1 with findings, 2 for wrong
    usage, 3 if a file cannot be written.

    Examples:
      mkdir our-models && cd our-models && ascend-vllm init --stack prod
      ascend-vllm init --context prod-guiyang --namespace inference
      ascend-vllm init config.yaml run_vllm.sh --context prod-guiyang
    """
    _refuse_bad_names(stack=stack, name=name)
    requirement = Requirement(program) if program else program_requirement()
    context = context or _current_context()
    options = Options(
        name=stack,
        file=f"Pulumi.{stack}.yaml",
        context=context,
        namespace=namespace,
        filled=placeholders(values),
    )
    conversion = None
    content = _example(options)
    if config:
        conversion = converted([config, *(further or [])], options)
        content = _content(conversion)
    files = project_files(
        NewProject(
            name=name,
            stack=stack,
            cluster=content.cluster,
            services=content.services,
            requirement=requirement.line,
        )
    )
    kept = _write(files)
    report = _report(stack, conversion)
    for path in kept:
        typer.echo(f"kept      {path}, which was here before", err=True)
    if requirement.caution:
        caution = paragraph("requirements.txt: ", requirement.caution)
        typer.echo("\n".join(caution), err=True)
    _show_next_steps(stack, context)
    if report.findings:
        raise typer.Exit(ExitCode.FOUND)


@dataclass(frozen=True)
class _Content:
    """The values of the two YAML files."""

    cluster: Mapping[str, Any]
    services: Mapping[str, Any]


def _refuse_bad_names(**names: str) -> None:
    for option, value in names.items():
        if not _NAME.fullmatch(value):
            raise CommandError(
                f"--{option} {value}: expected letters, digits, '-', '_' and '.'",
                f"write a name such as --{option} prod",
            )


def _current_context() -> str:
    """The current context of the kubeconfig; a name to replace if there is none."""
    for _, content in kubeconfig.kubeconfigs():
        current = content.get("current-context")
        if current:
            return str(current)
    return _UNKNOWN_CONTEXT


def _example(options: Options) -> _Content:
    cluster: dict[str, Any] = {"context": options.context, "platform": "cce"}
    if options.namespace:
        cluster["namespace"] = {"name": options.namespace, "create": False}
    return _Content(cluster, EXAMPLE)


def _content(conversion: Conversion) -> _Content:
    services = {
        service.name: with_scalars(service.values) for service in conversion.drafts
    }
    return _Content(with_scalars(conversion.cluster), services)


def _write(files: Mapping[str, str]) -> list[str]:
    """Write all files, or none if one of them exists.

    Returns:
        The files that existed and are kept.

    Raises:
        CommandError: A file exists, or cannot be written.
    """
    # A link that leads nowhere is there, too.
    existing = [path for path in files if os.path.lexists(path)]
    in_the_way = [path for path in existing if path not in _THEIRS]
    if in_the_way:
        raise CommandError(
            f"{', '.join(in_the_way)}: already here, and init overwrites nothing",
            "run init in an empty directory: ascend-vllm -C DIRECTORY init",
        )
    new = {path: text for path, text in files.items() if path not in existing}
    for path in new:
        _refuse_linked_directories(Path(path))
    written: list[Path] = []
    try:
        for path, text in new.items():
            _write_file(Path(path), text)
            written.append(Path(path))
    except CommandError:
        for file in written:
            file.unlink()
        raise
    return existing


def _refuse_linked_directories(file: Path) -> None:
    """Refuse a file in a linked directory, which could be outside of the project."""
    for directory in file.parents:
        if directory.is_symlink():
            raise CommandError(
                f"{directory} is a link to {directory.readlink()}, and init follows no links",
                "run init in an empty directory: ascend-vllm -C DIRECTORY init",
            )


def _write_file(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as content:
            content.write(text)
    except OSError as problem:
        raise CommandError(
            f"{file} cannot be written: {problem.strerror}",
            "run init in a directory that you may write",
            ExitCode.COULD_NOT_RUN,
        ) from None


def _report(stack: str, conversion: Conversion | None) -> Report:
    """Print the report of the conversion, and the findings about the new stack."""
    new_stack = open_stack(stack)
    if conversion is None:
        report = check(new_stack)
        typer.echo(render([report]))
        return report
    findings = [
        _moved(finding, new_stack.spans) for finding in conversion.report.findings
    ]
    report = replace(conversion.report, findings=tuple(findings))
    typer.echo(conversion_output.render(replace(conversion, report=report)))
    return report


def _moved(finding: Finding, spans: Mapping[KeyPath, Span]) -> Finding:
    """A finding of the conversion at its place in the files of the project."""
    marks = [replace(mark, span=_nearest(mark.path, spans)) for mark in finding.marks]
    fix = finding.fix.partition(_CONVERT_AGAIN)[0]
    return replace(finding, marks=tuple(marks), fix=fix)


def _nearest(path: KeyPath, spans: Mapping[KeyPath, Span]) -> Span | None:
    """The position of a value, or of the nearest mapping that contains it."""
    while path and path not in spans:
        path = path[:-1]
    return spans.get(path)


def _show_next_steps(stack: str, context: str) -> None:
    typer.echo(
        f"\nnext: edit services.yaml and Pulumi.{stack}.yaml (context: {context}), then\n"
        f"  ascend-vllm check {stack}\n"
        "  python3 -m venv .venv\n"
        "  .venv/bin/python -m pip install -r requirements.txt\n"
        "  . .venv/bin/activate\n"
        "  pulumi login\n"
        f"  pulumi stack init {stack}\n"
        "  pulumi preview",
        err=True,
    )
