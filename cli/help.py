"""The help of commands: one sentence, arguments and options, details, then examples to copy; 80 columns wide."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

Function = TypeVar("Function", bound=Callable[..., None])
Rows = list[tuple[str, str]]

_PLAIN_TYPE = re.compile(r" <(str|path|list\[str\]|list\[Path\])>$")
_EXAMPLES = "Examples:\n"
_KEEP_LINES = "\b\n"


class HelpfulCommand(TyperCommand):
    """A command whose help lists its options under the headings of their panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section for the arguments and one for each panel of options."""
        panels: dict[str, Rows] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is None:
                continue
            name, text = row
            panel = "Options"
            if parameter.param_type_name == "argument":
                panel = "Arguments"
                name = _PLAIN_TYPE.sub("", name)
            panel = _panel(parameter, panel)
            rows = panels.setdefault(panel, [])
            rows.append((name, text))
        _write_sections(panels, formatter)

    def format_epilog(self, _ctx: Any, formatter: Any) -> None:
        """Write the details, then the examples."""
        _write_epilog(self.epilog or "", formatter)


class HelpfulGroup(TyperGroup):
    """A command whose help lists its commands under the headings of their panels."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each panel of commands."""
        listed = [
            name for name in self.list_commands(ctx) if not self.commands[name].hidden
        ]
        longest = max(len(name) for name in listed)
        panels: dict[str, Rows] = {}
        for name in listed:
            command = self.commands[name]
            panel = _panel(command, "Commands")
            rows = panels.setdefault(panel, [])
            rows.append((name.ljust(longest), command.help or ""))
        _write_sections(panels, formatter)

    def format_epilog(self, _ctx: Any, formatter: Any) -> None:
        """Write the details, then the examples."""
        _write_epilog(self.epilog or "", formatter)


def add_command(
    group: typer.Typer, name: str, **settings: Any
) -> Callable[[Function], Function]:
    """Register a function as a command, with its docstring as the help.

    The first paragraph of the docstring is printed above the options, and the others below them.
    """

    def register(function: Function) -> Function:
        documentation = inspect.getdoc(function) or ""
        sentence, _, details = documentation.partition("\n\n")
        decorate = group.command(
            name,
            cls=HelpfulCommand,
            help=sentence,
            epilog=details,
            **settings,
        )
        decorate(function)
        return function

    return register


def _panel(item: Any, default: str) -> str:
    """The heading under which an option or a command is listed."""
    return getattr(item, "rich_help_panel", None) or default


def _write_sections(panels: dict[str, Rows], formatter: Any) -> None:
    for panel, rows in panels.items():
        with formatter.section(panel):
            formatter.write_dl(rows)


def _write_epilog(epilog: str, formatter: Any) -> None:
    details, _, examples = epilog.partition(_EXAMPLES)
    if details.strip():
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(details.strip())
    if examples:
        lines = textwrap.dedent(examples).rstrip()
        with formatter.section("Examples"):
            formatter.write_text(f"{_KEEP_LINES}{lines}")
