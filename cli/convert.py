"""`ascend-vllm convert`: a stack file of the manual's config.yaml and run_vllm.sh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.output import conversion as output
from convert import ConversionError, File, Wanted, decoded
from convert import convert as converted
from models.report import finding_text


def command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The objects: the manual's config.yaml.")],
    scripts: Annotated[
        list[Path] | None, typer.Argument(metavar="[SCRIPT]...", help="The launch scripts: the manual's run_vllm.sh.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the stack file here, as Pulumi.prod.yaml.")
    ] = None,
    context: Annotated[str, typer.Option("--context", metavar="NAME", help="The kubeconfig's context.")] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="A namespace that exists, for the services.")
    ] = "",
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="The value of a placeholder ${NAME}.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
) -> None:
    """Make a stack file of the manual's config.yaml and run_vllm.sh, also as people edit them; no cluster, no Pulumi.

    The stack file goes to standard output, or to the file of --output. What was kept, changed, assumed and dropped is
    said beside it, with the findings of every rule. Values that look like secrets are never copied.

    Exit code 0 when nothing is found, 1 when something is, as a placeholder that has no value, 2 for wrong usage.

    \b
    Examples:
      ascend-vllm convert config.yaml run_vllm.sh
      ascend-vllm convert config.yaml run_vllm.sh -o Pulumi.prod.yaml --context prod-guiyang
      ascend-vllm convert config.yaml run_vllm.sh --set image_name=registry.example.com/ascend-vllm:6.3.912
      kubectl get deployment,configmap,service -o yaml > objects.yaml && ascend-vllm convert objects.yaml
    """
    if out and out.exists() and not force:
        raise CommandError(f"{out} exists", "name another file, or add --force")
    name = out.stem.removeprefix("Pulumi.") if out else "converted"
    wanted = Wanted(name, str(out or "Pulumi.converted.yaml"), context, namespace, dict(map(_pair, values or [])))
    try:
        done = converted(_read(config), [_read(script) for script in scripts or []], wanted)
    except ConversionError as failed:
        for finding in failed.findings:
            typer.echo(f"{finding_text(finding)}\n", err=True)
        raise CommandError(failed.message, failed.fix, ExitCode.FOUND) from None
    if out:
        _write(out, done.text)
    else:
        typer.echo(done.text, nl=False)
    typer.echo(output.render(done), err=out is None)
    if done.report.findings:
        raise typer.Exit(ExitCode.FOUND)


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


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as problem:
        code = ExitCode.COULD_NOT_RUN
        raise CommandError(f"{file} cannot be written: {problem.strerror}", "name another file", code) from None


