"""How a container starts its server: the kind of server, its arguments, its environment and the steps before it."""

from __future__ import annotations

from dataclasses import dataclass, field

from convert.note import NOWHERE, Note, Notes, Place


@dataclass(frozen=True)
class File:
    """A file by the name under which the container or the command line knows it."""

    name: str
    text: str
    first_line: int = 1
    written_by: str = ""
    """The script that writes it with `cat > NAME <<EOF`, or the page with it. Its lines count as lines of that file."""
    is_data: bool = False
    """Whether it is YAML, whatever its name is."""


@dataclass(frozen=True)
class Argument:
    """A word of the server's command line."""

    text: str
    line: int
    file: str = ""
    """Its file; empty for that of the command."""
    is_false: bool = False
    """Whether it is an option of a file whose value is false."""


@dataclass(frozen=True)
class Setting:
    """The value of an environment variable."""

    text: str
    place: Place = NOWHERE


@dataclass(frozen=True)
class SourcedFile:
    """A file of the image that the script sources."""

    path: str
    place: Place


@dataclass(frozen=True)
class ContainerRun:
    """A command `docker run …`."""

    words: tuple[Argument, ...]
    place: Place


@dataclass(frozen=True)
class SecondServer:
    """A server that a script starts after the first one, or in another branch."""

    arguments: tuple[Argument, ...]
    note: Note
    """The note that it is lost."""


@dataclass
class Start:
    """How a container starts its server."""

    kind: str = ""
    """`openai` or `api_server`; empty if the container starts no server."""
    file: str = ""
    """The file with the command line of the server."""
    arguments: list[Argument] = field(default_factory=list)
    environment: dict[str, Setting] = field(default_factory=dict)
    sources: list[SourcedFile] = field(default_factory=list)
    mind_speed: dict[str, str] = field(default_factory=dict)
    """The `repository` and the `commit` of MindSpeed, if it is installed."""
    conversion: dict[str, str] = field(default_factory=dict)
    """The `tools` that convert an Eagle head, and the options of the conversion, if a head is converted."""
    warm_up: bool = False
    in_background: bool = False
    """Whether the script goes on while the server runs."""
    notes_of_ray: list[Note] = field(default_factory=list)
    """The notes about commands that start Ray, over whose nodes a server may be divided."""
    second_servers: list[SecondServer] = field(default_factory=list)
    """Servers that the script starts after the first one, or in another branch."""
    container_runs: list[ContainerRun] = field(default_factory=list)
    """The commands `docker run …`."""
    notes: Notes = field(default_factory=Notes)
