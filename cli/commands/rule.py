"""`ascend-vllm rule`: a rule with its reason and examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import indent
from typing import Annotated

import typer

import client.check  # noqa: F401  it registers the rules about requests
from cli.errors import CommandError
from cli.output.terminal import folded, folded_paragraph, paragraph
from models.rules.registry import Rule, Subject, find_rule, rules_about
from models.stack_file.errors.unknown_keys import nearest

EXAMPLES = Path(__file__).parents[2] / "tests" / "rules"
"""For each rule, the smallest refused stack file with its output, and the nearest accepted one. They are its tests."""

_EXAMPLE_FILES = {
    "Refused": "refused.yaml",
    "Output": "refused.out",
    "Accepted": "accepted.yaml",
    "Lock file of both": "ascend-vllm.lock",
}


_SUBJECTS: Mapping[Subject, str] = {
    "stack file": "Rules about stack files",
    "request": "Rules about requests",
    "cluster": "Rules about a live cluster, reported by status, pulumi up and check --live",
}


def _complete(incomplete: str) -> list[str]:
    return [name for name in _all_ids() if name.startswith(incomplete)]


def _all_ids() -> list[str]:
    return [entry.id for subject in _SUBJECTS for entry in rules_about(subject)]


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
        typer.echo("\n".join(_list()))
        return
    found = find_rule(rule)
    if found is None:
        similar = nearest(rule, dict.fromkeys(_all_ids()))
        fix = "`ascend-vllm rule` lists all rules"
        if similar:
            fix = f"did you mean {similar}?"
        raise CommandError(f"there is no rule {rule!r}", fix)
    typer.echo("\n".join(_page(found)))


def _list() -> Iterator[str]:
    """All rules, by topic."""
    width = max(len(name) for name in _all_ids())
    for subject, title in _SUBJECTS.items():
        yield from folded(f"{title}:")
        for entry in rules_about(subject):
            yield from paragraph(f"  {entry.id:<{width}}  ", entry.summary)


def _page(rule: Rule) -> Iterator[str]:
    yield rule.id
    yield ""
    yield from _documentation(rule.documentation)
    if rule.subject == "cluster":
        (severity,) = rule.severities
        yield ""
        yield from folded(
            f"Severity: {severity}. `status`, `pulumi up` or `check --live` reports it; `accept` has no effect."
        )
    for title, name in _EXAMPLE_FILES.items():
        file = EXAMPLES / rule.id / name
        if file.exists():
            text = file.read_text(encoding="utf-8").rstrip()
            yield f"\n{title}:"
            yield indent(text, "    ")


def _documentation(text: str) -> Iterator[str]:
    """The paragraphs of a documentation in the width of the terminal."""
    for number, block in enumerate(text.split("\n\n")):
        if number:
            yield ""
        yield from folded_paragraph(block)
