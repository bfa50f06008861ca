"""The help of every command fits 80 columns and ends with examples that the command line accepts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest
import typer
from rich.cells import cell_len
from typer.testing import CliRunner

from cli.app import app
from tests.cli.conftest import Console
from tests.conftest import ROOT

ROOT_COMMAND: Any = typer.main.get_command(app)
MAKE_TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def commands(command: Any = ROOT_COMMAND, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and subcommand without old names; of the program itself, none."""
    yield path
    for name, subcommand in getattr(command, "commands", {}).items():
        if not subcommand.hidden:
            yield from commands(subcommand, (*path, name))


PATHS = list(commands())


def help_text(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> str:
    """The help of a command on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    return CliRunner().invoke(app, [*path, "--help"], prog_name="ascend-vllm").stdout


def examples(text: str) -> list[str]:
    """The examples of a help, with continued lines joined."""
    block = text.partition("\nExamples:\n")[2]
    return [line.strip() for line in block.replace("\\\n", "").splitlines() if line.strip()]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_help_fits_80_columns(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = help_text(path, monkeypatch).splitlines()

    assert [line for line in lines if cell_len(line) > 80] == []


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_help_begins_with_one_short_sentence(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, description, after, *_ = help_text(path, monkeypatch).replace("\n" + " " * 27, " ").splitlines()

    assert re.fullmatch(r"  [A-Z][^.;]*(\.\w+[^.;]*)*\.", description)
    assert after == ""


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_help_ends_with_two_or_three_examples(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = examples(help_text(path, monkeypatch))

    assert 2 <= len(shown) <= 3
    command = " ".join(["ascend-vllm", *path])
    assert any(command in example.replace(" -C rehearsal", "") for example in shown)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_example_is_accepted(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "me/stacks")
    for example in examples(help_text(path, monkeypatch)):
        for words in simple_commands(example):
            if words[0] == "make":
                assert words[1] in MAKE_TARGETS
            if words[0] == "ascend-vllm":
                parse(words[1:])


def simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line of bash, without sudo and redirections."""
    lexer = shlex.shlex(line.replace("$?", "1"), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for is_separator, group in groupby(lexer, key=lambda word: word in ("|", "||", "&&", ";")):
        if is_separator:
            continue
        words = [word for word in group if word != "sudo"]
        redirections = [index for index, word in enumerate(words) if word in (">", ">>")]
        yield words[: redirections[0]] if redirections else words


def parse(words: list[str]) -> None:
    """Parse arguments as the command line does, without running the command."""
    command = ROOT_COMMAND
    context = command.make_context("ascend-vllm", words)
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        command = command.commands[rest[0]]
        if "--help" in rest:
            return
        context = command.make_context(rest[0], rest[1:], parent=context)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--format", "yaml"], "--format yaml: expected text, concise, json, github or sarif"),
        (["schema", "foo"], "FILE foo: expected stack or services"),
        (
            ["request", "a", "b", "talk", "c"],
            "KIND talk: expected chat, complete, generate, image, embed, rerank or score",
        ),
        (["request", "a", "b", "chat", "c", "--n", "two"], "--n two: expected a whole number"),
        (["request", "a", "b", "chat", "c", "--temperature", "hot"], "--temperature hot: expected a number"),
        (["bench", "a", "b", "--requests", "0"], "--requests 0: expected a whole number, at least 1"),
        (["bench", "a", "b", "--concurrency", "x"], "--concurrency x: expected numbers above 0, such as 8 or 1,4,16"),
        (["smoke", "a", "--wait", "5"], "--wait 5: expected a duration with its unit, such as 100s, 25m or 1h30m"),
        (["script", "a"], "SERVICE is missing"),
        (["github", "drift", "a", "b"], "--code is missing"),
        (["check", "--unknown"], "no such option: --unknown"),
        (["check", "--format"], "option '--format' requires an argument"),
        (["judge"], "no such command 'judge'"),
    ],
)
def test_wrong_usage_names_the_flag_and_the_expected_values(
    arguments: list[str], message: str, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "me/stacks")
    result = console(*arguments)

    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {message}")
    assert re.search(r"^fix: see ascend-vllm.* --help$", result.err, re.MULTILINE)
