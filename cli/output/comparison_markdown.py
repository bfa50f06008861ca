"""The result of `compare` for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cli.output.comparison import (
    HEADER,
    answers_in_words,
    excerpt,
    load_in_words,
    measure_rows,
    printable,
    summary,
)
from client.comparison.run import Comparison

_MOST_SHOWN = 10
"""Most questions whose answers are shown."""


def markdown(comparison: Comparison) -> str:
    """The report as markdown."""
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    verdict = comparison.verdict
    yield f"## compare {_code(comparison.a)} {_code(comparison.b)}: {verdict.word}"
    yield ""
    yield f"{summary(comparison)}."
    yield ""
    for reason in verdict.reasons:
        yield f"- {_escaped(reason.text)}"
    for note in verdict.notes:
        yield f"- note: {_escaped(note)}"
    if verdict.reasons or verdict.notes:
        yield ""
    yield f"{answers_in_words(comparison)}; {load_in_words(comparison)}"
    yield ""
    yield _row([*HEADER[:-1], "result"])
    yield _row(["---"] * len(HEADER))
    for row in measure_rows(comparison):
        yield _row(row)
    others = [change for change in comparison.changes if change.state == "other"]
    if not others:
        return
    yield ""
    yield _row(["question", "A", "B"])
    yield _row(["---"] * 3)
    for change in others[:_MOST_SHOWN]:
        cells = [change.question, excerpt(change.a), excerpt(change.b)]
        yield _row([_escaped(cell) for cell in cells])
    if len(others) > _MOST_SHOWN:
        yield ""
        yield f"{len(others) - _MOST_SHOWN} more other answers."


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"


def _escaped(text: str) -> str:
    """A text of a server as plain text: neither HTML, nor links, nor mentions, nor the end of a cell."""
    text = printable(text)
    for character in "\\`*_[]<>|@#~":
        text = text.replace(character, f"&#{ord(character)};")
    return text
