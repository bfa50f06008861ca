"""`ascend-vllm diff`: its formats, two environments, two states of a stack, and the matrix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import GOLDEN, Console
from tests.cli.repositories import BASE, CHANGED, PROD, many, repository, write

__all__ = ["repository"]

FORMATS = ["text", "json", "markdown", "github"]


def in_one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_is_exactly_like_this(
    form: str, repository: Path, console: Console, golden: Callable[[Path, str], None]
) -> None:
    write(repository, prod=CHANGED)

    done = console("diff", "prod", "--format", form)

    assert done.code == 1
    assert done.err.startswith("the worktree against main (")
    golden(GOLDEN / f"diff.{form}", done.out)


@pytest.mark.parametrize("form", FORMATS)
def test_two_environments_are_exactly_like_this(
    form: str, repository: Path, console: Console, golden: Callable[[Path, str], None]
) -> None:
    write(repository, staging=PROD.replace("context: prod", "context: staging").replace("nodes: 4", "nodes: 2"))
    write(repository, prod=CHANGED)

    done = console("diff", "staging", "prod", "--format", form)

    assert (done.code, done.err) == (1, "")
    golden(GOLDEN / f"diff-environments.{form}", done.out)


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_the_matrix_is_exactly_like_this(
    form: str, repository: Path, console: Console, golden: Callable[[Path, str], None]
) -> None:
    write(repository, staging=CHANGED)

    done = console("diff", "--matrix", "--format", form)

    assert (done.code, done.err) == (0, "")
    golden(GOLDEN / f"diff-matrix.{form}", done.out)


@pytest.mark.parametrize("form", FORMATS)
def test_no_change_ends_with_0_in_every_format(form: str, repository: Path, console: Console) -> None:
    done = console("diff", "prod", "--format", form)

    assert done.code == 0
    assert "restarts, because" not in done.out


@pytest.mark.parametrize(
    ("arguments", "message", "reason"),
    [
        (["prod", "prod", "prod"], "one stack with a revision, or two stacks", "three stacks are not a pair"),
        (["prod", "prod", "--against", "main"], "one stack with a revision, or two stacks", "a pair has no revision"),
        (["prod", "--against", "nowhere"], "git knows no commit 'nowhere'", "there is no such commit"),
        (["prod", "--against", "--all"], "git knows no commit '--all'", "an option is no commit"),
        (["-"], "standard input has no revision", "stdin is not in git"),
        (["nowhere"], "there is no stack 'nowhere'", "there is no such stack"),
        (["--matrix", "--against", "main"], "--matrix cannot be used with --against", "a revision is no environment"),
        (["--matrix", "--format", "github"], "--matrix has no format github", "a table annotates no lines"),
    ],
)
def test_wrong_usage_ends_with_2(
    repository: Path, console: Console, arguments: list[str], message: str, reason: str
) -> None:
    done = console("diff", *arguments)

    assert (done.code, done.out) == (2, ""), reason
    assert message in done.err, reason


def test_a_matrix_of_an_unreadable_stack_is_refused(repository: Path, console: Console) -> None:
    write(repository, prod="config: [\n")

    done = console("diff", "--matrix")

    assert (done.code, done.out) == (3, "")
    assert "stack prod cannot be read: Pulumi.prod.yaml:2: " in done.err


def test_a_broken_service_is_named_and_the_others_are_compared(repository: Path, console: Console) -> None:
    write(repository, prod=CHANGED.replace("npus: 2", "npus: two"))

    out = console("diff", "prod").out

    assert "not compared until their schema errors are fixed: llava" in out
    assert "~ qwen2-72b  restarts" in out
    assert out.startswith("! pulumi up refuses prod, 1 error: ascend-vllm check prod\n")
    summary = "1 changed, 0 added, 1 removed, 1 unchanged; nothing is deployed because of 1 error"
    assert in_one_line(out).endswith(summary)


def test_a_secret_value_is_never_shown(repository: Path, console: Console) -> None:
    write(
        repository, prod=CHANGED.replace("npus: 8", "npus: 8\n      env: {HF_TOKEN: {secure: c2VjcmV0}, A_TOKEN: hf_1}")
    )

    for form in FORMATS:
        assert "c2VjcmV0" not in console("diff", "prod", "--format", form).out
        assert "hf_1" not in console("diff", "prod", "--format", form).out


def test_a_value_does_not_steer_the_terminal_nor_end_the_block(repository: Path, console: Console) -> None:
    hostile = '"\\e[31mred\\n```\\n</details>@all"'
    write(repository, prod=PROD.replace("npus: 8", f"npus: 8\n      env: {{A: {hostile}}}"))

    assert "\x1b" not in console("diff", "prod").out
    assert "````text" in console("diff", "prod", "--format", "markdown").out


def test_two_files_of_one_name_are_two_states_of_one_stack(repository: Path, console: Console) -> None:
    (repository / "before").mkdir()
    (repository / "before" / "services.yaml").write_text(BASE)
    write(repository / "before", prod=PROD)
    write(repository, prod=CHANGED)

    assert "restarts, because" in console("diff", "before/Pulumi.prod.yaml", "Pulumi.prod.yaml").out


def test_standard_input_is_another_state_of_the_stack(repository: Path, console: Console) -> None:
    after = console("diff", "prod", "-", stdin=CHANGED.encode())
    before = console("diff", "-", "prod", stdin=CHANGED.encode())

    assert (after.code, before.code) == (1, 1)
    assert "--max-model-len  8192 → 16384  (-:14)" in after.out
    assert "--max-model-len  16384 → 8192  (Pulumi.prod.yaml:13)" in before.out
    assert console("diff", "-", "-").code == 2


@pytest.mark.slow
@pytest.mark.parametrize("count", [100, 480])
def test_a_pull_request_comment_is_never_too_long(repository: Path, console: Console, count: int) -> None:
    (repository / "before").mkdir()
    write(repository / "before", many=many(count, 4096))
    write(repository, many=many(count, 16384))

    out = console("diff", "before/Pulumi.many.yaml", "Pulumi.many.yaml", "--format", "markdown").out

    assert len(out) < 60_000
    assert out.count("<details>") == out.count("</details>")
    assert ("left out because of their length" in out) == (count > 100)


def test_many_unchanged_services_share_a_line(repository: Path, console: Console) -> None:
    (repository / "before").mkdir()
    write(repository / "before", many=many(20, 4096))
    write(repository, many=many(21, 4096))

    lines = console("diff", "before/Pulumi.many.yaml", "Pulumi.many.yaml").out.splitlines()

    assert "  20 services unchanged" in lines
    assert len(lines) < 8


def test_a_moved_stack_is_shown_first(repository: Path, console: Console) -> None:
    write(repository, prod=PROD.replace("context: prod", "context: other"))

    text, markdown, github = (console("diff", "prod", "--format", form).out for form in ("text", "markdown", "github"))

    assert text.startswith("! everything is recreated elsewhere")
    assert "qwen2-7b   recreated elsewhere, its address changes" in text
    assert "all recreated elsewhere" in in_one_line(text)
    assert "> [!CAUTION]\n> Everything is recreated elsewhere" in markdown
    assert github.startswith("::warning file=Pulumi.prod.yaml,line=2,")


def test_colours_are_for_terminals(repository: Path, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repository, prod=CHANGED)
    plain = console("diff", "prod").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    coloured = console("diff", "prod").out

    assert "\x1b" not in plain
    assert "\x1b[33m~ qwen2-72b" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert console("diff", "prod").out == plain
