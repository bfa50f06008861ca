"""`ascend-vllm schema`: the JSON Schema of a stack file, for editors."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from models.kubernetes.json_schema import with_pod_fields
from models.stack_file.schema import services_schema, stack_schema


class SchemaOf(StrEnum):
    """The files that have a schema."""

    STACK = "stack"
    SERVICES = "services"


def command(
    of: Annotated[
        SchemaOf,
        typer.Argument(
            metavar="FILE", help="stack for Pulumi.*.yaml, services for the base file."
        ),
    ] = SchemaOf.STACK,
) -> None:
    """Print the JSON Schema of a stack file, for completion in an editor.

    Examples:
      ascend-vllm schema > schema/stack.schema.json
      ascend-vllm schema services > schema/services.schema.json
    """
    schema = stack_schema() if of is SchemaOf.STACK else services_schema()
    schema = with_pod_fields(schema)
    typer.echo(json.dumps(schema, indent=2, ensure_ascii=False))
