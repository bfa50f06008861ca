"""`ascend-vllm convert`: a stack file from files of today's servers, such as the manual's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import yaml

from cli.commands.migrate import known_release
from cli.errors import CommandError, ExitCode
from cli.inputs.named_files import STANDARD_INPUT, read_named, write_named
from cli.inputs.stacks import project_directory
from cli.output import conversion as output
from cli.output import migration as migration_output
from convert import (
    Adoption,
    Conversion,
    ConversionError,
    File,
    Options,
    adoption,
    convert_files,
    decoded,
)
from migrate.errors import MigrationError
from migrate.migration import Wish, migrate
from migrate.report import Migration
from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_text
from models.stack_file.parse import LoadedStack
from models.stack_file.texts import disk
from models.stack_file.yaml_file import read_yaml

_MOST_BYTES = 10_000_000
"""Of a file that is converted."""

ConfigArgument = Annotated[
    Path,
    typer.Argument(
        metavar="CONFIG",
        help="Objects, a Compose file, or a script; - for standard input.",
    ),
]

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="More files, such as launch scripts."),
]

OutOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the stack file here, such as Pulumi.guiyang.yaml.",
    ),
]

ContextOption = Annotated[
    str,
    typer.Option("--context", metavar="NAME", help="Context of the kubeconfig."),
]

NamespaceOption = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        help="Existing namespace for the services.",
    ),
]

ValuesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Value of ${NAME} or of a variable; can be repeated.",
    ),
]

ImportsOption = Annotated[
    Path | None,
    typer.Option(
        "--import",
        metavar="FILE",
        help="Write the list for `pulumi import --file` here.",
    ),
]

ToOption = Annotated[
    str,
    typer.Option(
        "--to", metavar="RELEASE", help="Also migrate to this engine release."
    ),
]

ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite existing files.")]


def command(  # noqa: PLR0913  each is an argument of the command line
    config: ConfigArgument,
    files: FilesArgument = None,
    *,
    out: OutOption = None,
    context: ContextOption = "",
    namespace: NamespaceOption = "",
    values: ValuesOption = None,
    imports: ImportsOption = None,
    to: ToOption = "",
    force: ForceOption = False,
) -> None:
    """Convert files of today's servers to a stack file.

    Needs neither a cluster nor Pulumi. The stack file goes to standard output or to
    --output. convert also lists the values that it kept, changed, assumed and
    dropped, and the findings of every rule. It never copies credentials.

    Exit code 0 if nothing was found or dropped, else 1; 2 for wrong usage.

    Examples:
      ascend-vllm convert config.yaml run_vllm.sh -o Pulumi.guiyang.yaml
      ascend-vllm convert config.yaml run_vllm.sh --to 0.23.0
      kubectl get deployment qwen -o yaml | ascend-vllm convert -
    """
    _refuse_existing([out, imports], force)
    if imports:
        _refuse_imports(context, to)
    options = Options(
        name=_stack_name(out),
        file=str(out or "Pulumi.converted.yaml"),
        context=context,
        namespace=namespace,
        project=project_directory(_directory(out)),
        filled=placeholders(values),
    )
    conversion = converted([config, *(files or [])], options)
    migration = None
    text = conversion.text
    if to:
        migration = _migrated(conversion, options, to, _directory(out))
        text = migration.text
        report = check(resolve(_loaded(text, options, _directory(out))))
        conversion = replace(conversion, report=report)
    report_to_stderr = out is None
    if out:
        _write(out, text + _kept_sections(out))
    else:
        typer.echo(text, nl=False)
    typer.echo(output.render(conversion), err=report_to_stderr)
    if migration:
        typer.echo(f"\n{migration_output.text(migration)}", err=report_to_stderr)
    if imports:
        _write_imports(imports, adoption(conversion), err=report_to_stderr)
    is_open = migration is not None and any(
        migration_output.is_open(service) for service in migration.services
    )
    if conversion.report.findings or conversion.loses or is_open:
        raise typer.Exit(ExitCode.FOUND)


def _refuse_imports(context: str, to: str) -> None:
    """Refuse to take over running objects without their cluster, or with pods of another release."""
    if not context:
        raise CommandError(
            "--import needs the context of the cluster with the objects",
            "add --context NAME",
        )
    if to:
        raise CommandError(
            "--import takes over running pods, and --to changes them",
            "leave out --to, and migrate the stack afterwards",
        )


def _migrated(
    conversion: Conversion,
    options: Options,
    to: str,
    directory: Path | None,
) -> Migration:
    """The stack file of a conversion for another engine release.

    Raises:
        CommandError: The release is not known, or the stack file cannot be migrated.
    """
    project = project_directory(directory)
    stack = resolve(_loaded(conversion.text, options, directory))
    wish = Wish(release=known_release(to))
    try:
        return migrate(stack, conversion.text, project, disk, wish)
    except MigrationError as problem:
        message, fix = problem.message, problem.fix
        for error in conversion.report.errors[:1]:
            message = f"the files cannot be migrated: {error.message}"
            fix = f"{error.fix}; without --to, convert shows all findings"
        raise CommandError(message, fix, ExitCode.FOUND) from None


def _loaded(text: str, options: Options, directory: Path | None) -> LoadedStack:
    """The stack of the text of a stack file."""
    project = project_directory(directory)
    return load_text(options.name, options.file, text, project=project, read=disk)


def _refuse_existing(files: Sequence[Path | None], force: bool) -> None:
    for file in files:
        if file and file.exists() and not force:
            raise CommandError(f"{file} exists", "name another file, or add --force")


def _directory(out: Path | None) -> Path | None:
    """The directory of the stack file, whose project names the keys."""
    return out.parent if out else None


def _stack_name(out: Path | None) -> str:
    if out is None:
        return "converted"
    return out.stem.removeprefix("Pulumi.")


def placeholders(texts: Sequence[str] | None) -> dict[str, str]:
    """The values of placeholders by name, from options such as `NAME=VALUE`.

    Raises:
        CommandError: An option has no value.
    """
    return dict(_placeholder(text) for text in texts or [])


def _placeholder(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"--set {text} has no value", "write --set NAME=VALUE")
    return name.strip().removeprefix("${").removesuffix("}"), value


def converted(files: Sequence[Path], options: Options) -> Conversion:
    """The conversion of some files.

    Raises:
        CommandError: A file cannot be read or converted.
    """
    contents = [_read(file) for file in files]
    try:
        return convert_files(contents, options)
    except ConversionError as problem:
        _end_with_findings(problem)


def _end_with_findings(problem: ConversionError) -> NoReturn:
    for finding in problem.findings:
        place = ""
        if finding.span:
            place = f"{finding.span.file}:{finding.span.line}: "
        typer.echo(f"{place}{finding.message}", err=True)
    raise CommandError(problem.message, problem.fix, ExitCode.FOUND) from None


def _read(file: Path) -> File:
    name = str(file)
    if name == STANDARD_INPUT:
        name = "standard input"
    try:
        return File(name, decoded(read_named(str(file), _MOST_BYTES)))
    except FileNotFoundError:
        raise CommandError(
            f"there is no file {file}", "name the manual's config.yaml and run_vllm.sh"
        ) from None
    except OSError as problem:
        message = f"{name} cannot be read: {problem.strerror}"
        raise CommandError(
            message, "name a readable file", ExitCode.COULD_NOT_RUN
        ) from None


def _kept_sections(file: Path) -> str:
    """The sections of an existing stack file next to `config`, such as the salt of its secrets."""
    if not file.exists():
        return ""
    value = read_yaml(str(file), decoded(read_named(str(file), _MOST_BYTES))).value
    if not isinstance(value, dict):
        return ""
    others = {key: item for key, item in value.items() if key != "config"}
    if not others:
        return ""
    return yaml.safe_dump(others, sort_keys=False)


def _write_imports(file: Path, found: Adoption, *, err: bool) -> None:
    """Write the list for `pulumi import`, and report the effect on the pods."""
    if found.resources:
        _write(file, json.dumps(found.as_json(), indent=2, ensure_ascii=False) + "\n")
    typer.echo(f"\n{output.render_adoption(found)}", err=err)


def _write(file: Path, text: str) -> None:
    try:
        write_named(file, text)
    except OSError as problem:
        message = f"{file} cannot be written: {problem.strerror}"
        raise CommandError(
            message, "name another file", ExitCode.COULD_NOT_RUN
        ) from None
