"""Names of credentials: variables, flags, keys of objects and headers that are named like one."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from functools import lru_cache

from models.credentials.other_words import (
    ABOUT,
    OF_OBJECTS,
    OF_THE_SHELL,
    OTHER_KEYS,
    OTHER_PASSES,
    OTHER_TOKENS,
)
from models.credentials.vague_words import (
    CODES,
    LOGINS,
    OTHER_PINS,
    PINS,
    VAGUE,
    VAGUE_ENDINGS,
    VAGUE_IDS,
)
from models.credentials.words import (
    GLUED,
    KEY_IDS,
    KEY_PREFIXES,
    LAST,
    OWNERS,
    PHRASES,
    STRONG,
    STRONG_BEGINNINGS,
    STRONG_ENDINGS,
    WHICH,
)

_MOST_NAMES = 20_000
"""Names that are remembered: as many keys as a stack file may have."""

_SCRIPTS_WITH_MARKS = range(0x300, 0x1D00)
MARKS = "".join(
    chr(code)
    for code in _SCRIPTS_WITH_MARKS
    if unicodedata.category(chr(code)) in ("Mn", "Mc")
)
"""Vowels and accents after their letter, such as those of Thai. `re` does not count them as parts of a word."""

_WORD = re.compile(rf"[a-z]+[0-9]*[a-z]*|(?:[^\W\d_a-z]|[{MARKS}])+")
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_LATIN_LETTERS = str.maketrans("łŁøØđĐı", "lLoOdDi")
"""Letters of Latin alphabets that Unicode does not decompose into a letter of ASCII and an accent."""


class _Kind(Enum):
    """The meaning of a name for its value."""

    OTHER = "no credential"
    VAGUE = "a credential unless the value is of plain words"
    CLEAR = "a credential"


def is_credential_name(name: str) -> bool:
    """Whether a variable, a flag, a key or a header is named like a credential: `HF_TOKEN`, `--api-key`, `dbPass`."""
    return _kind(name) is not _Kind.OTHER


def is_clear(name: str) -> bool:
    """Whether the value of a name is a credential even if it consists of plain words: `DB_PASS`, not `SOME_KEY`."""
    return _kind(name) is _Kind.CLEAR


def is_vague(name: str) -> bool:
    """Whether the value of a name is a credential unless it consists of plain words: `SOME_KEY`, `WANDB_API`."""
    return _kind(name) is _Kind.VAGUE


def is_login(name: str) -> bool:
    """Whether the value of a name is a credential only if it is `user:password`: `LOGIN`."""
    return _last_words(name)[-1:] in LOGINS


def hides_numbers(name: str) -> bool:
    """Whether a number under this name is a credential as well: a password, but not a token."""
    if not is_credential_name(name):
        return False
    words = _last_words(name)
    return words[-1] in PINS or any(_is_strong(word) for word in words)


def names_an_object(name: str) -> bool:
    """Whether the value of this variable may be the name of a Kubernetes Secret: `K8S_SECRET`."""
    words = name_words(name)
    return "secret" in words and any(word in OF_OBJECTS for word in words)


@lru_cache(maxsize=_MOST_NAMES)
def name_words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `DB_PASS`, `dbPass`, `dbpass` and `example.com/db-pass` have the same end.

    A number at the end is not a word: `HF_TOKEN_2`.
    """
    if not name.isascii():
        name = _without_accents(name)
    separated = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name)
    words: list[str] = []
    for word in _WORD.findall(separated.lower()):
        plain = word if word == "k8s" else re.sub(r"[0-9]+$", "", word)
        words.extend(_unglued(plain))
    return tuple(words)


@lru_cache(maxsize=_MOST_NAMES)
def _kind(name: str) -> _Kind:
    words = _last_words(name)
    if name in OF_THE_SHELL or not words:
        return _Kind.OTHER
    if words[-3:] in KEY_IDS or words[-2:] in KEY_IDS:
        return _Kind.CLEAR
    if words[-2:] in VAGUE_IDS or words[-1:] in VAGUE_IDS:
        return _Kind.VAGUE
    if words[-1] not in ABOUT:
        return _last_word_kind(name, words)
    return _Kind.OTHER


def _last_word_kind(name: str, words: tuple[str, ...]) -> _Kind:
    if _is_clear(words):
        return _Kind.CLEAR
    if _is_vague(name, words):
        return _Kind.VAGUE
    return _Kind.OTHER


def _is_clear(words: tuple[str, ...]) -> bool:
    """Whether the words of a name, which does not only describe a credential, are those of a credential."""
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last == "pass" and before in OTHER_PASSES:
        return False
    if words[-2:] in PHRASES or any(_is_strong(word) for word in words):
        return True
    if last == "token":
        return before not in OTHER_TOKENS
    if last in ("tokens", "key", "keys"):
        return before in KEY_PREFIXES
    return last in LAST


def _is_vague(name: str, words: tuple[str, ...]) -> bool:
    """Whether the words of a name are often those of a credential."""
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last in ("key", "keys"):
        return _is_variable(name) and before not in OTHER_KEYS
    if last in ("code", "codes"):
        return before in CODES
    if last in PINS:
        return before not in OTHER_PINS
    if last == "tokens":
        return before not in OTHER_TOKENS
    is_named_so = last in VAGUE or last.endswith(VAGUE_ENDINGS)
    return is_named_so or words[-1:] in LOGINS


def _is_variable(name: str) -> bool:
    return "_" in name or name.isupper()


def _last_words(name: str) -> tuple[str, ...]:
    """The words of a name without those at its end that show which credential it is: `TOKEN_PROD`, `API_KEY_OPENAI`."""
    words = name_words(name)
    while len(words) > 1 and (words[-1] in WHICH or _is_owner_after(words)):
        words = words[:-1]
    return words


def _is_owner_after(words: tuple[str, ...]) -> bool:
    """Whether the last word of a name is the owner of the key or token before it: `TOKEN_FOR_HF`."""
    return words[-1] in OWNERS and words[-2] in ("token", "key", "for")


@lru_cache(maxsize=_MOST_NAMES)
def _unglued(word: str) -> tuple[str, ...]:
    """The words of which a word without separators consists: `hftoken`, `rootpw`."""
    for ending, parts in GLUED.items():
        owner = word.removesuffix(ending)
        if owner != word and owner in OWNERS:
            return (owner, *parts)
    return (word,)


def _without_accents(name: str) -> str:
    """A name whose Latin letters are those of ASCII: `contraseña`, `hasło`. Letters of other scripts stay."""
    decomposed = unicodedata.normalize("NFKD", name).translate(_LATIN_LETTERS)
    plain = _ACCENTS.sub("", decomposed)
    return unicodedata.normalize("NFKC", plain)


def _is_strong(word: str) -> bool:
    return (
        word in STRONG
        or word.endswith(STRONG_ENDINGS)
        or word.startswith(STRONG_BEGINNINGS)
    )
