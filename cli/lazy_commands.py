"""Commands whose modules are imported when they are used: `check` loads none of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import typer

from cli.help import HelpfulGroup, add_command

_PACKAGE = "cli.commands"


@dataclass(frozen=True)
class Entry:
    """A command of the program: its name, and the heading under which the help lists it."""

    name: str
    panel: str = ""
    module: str = ""
    """Its module in `cli.commands`, if that does not have the name of the command."""
    hidden: bool = False


class _LazyCommands(Mapping[str, Any]):
    """The commands by their names. Reading one imports its module; reading the names imports nothing."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = {entry.name: entry for entry in entries}

    def __getitem__(self, name: str) -> Any:
        return _command(self._entries[name])

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class LazyGroup(HelpfulGroup):
    """A group whose subclasses name their commands."""

    entries: Sequence[Entry] = ()

    commands: Any  # a mapping that is only read

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _LazyCommands(self.entries)

    def list_commands(self, _ctx: Any) -> list[str]:
        """The names of the commands, as the help and the completion list them."""
        return list(self.commands)


@cache
def _command(entry: Entry) -> Any:
    """The command of an entry. Its module has a function `command`, or an `app` with commands of its own."""
    module = import_module(f"{_PACKAGE}.{entry.module or entry.name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(
            add_completion=False,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
        )
        add_command(app, entry.name)(module.command)
    command: Any = typer.main.get_command(app)
    command.name = entry.name
    command.rich_help_panel = entry.panel
    command.hidden = entry.hidden
    return command
