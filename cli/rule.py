"""`ascend-vllm rule`: a rule with its reason and examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Annotated

import typer

import client.check  # noqa: F401  it registers the rules about requests
from cli.errors import CommandError
from models.rules.registry import Rule, find_rule, rules_about
from models.stack_file.unknown_keys import nearest

EXAMPLES = Path(__file__).parent.parent / "tests" / "rules"
"""For each rule, the smallest refused stack file with its output, and the nearest accepted one. They are its tests."""

_EXAMPLE_FILES = {
    "Refused": "refused.yaml",
    "Output": "refused.out",
    "Accepted": "accepted.yaml",
    "Lock file of both": "ascend-vllm.lock",
}


def _complete(incomplete: str) -> list[str]:
    return [name for name in _all_ids() if name.startswith(incomplete)]


def _all_ids() -> list[str]:
    entries = [
        *rules_about("stack file"),
        *rules_about("request"),
        *rules_about("cluster"),
    ]
    return [entry.id for entry in entries]


def command(
    rule: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Id of a rule.", autocompletion=_complete),
    ] = None,
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
        similar = nearest(rule, dict.fromkeys(_all_ids()))
        fix = "`ascend-vllm rule` lists all rules"
        if similar:
            fix = f"did you mean {similar}?"
        raise CommandError(f"there is no rule {rule!r}", fix)
    typer.echo("\n".join(_page(found)))


def _page(rule: Rule) -> Iterator[str]:
    yield rule.id
    yield ""
    yield rule.documentation
    for title, name in _EXAMPLE_FILES.items():
        file = EXAMPLES / rule.id / name
        if file.exists():
            text = file.read_text(encoding="utf-8").rstrip()
            yield f"\n{title}:"
            yield indent(text, "    ")
