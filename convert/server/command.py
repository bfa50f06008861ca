"""Recognises the command that starts a server, with or without commands such as `exec` and `env` before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
_OUTPUT_OF_WHICH = "${output-of-which}"
"""The placeholder of `$(which vllm)`."""
_READERS_OF_TEXT = {"grep", "which", "man", "type"}
"""Programs to which `vllm serve` is a text, and no command."""
_PYTHON = re.compile(r"python[\d.]*")
_PROGRAM_FROM_ELSEWHERE = ("-", "-c")
"""Options of Python whose program is a text, so that the words after it are only its arguments."""
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
    "pkill",
    "pgrep",
    "kill",
    "killall",
    "ps",
    "getopts",
    "unalias",
}
"""Commands that change nothing about the server."""


@dataclass(frozen=True)
class ServerCommand:
    """The start of a server."""

    kind: str
    """`openai` or `api_server`."""
    arguments: list[Argument]
    program: str = ""
    """Another program that starts it; empty if Python or vLLM does."""
    before: str = ""
    """The words up to that of the server."""


def words_of(texts: Sequence[str]) -> list[Argument]:
    """Words of a command that is in no file."""
    return [Argument(text, line=0) for text in texts]


def server_command(words: Sequence[Argument]) -> ServerCommand | None:
    """The server that a command starts, or None."""
    if _only_reads(words):
        return None
    before = ""
    for index, word in enumerate(words):
        rest = [*words[index + 1 :]]
        kind = _kind(before, word.text)
        if kind:
            program = _other_program(words[:index])
            return ServerCommand(kind, rest, program, _texts(words[: index + 1]))
        if word.text == "serve" and _is_vllm(before):
            program = _other_program(words[: index - 1])
            rest = _with_model_flag(rest)
            return ServerCommand("openai", rest, program, _texts(words[: index + 1]))
        before = word.text
    return None


def _texts(words: Sequence[Argument]) -> str:
    return " ".join(word.text for word in words)


def _only_reads(words: Sequence[Argument]) -> bool:
    """Whether a program takes its words as texts, so that it starts none of them."""
    first, *others = (word.text for word in words)
    name = PurePosixPath(first).name
    if name in HARMLESS or name in _READERS_OF_TEXT:
        return True
    is_python = _PYTHON.fullmatch(name) is not None
    return is_python and bool(others) and others[0] in _PROGRAM_FROM_ELSEWHERE


def _other_program(before: Sequence[Argument]) -> str:
    """The first program before that of a server, if it is not Python."""
    if not before:
        return ""
    name = PurePosixPath(before[0].text).name
    return "" if _PYTHON.fullmatch(name) else name


def _is_vllm(program: str) -> bool:
    """Whether a program is vLLM's command line: `vllm`, or its module after `python -m`."""
    return PurePosixPath(program).name in ("vllm", _COMMAND_LINE, _OUTPUT_OF_WHICH)


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
    model = replace(first, text=f"--model={first.text}")
    return [model, *others]


def is_shell(program: str) -> bool:
    """Whether a program is a shell, such as `/bin/bash`."""
    return bool(_SHELL.fullmatch(PurePosixPath(program).name))


def inline_script(program: str, arguments: Sequence[str]) -> str:
    """The script of `bash -c SCRIPT`; empty text for any other command."""
    if not is_shell(program):
        return ""
    for index, argument in enumerate(arguments):
        if _COMMAND_OPTION.fullmatch(argument):
            scripts = [word for word in arguments[index + 1 :] if word != "--"]
            return next(iter(scripts), "")
    return ""
