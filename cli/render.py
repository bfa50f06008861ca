"""`ascend-vllm render`: all objects of a stack as YAML."""

from __future__ import annotations

from typing import Any

import typer
import yaml

from cli.refusal import refuse_errors
from cli.stacks import StackArgument, open_stack
from models.manifests import stack_objects


def command(stack: StackArgument) -> None:
    """Print every Kubernetes object of a stack as YAML, as `pulumi up` registers it; no cluster, no Pulumi.

    \b
    Examples:
      ascend-vllm render prod
      ascend-vllm render dev | kubectl --context CONTEXT diff -f -
    """
    resolved = open_stack(stack)
    refuse_errors(resolved)
    typer.echo(yaml_documents(list(stack_objects(resolved))), nl=False)


def yaml_documents(objects: list[dict[str, Any]]) -> str:
    """Objects as one YAML stream; texts of several lines stay readable."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000, explicit_start=True)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and the same value twice instead of an anchor."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
