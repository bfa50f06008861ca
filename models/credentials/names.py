"""Names of credentials: variables, flags, keys of objects and headers that are named like one."""

from __future__ import annotations

import re
from functools import lru_cache

from models.credentials.words import (
    ABOUT,
    KEY_IDS,
    KEY_PREFIXES,
    LAST,
    OF_OBJECTS,
    OF_THE_SHELL,
    OTHER_KEYS,
    OTHER_PASSES,
    OTHER_TOKENS,
    STRONG,
    STRONG_ENDINGS,
    WHICH,
)


@lru_cache(maxsize=4096)
def is_credential_name(name: str) -> bool:
    """Whether a variable, a flag, a key or a header is named like a credential: `HF_TOKEN`, `--api-key`, `dbPass`."""
    if name in OF_THE_SHELL:
        return False
    words = _without_which(name_words(name))
    if words[-3:] in KEY_IDS:
        return True
    if not words or words[-1] in ABOUT:
        return False
    return _is_last_word(name, words)


def hides_numbers(name: str) -> bool:
    """Whether a number under this name is a credential as well: a password, but not a token."""
    return any(_is_strong(word) for word in name_words(name)) and is_credential_name(
        name
    )


def names_an_object(name: str) -> bool:
    """Whether the value of this variable may be the name of a Kubernetes Secret: `K8S_SECRET`."""
    words = name_words(name)
    return "secret" in words and any(word in OF_OBJECTS for word in words)


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `DB_PASS`, `db-pass`, `dbPass` and `example.com/db-pass` have the same end.

    A number at the end is not a word: `HF_TOKEN_2`.
    """
    separated = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name)
    words = re.findall(r"[a-z]+[0-9]*[a-z]*", separated.lower())
    return tuple(
        re.sub(r"[0-9]+$", "", word) if word != "k8s" else word for word in words
    )


def is_vague(name: str) -> bool:
    """Whether only the word `KEY` makes a name that of a credential: `SOME_KEY`."""
    words = _without_which(name_words(name))
    return (
        len(words) > 1
        and words[-1] in ("key", "keys")
        and not KEY_PREFIXES.intersection(words)
    )


def _is_last_word(name: str, words: tuple[str, ...]) -> bool:
    """Whether the words of a name, which does not only describe a credential, are those of a credential."""
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last == "pass" and before in OTHER_PASSES:
        return False
    if any(_is_strong(word) for word in words):
        return True
    if last in ("token", "tokens"):
        return before not in OTHER_TOKENS and (
            last == "token" or before in KEY_PREFIXES
        )
    if last in ("key", "keys"):
        return _is_key_name(name, before)
    return last in LAST


def _without_which(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a name without those at its end that tell which credential it is: `TOKEN_PROD`."""
    while len(words) > 1 and words[-1] in WHICH:
        words = words[:-1]
    return words


def _is_strong(word: str) -> bool:
    return word in STRONG or word.endswith(STRONG_ENDINGS)


def _is_key_name(name: str, before: str) -> bool:
    if before in KEY_PREFIXES:
        return True
    is_variable = "_" in name or name.isupper()
    return is_variable and bool(before) and before not in OTHER_KEYS
