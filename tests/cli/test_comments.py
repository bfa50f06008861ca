"""Texts of users in a comment on a pull request: none of them is markup, a link or a mention."""

from __future__ import annotations

import re

import pytest

from cli.output.diff.markdown import code_span, fenced, folded, refusal_alert
from cli.output.review.markdown import comments
from cli.output.review.reviewed import Review, Reviewed
from cli.output.touched import Touched
from models.finding import Finding, Mark, Span

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
    touched_stack = Touched(text, files=(text,), program=())
    reviewed = Reviewed(touched_stack, text, stack=None, report=None, comparison=None, unreadable=text)
    review = Review(commit="a" * 40, stacks=[reviewed], changed_lines={})

    title, _, alert, reason, _, _, touched = comments(review)[text].split("\n")
    assert re.fullmatch(r"### `[^`]+` against `[^`]+`", title)
    assert alert == "> [!IMPORTANT]"
    assert re.fullmatch(r"> Not compared: `[^`]+`", reason)
    assert re.fullmatch(r"Touched by `[^`]+`\.", touched)


@pytest.mark.parametrize("text", ATTACKS)
def test_an_error_stands_in_code_spans(text: str) -> None:
    position = Span(text, line=1, column=1, length=1, text=text)
    finding = Finding("rule", "error", text, text, text, (Mark((text,), span=position),), service=text or "a")

    *_, item, end = refusal_alert([finding], {finding: text}).split("\n")

    assert end == ""
    assert re.fullmatch(r"> - `[^`]+`: `[^`]+` at `[^`]+`, fix: `[^`]+`( \(`[^`]+`\))?", item)


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
