"""`ascend-vllm migrate`: a stack file for another engine release, with a report of what changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StackArgument
from cli.inputs.named_files import refuse_link, refuse_link_out, write_named
from cli.inputs.stacks import open_stack
from cli.output import migration as output
from migrate.errors import MigrationError
from migrate.migration import Wish, migrate
from migrate.report import Migration
from models.engines.release import Release
from models.engines.releases import VERSIONS, release
from models.stack_file.texts import disk, unchanged


class MigrationFormat(StrEnum):
    """Output formats of the report."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


ToOption = Annotated[
    str,
    typer.Option("--to", metavar="RELEASE", help="The new release, such as 0.23.0."),
]
ServiceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--service", metavar="NAME", help="Migrate this service; can be repeated."
    ),
]
ImageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        metavar="SERVICE=IMAGE",
        help="The new image of a service; can be repeated.",
    ),
]
TakeDefaultsOption = Annotated[
    bool,
    typer.Option("--take-defaults", help="Take the defaults of the new release."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the report, and write nothing.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        show_default=False,
        help="Write the new stack file here; the old one stays.",
    ),
]


def command(  # noqa: PLR0913  each is an argument of the command line
    stack: StackArgument,
    to: ToOption,
    *,
    services: ServiceOption = None,
    images: ImageOption = None,
    take_defaults: TakeDefaultsOption = False,
    dry_run: DryRunOption = False,
    output_file: OutputOption = None,
    form: Annotated[
        MigrationFormat, typer.Option("--format", help="Output format.")
    ] = MigrationFormat.TEXT,
) -> None:
    """Write a stack file for another engine release, and report what changes.

    Settings that the release does not have are renamed, replaced or removed, each
    with its reason. Defaults that differ are written out, so that services do not
    change. Comments are kept. The old file is kept as Pulumi.STACK.yaml.RELEASE.
    A base file is not changed: the stack file overrides its values.

    Exit code 0 if the new stack file passes check, 1 if something is left to do, 2
    for wrong usage, 3 if the stack cannot be migrated.

    Examples:
      ascend-vllm migrate prod --to 0.23.0
      ascend-vllm migrate prod --to 0.23.0 --service qwen2-7b --dry-run
      ascend-vllm migrate prod --to 0.30.0 --format markdown
    """
    wish = Wish(
        release=known_release(to),
        services=services or (),
        images=_images(images or []),
        take_defaults=take_defaults,
    )
    resolved = open_stack(stack)
    if resolved.file == "-":
        raise CommandError(
            "a stack on standard input cannot be migrated", "name a stack file"
        )
    file = Path(resolved.file)
    old_text = unchanged(file)
    try:
        migration = migrate(resolved, old_text, Path(), disk, wish)
    except MigrationError as problem:
        raise CommandError(
            problem.message, problem.fix, ExitCode.COULD_NOT_RUN
        ) from None
    typer.echo(_report(migration, form))
    if not dry_run:
        _write(migration, old_text, output_file)
    if any(output.is_open(service) for service in migration.services):
        raise typer.Exit(ExitCode.FOUND)


def known_release(version: str) -> Release:
    """The release of a version.

    Raises:
        CommandError: It is not known.
    """
    for known in VERSIONS:
        if version.removeprefix("v") == known:
            return release(known)
    raise CommandError(
        f"release {version!r} is not known", f"name one of: {', '.join(VERSIONS)}"
    )


def _images(arguments: Sequence[str]) -> dict[str, str]:
    images = {}
    for argument in arguments:
        service, is_set, image = argument.partition("=")
        if not is_set or not service or not image:
            raise CommandError(
                f"--image {argument} is not SERVICE=IMAGE",
                "write --image qwen=quay.io/ascend/vllm-ascend:v0.23.0",
            )
        images[service] = image
    return images


def _report(migration: Migration, form: MigrationFormat) -> str:
    if form is MigrationFormat.JSON:
        return output.document(migration)
    if form is MigrationFormat.MARKDOWN:
        return output.markdown(migration)
    return output.text(migration)


def _free_name(file: Path) -> Path:
    """The name of a file that does not exist: with a number after it if services were migrated one after the other."""
    name = file
    number = 2
    while os.path.lexists(name):
        name = file.with_name(f"{file.name}.{number}")
        number += 1
    return name


def _write(migration: Migration, old_text: str, target: Path | None) -> None:
    """Write the new stack file. The old one is kept under another name if it is replaced.

    Raises:
        CommandError: A file exists already, or cannot be written.
    """
    file = Path(migration.file)
    try:
        if target is not None:
            refuse_link_out(target.parent)
            _write_new(target, migration.text)
            typer.echo(f"written: {target}", err=True)
            return
        refuse_link(file)
        kept = _free_name(file.with_name(f"{file.name}.{_old_releases(migration)}"))
        _write_new(kept, old_text)
        write_named(file, migration.text)
    except FileExistsError as problem:
        raise CommandError(
            f"{problem.filename} exists already",
            "remove it, or write to another file with -o",
            ExitCode.COULD_NOT_RUN,
        ) from None
    except OSError as problem:
        raise CommandError(
            f"{problem.filename} cannot be written: {problem.strerror}",
            "make the directory writable, or write to another file with -o",
            ExitCode.COULD_NOT_RUN,
        ) from None
    typer.echo(f"written: {file}\nkept: {kept}", err=True)
    typer.echo(f"next: ascend-vllm diff ./{kept} {file}", err=True)


def _write_new(file: Path, text: str) -> None:
    with file.open(
        "x", encoding="utf-8", errors="surrogateescape", newline=""
    ) as target:
        target.write(text)


def _old_releases(migration: Migration) -> str:
    versions = sorted({service.old for service in migration.services})
    return "-".join(versions)
