"""Programs that only start another command, such as `nohup`, `numactl` and `docker exec`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
_LIMITS = (
    "Kubernetes has no such limits: those of the container runtime on the node count"
)
_PROFILE = "it observes one run: the server starts without it"
_TRACES = "the server starts without it: vLLM sends traces to --otlp-traces-endpoint"
_USER = "the server runs as root: write runAsUser: NUMBER for another user"
_TIME = "a server of a Deployment runs without a time limit"
_ELSEWHERE = "convert reads only the command that it starts; image, NPUs and mounts belong to a container elsewhere"
_ENVIRONMENT = "the image has the environment of Python"
_OF_EXEC = frozenset(
    ("-e", "--env", "--env-file", "-u", "--user", "-w", "--workdir", "--detach-keys")
)
_OF_NUMACTL = frozenset(
    {
        "-C",
        "-N",
        "-m",
        "-i",
        "-p",
        "-b",
        "--physcpubind",
        "--cpunodebind",
        "--membind",
        "--interleave",
        "--preferred",
    }
)
_OF_TIMEOUT = frozenset(("-k", "-s", "--signal", "--kill-after"))
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
    user: str = ""
    """The option with the user of the command; `*` if the first word names it."""
    lost: str = ""
    """Why something is lost without the program; empty if nothing is."""
    assumed: str = ""
    """What the files do not show because of the program; empty if they show everything."""


def _launchers() -> Iterator[_Launcher]:
    for name in ("nohup", "command", "time", "setsid", "coproc", "unbuffer"):
        yield _Launcher((name,))
    yield _Launcher(("exec",), frozenset(("-a",)))
    yield _Launcher(
        ("env",), frozenset(("-u", "--unset", "-C", "--chdir")), text_option="-S"
    )
    yield _Launcher(("stdbuf",), frozenset(("-i", "-o", "-e")))
    yield _Launcher(("tini",), frozenset(("-p", "-e")))
    for name in ("dumb-init", "catatonit"):
        yield _Launcher((name,))
    yield _Launcher(("eval",), joins=True)
    yield from _changing_the_user()
    yield from _terminals()
    yield from _changing_the_process()
    yield from _observing()
    yield from _elsewhere()


def _changing_the_user() -> Iterator[_Launcher]:
    of_user = frozenset(("-u", "-g", "--user", "--reuid", "--regid"))
    yield _Launcher(("sudo",), of_user, user="-u")
    yield _Launcher(("runuser",), of_user, text_option="-c", user="-u")
    yield _Launcher(("setpriv",), of_user, user="--reuid")
    yield _Launcher(("su",), text_option="-c", user="*")
    for name in ("gosu", "su-exec", "s6-setuidgid"):
        yield _Launcher((name,), names=1, user="*")


def _terminals() -> Iterator[_Launcher]:
    of_tmux = frozenset(("-s", "-n", "-c", "-t"))
    yield _Launcher(("screen",), frozenset(("-dmS", "-S", "-L")), is_text=True)
    yield _Launcher(("tmux", "send-keys"), frozenset(("-t",)), joins=True)
    for name in ("new-session", "new", "new-window"):
        yield _Launcher(("tmux", name), of_tmux, is_text=True)
    yield _Launcher(("script",), text_option="-c")
    yield _Launcher(("flock",), names=1, text_option="-c")


def _changing_the_process() -> Iterator[_Launcher]:
    yield _Launcher(("numactl",), _OF_NUMACTL, lost=_PROCESS)
    yield _Launcher(("taskset",), names=1, lost=_PROCESS)
    yield _Launcher(("chrt",), names=1, lost=_PROCESS)
    yield _Launcher(("nice",), frozenset(("-n",)), lost=_PROCESS)
    yield _Launcher(("ionice",), frozenset(("-c", "-n")), lost=_PROCESS)
    yield _Launcher(("cgexec",), frozenset(("-g",)), lost=_PROCESS)
    yield _Launcher(("prlimit",), lost=_LIMITS)
    yield _Launcher(("timeout",), _OF_TIMEOUT, names=1, lost=_TIME)


def _observing() -> Iterator[_Launcher]:
    """Programs that measure one run, or follow its requests."""
    of_output = frozenset(("-o", "--output", "-f", "--format", "-d", "--duration"))
    yield _Launcher(("msprof",), of_output, text_option="--application", lost=_PROFILE)
    for words in (("nsys", "profile"), ("py-spy", "record"), ("perf", "record")):
        yield _Launcher(words, of_output, lost=_PROFILE)
    for name in ("strace", "valgrind", "catchsegv"):
        yield _Launcher((name,), frozenset(("-o", "-e")), lost=_PROFILE)
    for name in ("opentelemetry-instrument", "ddtrace-run"):
        yield _Launcher((name,), frozenset(("--service_name",)), lost=_TRACES)


def _elsewhere() -> Iterator[_Launcher]:
    tools = (("docker",), ("podman",), ("nerdctl",))
    compose = (("docker", "compose"), ("docker-compose",))
    for tool in (*tools, *compose):
        yield _Launcher((*tool, "exec"), _OF_EXEC, names=1, assumed=_ELSEWHERE)
    for tool in compose:
        yield _Launcher((*tool, "run"), _OF_EXEC, assumed=_ELSEWHERE)
    yield _Launcher(("kubectl", "exec"), _OF_KUBECTL, names=1, assumed=_ELSEWHERE)
    of_ssh = frozenset(("-p", "-i", "-o", "-l"))
    yield _Launcher(("ssh",), of_ssh, names=1, joins=True, assumed=_ELSEWHERE)
    of_environment = frozenset(("-n", "-p", "--with"))
    for name in ("uv", "poetry", "pipenv", "conda", "mamba", "micromamba", "pixi"):
        yield _Launcher((name, "run"), of_environment, assumed=_ENVIRONMENT)
    yield _Launcher(("uvx",), frozenset(("--with", "--from")), assumed=_ENVIRONMENT)


_LAUNCHERS = tuple(_launchers())


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
        note = _note(launcher, found.words, Place(file, found.words[0].line))
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


def _note(
    launcher: _Launcher,
    words: Sequence[Argument],
    place: Place,
) -> list[Note]:
    notes = Notes()
    subject = f"the command {' '.join(launcher.words)}"
    if launcher.lost:
        notes.drop(subject, launcher.lost, place)
    if launcher.assumed:
        notes.assume(subject, launcher.assumed, place)
    if _user(launcher, [word.text for word in words]) not in ("", "root", "0"):
        notes.drop(subject, _USER, place)
    return notes


def _user(launcher: _Launcher, words: Sequence[str]) -> str:
    """The user as whom a command runs; empty if the program names none."""
    rest = words[len(launcher.words) :]
    if launcher.user == "*":
        names = [word for word in rest if not word.startswith("-")]
        return next(iter(names), "")
    for index, word in enumerate(rest):
        name, equals, value = word.partition("=")
        if launcher.user and name == launcher.user:
            return value if equals else next(iter(rest[index + 1 :]), "")
    return ""


def _start(launcher: _Launcher, found: Launched) -> None:
    """Replace the words by those of the command that a program starts."""
    rest = found.words[len(launcher.words) :]
    text = _text_of_option(launcher, [word.text for word in rest])
    if text:
        found.text = text
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


def _text_of_option(launcher: _Launcher, words: Sequence[str]) -> str:
    """The text of a script that a program has as the value of an option; empty if it has none."""
    option = launcher.text_option
    if not option:
        return ""
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if word == option:
            return next(iter(words[index + 1 :]), "")
        if equals and name == option:
            return value
    return ""


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
