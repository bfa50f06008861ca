"""`ascend-vllm rule`: what a rule says, why, and examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

import client.check  # noqa: F401  it registers the rules about requests
from cli.errors import CommandError
from models.rules.registry import Rule, find_rule, rules_about
from models.stack_file.unknown_keys import nearest

EXAMPLES = Path(__file__).parent.parent / "tests" / "rules"
"""Each rule's smallest refused case with its output, and the nearest accepted one; they are its tests."""


def _complete(incomplete: str) -> list[str]:
    return [name for name in _all_ids() if name.startswith(incomplete)]


def _all_ids() -> list[str]:
    entries = [*rules_about("stack file"), *rules_about("request"), *rules_about("cluster")]
    return [entry.id for entry in entries]


def command(
    rule: Annotated[str | None, typer.Argument(metavar="ID", help="Id of a rule.", autocompletion=_complete)] = None,
) -> None:
    """Explain a rule with its reason, source and examples, or list all rules.

    Examples:
      ascend-vllm rule
      ascend-vllm rule idle-npus
    """
    if rule is None:
        width = max(len(entry.id) for entry in rules_about("stack file"))
        for entry in rules_about("stack file"):
            typer.echo(f"{entry.id:<{width}}  {entry.summary}")
        return
    found = find_rule(rule)
    if found is None:
        near = nearest(rule, dict.fromkeys(_all_ids()))
        fix = f"did you mean {near}?" if near else "`ascend-vllm rule` lists them"
        raise CommandError(f"there is no rule {rule!r}", fix)
    typer.echo("\n".join(_page(found)))


def _page(rule: Rule) -> Iterator[str]:
    yield f"{rule.id}\n\n{rule.documentation}"
    for title, name in (("Refused", "refused.yaml"), ("Output", "refused.out"), ("Accepted", "accepted.yaml")):
        file = EXAMPLES / rule.id / name
        if file.exists():
            lines = file.read_text(encoding="utf-8").rstrip().splitlines()
            yield f"\n{title}:\n" + "\n".join(f"    {line}".rstrip() for line in lines)
