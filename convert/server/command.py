"""Recognises the command that starts a server, with or without commands such as `exec` and `env` before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from convert.server_start import Argument
from models.engines.releases import releases


def _kinds() -> dict[str, str]:
    kinds: dict[str, str] = {}
    for known in releases().values():
        kinds |= {module: kind for kind, module in known.modules.items()}
    return kinds


_KINDS = _kinds()
"""The kind of each server by its Python module, of all releases."""
_COMMAND_LINE = "vllm.entrypoints.cli.main"
"""The module of `vllm serve`."""
_WRAPPERS = ("exec", "nohup", "env", "command", "time", "sudo", "stdbuf")
_SETTING = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_SHELL = re.compile(r"(ba|da|z|k)?sh")
_COMMAND_OPTION = re.compile(r"-\w*c")
HARMLESS = {
    "set",
    "echo",
    "printf",
    "wait",
    "true",
    "test",
    "sleep",
    "exit",
    "shopt",
    "date",
    "umask",
    "chmod",
    "ls",
    "rm",
    "pwd",
    "trap",
    "tail",
    "tee",
    "npu-smi",
    "break",
    "continue",
    "return",
}
"""Commands that change nothing about the server."""


@dataclass(frozen=True)
class ServerCommand:
    """The start of a server."""

    kind: str
    """`openai` or `api_server`."""
    arguments: list[Argument]


def words_of(texts: Sequence[str]) -> list[Argument]:
    """Words of a command that is in no file."""
    return [Argument(text, line=0) for text in texts]


def server_command(words: Sequence[Argument]) -> ServerCommand | None:
    """The server that a command starts, or None."""
    if words[0].text in HARMLESS:
        return None
    before = ""
    for index, word in enumerate(words):
        rest = [*words[index + 1 :]]
        kind = _kind(before, word.text)
        if kind:
            return ServerCommand(kind, rest)
        if word.text == "serve" and _is_vllm(before):
            return ServerCommand("openai", _with_model_flag(rest))
        before = word.text
    return None


def _is_vllm(program: str) -> bool:
    """Whether a program is vLLM's command line: `vllm`, or its module after `python -m`."""
    return PurePosixPath(program).name in ("vllm", _COMMAND_LINE)


def _kind(before: str, word: str) -> str:
    """The kind of server that `-m MODULE` or the path of a module's file starts."""
    if before == "-m" and word in _KINDS:
        return _KINDS[word]
    for module, kind in _KINDS.items():
        file = module.replace(".", "/")
        if word.endswith(f"/{file}.py"):
            return kind
    return ""


def _with_model_flag(arguments: list[Argument]) -> list[Argument]:
    """The arguments of `vllm serve MODEL`, with the model as a flag."""
    if not arguments or arguments[0].text.startswith("-"):
        return arguments
    first, *others = arguments
    model = Argument(f"--model={first.text}", first.line)
    return [model, *others]


@dataclass(frozen=True)
class Unwrapped:
    """A command without its wrappers."""

    words: list[Argument]
    settings: list[tuple[str, Argument]]
    """The variables that `env NAME=value` sets, by name."""


def unwrapped(words: Sequence[Argument]) -> Unwrapped:
    """Remove commands that only run another command, with their options: `exec`, `nohup`, `env A=1`."""
    rest = [*words]
    settings = []
    while rest and PurePosixPath(rest[0].text).name in _WRAPPERS:
        del rest[0]
        while rest:
            setting = _SETTING.match(rest[0].text)
            if setting:
                value = Argument(setting[2], rest[0].line)
                settings.append((setting[1], value))
            elif not rest[0].text.startswith("-"):
                break
            del rest[0]
    return Unwrapped(rest, settings)


def is_shell(program: str) -> bool:
    """Whether a program is a shell, such as `/bin/bash`."""
    return bool(_SHELL.fullmatch(PurePosixPath(program).name))


def inline_script(program: str, arguments: Sequence[str]) -> str:
    """The script of `bash -c SCRIPT`; empty text for any other command."""
    if not is_shell(program):
        return ""
    for index, argument in enumerate(arguments):
        if _COMMAND_OPTION.fullmatch(argument) and index + 1 < len(arguments):
            return arguments[index + 1]
    return ""
