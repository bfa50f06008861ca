"""`ascend-vllm convert`: a stack file of the manual's config.yaml and run_vllm.sh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from cli.errors import CommandError, ExitCode
from cli.output import conversion as output
from convert import Adoption, ConversionError, File, Wanted, adoption, decoded
from convert import convert as converted
from models.stack_file.load import read_project
from models.stack_file.yaml_file import read_yaml


def command(  # noqa: PLR0913  each is an argument of the command line
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Kubernetes objects: the manual's config.yaml.")],
    scripts: Annotated[
        list[Path] | None, typer.Argument(metavar="SCRIPT", help="Launch scripts: the manual's run_vllm.sh.")
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the stack file here, such as Pulumi.prod.yaml."),
    ] = None,
    context: Annotated[str, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig.")] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="Existing namespace for the services.")
    ] = "",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Value of a placeholder ${NAME}; can be repeated."),
    ] = None,
    imports: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Write the list for `pulumi import --file` here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Convert the manual's config.yaml and run_vllm.sh to a stack file.

    Needs neither a cluster nor Pulumi. The stack file goes to standard output or to
    --output. convert also lists the values that it kept, changed, assumed and
    dropped, and the findings of every rule. It never copies credentials.

    Exit code 0 without findings, 1 with findings, 2 for wrong usage.

    Examples:
      ascend-vllm convert config.yaml run_vllm.sh
      ascend-vllm convert config.yaml run_vllm.sh -o Pulumi.prod.yaml
      kubectl get deployment -o yaml > d.yaml && ascend-vllm convert d.yaml
    """
    for file in (out, imports):
        if file and file.exists() and not force:
            raise CommandError(f"{file} exists", "name another file, or add --force")
    if imports and not context:
        raise CommandError("objects are imported from a cluster that is named", "add --context NAME")
    name = out.stem.removeprefix("Pulumi.") if out else "converted"
    prefix, filled = read_project(Path()).name, dict(map(_pair, values or []))
    wanted = Wanted(name, str(out or "Pulumi.converted.yaml"), context, namespace, prefix, filled)
    try:
        done = converted(_read(config), [_read(script) for script in scripts or []], wanted)
    except ConversionError as failed:
        for finding in failed.findings:
            place = f"{finding.span.file}:{finding.span.line}: " if finding.span else ""
            typer.echo(f"{place}{finding.message}", err=True)
        raise CommandError(failed.message, failed.fix, ExitCode.FOUND) from None
    if out:
        _write(out, done.text + _kept(out))
    else:
        typer.echo(done.text, nl=False)
    typer.echo(output.render(done), err=out is None)
    if imports:
        _write_imports(imports, adoption(done), err=out is None)
    if done.report.findings:
        raise typer.Exit(ExitCode.FOUND)


def _kept(file: Path) -> str:
    """What Pulumi keeps in a stack file beside the configuration, as the salt of its secrets."""
    if not file.exists():
        return ""
    value = read_yaml(str(file), decoded(file.read_bytes())).value
    others = {key: item for key, item in value.items() if key != "config"} if isinstance(value, dict) else {}
    return yaml.safe_dump(others, sort_keys=False) if others else ""


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"--set {text} has no value", "write --set NAME=VALUE")
    return name.strip().removeprefix("${").removesuffix("}"), value


def _read(file: Path) -> File:
    try:
        return File(str(file), decoded(file.read_bytes()))
    except FileNotFoundError:
        raise CommandError(f"there is no file {file}", "name the manual's config.yaml and run_vllm.sh") from None
    except OSError as problem:
        code = ExitCode.COULD_NOT_RUN
        raise CommandError(f"{file} cannot be read: {problem.strerror}", "name a readable file", code) from None


def _write_imports(file: Path, found: Adoption, *, err: bool) -> None:
    """Write the list for `pulumi import`, and say what becomes of the pods."""
    if found.resources:
        _write(file, json.dumps(found.as_json(), indent=2, ensure_ascii=False) + "\n")
    typer.echo(f"\n{output.render_adoption(found)}", err=err)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as problem:
        code = ExitCode.COULD_NOT_RUN
        raise CommandError(f"{file} cannot be written: {problem.strerror}", "name another file", code) from None
