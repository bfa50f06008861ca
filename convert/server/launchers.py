"""Programs that only start another command, such as `nohup`, `numactl` and `docker exec`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from convert.note import Note, Notes, Place
from convert.server_start import Argument

_SETTING = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_KEYS_OF_TMUX = ("C-m", "Enter")
_PROCESS = (
    "the server starts without it: resources.cpu sets the CPUs of a pod, and "
    "engine.additionalConfig.enableCpuBinding binds them"
)
_TIME = "a server of a Deployment runs without a time limit"
_ELSEWHERE = "convert reads only the command that it starts; image, NPUs and mounts belong to a container elsewhere"
_ENVIRONMENT = "the image has the environment of Python"
_OF_EXEC = frozenset(
    ("-e", "--env", "--env-file", "-u", "--user", "-w", "--workdir", "--detach-keys")
)
_OF_KUBECTL = frozenset(("-n", "--namespace", "-c", "--container", "--context"))


@dataclass(frozen=True)
class _Launcher:
    """How to find the command that a program starts."""

    words: tuple[str, ...]
    """The program, and its first words: `docker`, `exec`."""
    valued: frozenset[str] = frozenset()
    """Its options whose value is the next word."""
    names: int = 0
    """How many words come before the command, such as the name of a container."""
    is_text: bool = False
    """Whether a shell reads the word after it as a text."""
    joins: bool = False
    """Whether a shell reads all words after it as one text."""
    text_option: str = ""
    """The option whose value is the text of a script: `-c` of `su`."""
    lost: str = ""
    """Why something is lost without the program; empty if nothing is."""
    assumed: str = ""
    """What the files do not show because of the program; empty if they show everything."""


_LAUNCHERS = (
    *(_Launcher((name,)) for name in ("exec", "nohup", "command", "time", "setsid")),
    *(_Launcher((name,)) for name in ("env", "stdbuf")),
    _Launcher(("sudo",), valued=frozenset(("-u", "-g"))),
    _Launcher(("eval",), joins=True),
    _Launcher(("su",), text_option="-c"),
    _Launcher(("runuser",), valued=frozenset(("-u", "-g")), text_option="-c"),
    _Launcher(("gosu",), names=1),
    _Launcher(("screen",), valued=frozenset(("-dmS", "-S", "-L")), is_text=True),
    _Launcher(("tmux", "send-keys"), valued=frozenset(("-t",)), joins=True),
    *(
        _Launcher(("tmux", name), frozenset(("-s", "-n", "-c", "-t")), is_text=True)
        for name in ("new-session", "new", "new-window")
    ),
    _Launcher(("numactl",), frozenset(("-C", "-N", "-m", "-i", "-p")), lost=_PROCESS),
    _Launcher(("taskset",), names=1, lost=_PROCESS),
    _Launcher(("nice",), frozenset(("-n",)), lost=_PROCESS),
    _Launcher(("ionice",), frozenset(("-c", "-n")), lost=_PROCESS),
    _Launcher(("timeout",), frozenset(("-k", "-s")), names=1, lost=_TIME),
    *(
        _Launcher((tool, "exec"), _OF_EXEC, names=1, assumed=_ELSEWHERE)
        for tool in ("docker", "podman", "nerdctl")
    ),
    *(
        _Launcher((*tool, name), _OF_EXEC, names=1, assumed=_ELSEWHERE)
        for tool in (("docker", "compose"), ("docker-compose",))
        for name in ("exec",)
    ),
    *(
        _Launcher((*tool, "run"), _OF_EXEC, assumed=_ELSEWHERE)
        for tool in (("docker", "compose"), ("docker-compose",))
    ),
    _Launcher(("kubectl", "exec"), _OF_KUBECTL, names=1, assumed=_ELSEWHERE),
    _Launcher(
        ("ssh",),
        frozenset(("-p", "-i", "-o", "-l")),
        names=1,
        joins=True,
        assumed=_ELSEWHERE,
    ),
    *(
        _Launcher(
            (tool, "run"), frozenset(("-n", "-p", "--with")), assumed=_ENVIRONMENT
        )
        for tool in ("uv", "poetry", "pipenv", "conda", "mamba", "micromamba")
    ),
)


@dataclass
class Launched:
    """The command that a program starts."""

    words: list[Argument] = field(default_factory=list)
    text: str = ""
    """The script that a shell reads, instead of words."""
    settings: list[tuple[str, Argument]] = field(default_factory=list)
    """The variables that `env NAME=value` and `docker exec -e NAME=value` set."""
    notes: Notes = field(default_factory=Notes)
    """What is lost without the programs, if the command starts a server."""


def launched(words: Sequence[Argument], file: str) -> Launched:
    """The command that programs such as `exec`, `nohup` and `numactl` start.

    Args:
        words: The words of the command.
        file: The file, for the notes.
    """
    found = Launched([*words])
    while found.words and not found.text:
        launcher = _launcher(found.words)
        if launcher is None:
            return found
        note = _note(launcher, Place(file, found.words[0].line))
        found.notes += note
        _start(launcher, found)
    return found


def _launcher(words: Sequence[Argument]) -> _Launcher | None:
    first, *others = (word.text for word in words)
    texts = (PurePosixPath(first).name, *others)
    for launcher in _LAUNCHERS:
        if texts[: len(launcher.words)] == launcher.words:
            return launcher
    return None


def _note(launcher: _Launcher, place: Place) -> list[Note]:
    notes = Notes()
    subject = f"the command {' '.join(launcher.words)}"
    if launcher.lost:
        notes.drop(subject, launcher.lost, place)
    if launcher.assumed:
        notes.assume(subject, launcher.assumed, place)
    return notes


def _start(launcher: _Launcher, found: Launched) -> None:
    """Replace the words by those of the command that a program starts."""
    rest = found.words[len(launcher.words) :]
    if launcher.text_option:
        texts = [word.text for word in rest]
        if launcher.text_option in texts[:-1]:
            found.text = texts[texts.index(launcher.text_option) + 1]
            found.words = []
            return
    names = launcher.names
    while rest:
        word = rest[0]
        setting = _SETTING.fullmatch(word.text)
        if word.text == "--":
            del rest[0]
            break
        if word.text.startswith("-") and word.text != "-":
            _take_option(launcher, rest, found)
        elif setting and not launcher.names:
            found.settings.append((setting[1], Argument(setting[2], word.line)))
            del rest[0]
        elif names or word.text == "-":
            names -= 1
            del rest[0]
        else:
            break
    found.words = rest
    if launcher.joins or (launcher.is_text and len(rest) == 1):
        texts = [word.text for word in rest if word.text not in _KEYS_OF_TMUX]
        found.text = " ".join(texts)


def _take_option(
    launcher: _Launcher,
    rest: list[Argument],
    found: Launched,
) -> None:
    """Take an option with its value from the beginning of the words."""
    option = rest.pop(0)
    name, _, value = option.text.partition("=")
    if option.text in launcher.valued and rest:
        name = option.text
        value = rest.pop(0).text
    elif option.text.startswith("-e") and "-e" in launcher.valued:
        name = "-e"
        value = option.text.removeprefix("-e")
    setting = _SETTING.fullmatch(value)
    if name in ("-e", "--env") and setting:
        found.settings.append((setting[1], Argument(setting[2], option.line)))
