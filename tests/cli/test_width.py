"""Tables fit the terminal: no line of these commands is wider than 80 columns, or than the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.output.table import columns_with_text
from cli.output.terminal import folded, paragraph, series
from models.words import display_width
from tests.cli.conftest import Console
from tests.conftest import ROOT

LONG_WORD = "https://support.example.com/" + "a" * 80


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize(
    "arguments",
    [
        ("models",),
        ("models", "deepseek"),
        ("diff", "--matrix"),
        ("diff", "staging", "prod"),
        ("rule",),
        ("capacity", "prod"),
        ("check", "--verbose", "prod"),
        ("check", "-v", "prod", "--service", "llava"),
    ],
    ids=" ".join,
)
def test_a_table_fits(
    console: Console, arguments: tuple[str, ...], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", str(width))
    lines = console(*arguments).out.splitlines()
    too_wide = [line for line in lines if display_width(line) > width and " " in line.strip()]

    assert lines
    assert too_wide == []


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("head", ["", "  ", "qwen  ", "千问  ", "x" * 30 + "  "])
def test_nothing_is_lost_or_cut(head: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = f"模型 weights of {LONG_WORD} and more, 千问 again and again and again"
    items = ["health ✓ 3 ms", "chat ✗ (the answer goes on after the stop text, for ever)", LONG_WORD]

    assert words(paragraph(head, text)) == (head + text).split()
    assert words(series(head, items)) == (head + " · ".join(items)).split()
    for line in [*paragraph(head, text), *series(head, items)]:
        content = line.strip()
        assert display_width(line) <= width or " " not in content.removeprefix(head.strip()).strip().removesuffix(" ·")


def test_an_empty_series_and_an_empty_text_are_the_head() -> None:
    assert list(series("qwen  ", [])) == ["qwen"]
    assert list(paragraph("qwen  ", "")) == ["qwen  "]


def test_the_last_column_continues_below_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [("千问", "1", "a b c"), ("llava", "10", "the text that is too long for one line")]

    assert list(columns_with_text(rows)) == [
        "千问   1   a b c",
        "llava  10  the text that is too long for",
        "           one line",
    ]


def words(lines: Iterator[str]) -> list[str]:
    return " ".join(lines).split()


def test_a_long_line_is_folded_and_no_word_is_lost() -> None:
    line = "  qwen  restarts, because its launch, pod and image changed, and because the node selector changed"

    lines = list(folded(line))

    assert [display_width(part) <= 80 for part in lines] == [True, True]
    assert lines[1].startswith("      ")
    assert " ".join(" ".join(lines).split()) == " ".join(line.split())


def test_chinese_text_breaks_between_its_characters() -> None:
    text = "这些卡保留给第二个适配器，" * 8

    lines = list(paragraph("accepted  ", text))

    assert max(display_width(line) for line in lines) <= 80
    assert "".join(line.strip() for line in lines).replace("accepted", "").strip() == text
