"""`ascend-vllm dashboard`: the Grafana dashboard of a stack, as JSON."""

from __future__ import annotations

import json

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StackArgument
from cli.inputs.stacks import open_stack
from cli.refusal import refuse_errors
from models.manifests.dashboard import dashboard


def command(stack: StackArgument) -> None:
    """Print a Grafana dashboard with a row for each service that has monitoring.

    The graphs use the metric names of the engine release of each service. Print it
    again after a change of the release.

    Examples:
      ascend-vllm dashboard dev
      ascend-vllm dashboard prod > prod.dashboard.json
    """
    resolved = open_stack(stack)
    refuse_errors(resolved, code=ExitCode.FOUND)
    scraped = [service for service in resolved.services if service.monitoring]
    if not scraped:
        raise CommandError(
            "no service has monitoring, so Prometheus scrapes none of them",
            "write monitoring: true in a service",
            code=ExitCode.FOUND,
        )
    typer.echo(json.dumps(dashboard(resolved.name, scraped), indent=2))
