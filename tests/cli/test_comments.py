"""Texts of users in a comment on a pull request: none of them is markup, a link or a mention."""

from __future__ import annotations

import re

import pytest

from cli.output.diff.markdown import code_span, fenced, folded
from cli.output.review import Reviewed, comment
from cli.output.touched import Touched

ATTACKS = (
    "`@team` please",
    "``@team``",
    "`",
    "a\n\n# Heading\n@team",
    "a\r\r@team",
    "a\u2028@team",
    "<img src=x onerror=alert(1)>",
    "[link](https://example.com)",
    "https://example.com",
    "<!-- ascend-vllm review: prod -->",
    "</summary></details>@team",
    "```\n@team\n```",
    "~~~\n@team",
    " ",
    "",
    "\\`@team",
    "\x00\x1b[31m",
    "#1 owner/repo#2",
)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_code_span_is_one_span_in_one_line(text: str) -> None:
    span = code_span(text)

    assert re.fullmatch(r"`[^`\x00-\x1f\x7f\x85\u2028\u2029]+`", span)


@pytest.mark.parametrize("text", ATTACKS)
def test_why_nothing_is_compared_stands_in_a_code_span(text: str) -> None:
    reviewed = Reviewed(Touched(text, files=(text,), program=()), text, report=None, comparison=None, unreadable=text)

    title, _, alert, reason, _, touched = comment(reviewed).split("\n")
    assert re.fullmatch(r"### `[^`]+` against `[^`]+`", title)
    assert alert == "> [!CAUTION]"
    assert re.fullmatch(r"> Not compared: `[^`]+`", reason)
    assert re.fullmatch(r"Touched by `[^`]+`\.", touched)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_folded_text_stays_folded_and_mentions_nobody(text: str) -> None:
    summary, *_ = folded(text, "x").split("\n")

    assert re.fullmatch(r"<details><summary>[^<>]*</summary>", summary)
    assert not re.search(r"@\w", summary)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_block_of_code_ends_where_we_end_it(text: str) -> None:
    first, *lines, last = fenced(text, "text").split("\n")

    assert first == f"{last}text"
    assert not any(line.strip().startswith(last) for line in lines)
