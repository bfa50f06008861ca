"""Faults that an answer shows by itself: it is wrong, a refusal, a repetition, or not text."""

from __future__ import annotations

import json
import re
import unicodedata

from client.comparison.questions import Question
from client.comparison.reply import Reply

_REFUSALS = re.compile(
    r"\b(I'm|I am) (very |really )?sorry,? but|\bI (can't|cannot|can not|won't) (assist|help|answer|provide|comply|do)"
    r"|\bI'm (unable|not able) to|\bI am (unable|not able) to|\bas an AI\b|\bagainst my guidelines"
    r"|抱歉|对不起|很遗憾|我(无法|不能|没办法)(回答|提供|帮助|协助|完成|满足)|作为(一个|一名)?(AI|人工智能)",
    re.IGNORECASE,
)

_CODE_BLOCK = re.compile(r"```(?:json)?\n(.*?)```", re.DOTALL)

_GRAM = 10
"""Characters of the pieces that are counted for repetitions."""

_SHORTEST = 40
"""Characters of the shortest text that can be a repetition."""

_TAIL = 120
"""Characters at the end of a text in which a loop shows."""

_FEWEST_DISTINCT = 0.4
"""Share of distinct pieces below which a text repeats itself. In plain text, it is above 0.9."""

_USUAL_SCRIPTS = frozenset({"LATIN", "GREEK"})
"""Scripts of letters in any answer: names and formulas."""

_MOST_STRANGE = 0.1
"""Share of letters of other scripts, above which an answer is not in the language of its question."""


def is_wrong(reply: Reply, question: Question) -> bool:
    """Whether an answer lacks what it has to contain."""
    if question.expect and not re.search(question.expect, reply.text):
        return True
    return question.json_answer and not _is_json(reply.text)


def _is_json(text: str) -> bool:
    """Whether a text is JSON, with or without a code block around it."""
    content = text
    block = _CODE_BLOCK.search(text)
    if block:
        content = block[1]
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def is_refusal(text: str) -> bool:
    """Whether an answer refuses to answer."""
    quotes_as_ascii = text.replace("\u2019", "'")
    return _REFUSALS.search(quotes_as_ascii) is not None


def is_repetition(text: str) -> bool:
    """Whether a text repeats the same words, as a whole or at its end."""
    joined = " ".join(text.split())
    return _repeats(joined) or _repeats(joined[-_TAIL:])


def _repeats(text: str) -> bool:
    if len(text) < _SHORTEST:
        return False
    pieces = [text[start : start + _GRAM] for start in range(len(text) - _GRAM + 1)]
    return len(set(pieces)) < _FEWEST_DISTINCT * len(pieces)


def is_no_text(text: str, question: str) -> bool:
    """Whether an answer is empty, or has characters that are not text in the language of the question."""
    if not text.strip():
        return True
    if any(_is_no_character(character) for character in _without_cut_end(text)):
        return True
    return _strange_share(text, question) > _MOST_STRANGE


def _without_cut_end(text: str) -> str:
    """A text without half a character at its end, where the limit of tokens may have cut it."""
    return text.removesuffix("\ufffd")


def _is_no_character(character: str) -> bool:
    """Whether it is the sign for broken bytes, a control character, or one that Unicode does not assign."""
    if character in "\n\r\t":
        return False
    if character == "\ufffd":
        return True
    return unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs")


def _strange_share(text: str, question: str) -> float:
    """The share of letters of scripts that are neither usual nor in the question."""
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return 0.0
    expected = {_script(letter) for letter in question if letter.isalpha()}
    expected |= _USUAL_SCRIPTS
    strange = [letter for letter in letters if _script(letter) not in expected]
    return len(strange) / len(letters)


def _script(letter: str) -> str:
    """The script of a letter, by the first word of its name: `LATIN`, `CJK`, `CYRILLIC`."""
    name = unicodedata.name(letter, "")
    first = name.removeprefix("FULLWIDTH ").partition(" ")[0]
    if first in ("MICRO", "FEMININE", "MASCULINE"):
        return "LATIN"
    return first
