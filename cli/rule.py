"""`ascend-vllm rule`: what a rule says, why, and examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError
from client.check import request_rules
from models.rules.registry import documentation, rule_ids
from models.stack_file.unknown_keys import nearest

EXAMPLES = Path(__file__).parent.parent / "tests" / "rules"
"""Each rule's smallest refused case with its output, and the nearest accepted one; they are its tests."""


def _complete(incomplete: str) -> list[str]:
    return [name for name in [*rule_ids(), *request_rules()] if name.startswith(incomplete)]


def command(
    rule: Annotated[str | None, typer.Argument(metavar="ID", help="A rule's id.", autocompletion=_complete)] = None,
) -> None:
    """Explain a rule: what it does, why, its source, a refused and an accepted example. Without ID: list all
    of stack files. Those of requests are explained by their ID too.

    \b
    Examples:
      ascend-vllm rule
      ascend-vllm rule idle-npus
      ascend-vllm rule multi-step-logits   # of requests
    """
    known = rule_ids()
    if rule is None:
        width = max(map(len, known))
        typer.echo("\n".join(f"{name:<{width}}  {documentation(name).partition(chr(10))[0]}" for name in known))
        return
    of_requests = request_rules()
    if rule in of_requests:
        typer.echo(f"{rule}\n\n{of_requests[rule]}")
        return
    if rule not in known:
        near = nearest(rule, dict.fromkeys([*known, *of_requests]))
        fix = f"did you mean {near}?" if near else "`ascend-vllm rule` lists them"
        raise CommandError(f"there is no rule {rule!r}", fix)
    typer.echo("\n".join(_page(rule)))


def _page(rule: str) -> Iterator[str]:
    yield f"{rule}\n\n{documentation(rule)}"
    for title, name in (("Refused", "refused.yaml"), ("Output", "refused.out"), ("Accepted", "accepted.yaml")):
        file = EXAMPLES / rule / name
        if file.exists():
            lines = file.read_text(encoding="utf-8").rstrip().splitlines()
            yield f"\n{title}:\n" + "\n".join(f"    {line}".rstrip() for line in lines)
