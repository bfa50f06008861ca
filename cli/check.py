"""`ascend-vllm check`: everything that is wrong or doubtful in stack files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from cli.errors import ExitCode
from cli.live import run
from cli.output import Format, render_reports
from cli.output.rollout import rollout_in_words
from cli.stacks import StacksArgument, open_stacks
from cluster.ready import judge_cluster
from models.check import check
from models.credentials import masked_tree
from models.finding import Finding
from models.record import quantity_text
from models.service.fit import fit
from models.service.resolved import ResolvedService, ResolvedStack

_GIB = 2**30
_BYTES = ("resources.memory", "resources.shm", "model.source.size", "model.source.to.size")
_SECONDS = ("startup", "drain", "Timeout", "preparation", "interval")

Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also print every value with its origin, and the memory fit.")
]


def command(
    stacks: StacksArgument = None,
    form: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.TEXT,
    verbose: Verbose = False,
    live: Annotated[bool, typer.Option("--live", help="Also read the cluster of each stack.")] = False,
) -> None:
    """Check stack files against every rule.

    Needs neither a cluster nor Pulumi. With --live, check also reads the cluster of
    each stack: its nodes, queues, kinds of objects, and the objects that the pods
    refer to. It only reads, and of Secrets only their names.

    Exit code 0 without findings, 1 with findings (always 0 with --format sarif), 2
    for wrong usage.

    Examples:
      ascend-vllm check
      ascend-vllm check prod --format json
      ascend-vllm check prod --live
    """
    resolved = list(open_stacks(stacks or []))
    reports = [check(stack, _in_cluster(stack) if live else ()) for stack in resolved]
    if verbose:
        for stack in resolved:
            typer.echo(
                "\n".join(line for service in stack.services for line in _verbose(service)),
                err=form != Format.TEXT,
            )
    if text := render_reports(reports, form):
        typer.echo(text)
    if form != Format.SARIF and any(report.findings for report in reports):
        raise typer.Exit(ExitCode.FOUND)


def _in_cluster(stack: ResolvedStack) -> Sequence[Finding]:
    """What does not fit the cluster of a stack, unless it is not even known which one that is."""
    if any(mark.path[:1] == ("cluster",) for finding in stack.findings for mark in finding.marks):
        typer.echo(f"not read: the cluster of {stack.name}: its section in the stack file has errors", err=True)
        return ()
    found, unread = run(judge_cluster(stack), stack.cluster.context)
    for what, why in unread.items():
        typer.echo(f"not read: {what}: {why}", err=True)
    return found


def _verbose(service: ResolvedService) -> Iterator[str]:
    yield from _origins(service)
    yield from _fit(service)
    yield f"  {rollout_in_words(service)}"
    yield ""


def _origins(service: ResolvedService) -> Iterator[str]:
    """One line a field: its value, and where that comes from."""
    yield service.name
    rows = [(field, _shown(origin.value, field), origin.source) for field, origin in service.origins.items()]
    width, room = max(len(field) for field, _, _ in rows), max(len(value) for _, value, _ in rows)
    for field, value, source in rows:
        yield f"  {field:<{width}}  {value:<{min(room, 48)}}  {source}"


def _fit(service: ResolvedService) -> Iterator[str]:
    """How the model fits its NPUs, term by term."""
    need = fit(service)
    if need is None:
        lacking = "cluster.pools" if service.facts else "the model's facts"
        yield f"  fit: not known without {lacking}"
        return
    engine = service.engine
    yield f"  fit: on each of {engine.npus_used} NPUs with {need.memory / _GIB:.1f} GiB"
    yield f"    {need.budget / _GIB:8.1f} GiB  the engine's share, {engine.gpu_memory_utilization:g} of the memory"
    yield f"    {need.weights / _GIB:8.1f} GiB  weights, of {need.parameters / 1e9:.2f} billion parameters in all"
    left = max(need.budget - need.weights, 0)
    yield f"    {left / _GIB:8.1f} GiB  left for the KV cache: {need.tokens} tokens of {need.token / 1024:.1f} KiB"
    yield f"    {need.requests:8} requests of {need.length} tokens at once; activations come off that"


def _shown(value: object, field: str) -> str:
    if value is None or value in ([], {}):
        return "-"
    value = masked_tree(value, field.rpartition(".")[2])
    if field in _BYTES and isinstance(value, int):
        return quantity_text(value)
    if field.endswith(_SECONDS) and isinstance(value, int):
        return f"{value}s"
    return str(value).lower() if isinstance(value, bool) else repr(value) if "\n" in str(value) else str(value)
