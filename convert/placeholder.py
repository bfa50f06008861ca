"""Placeholders such as `${image_name}`: values that the files do not contain."""

from __future__ import annotations

import re
from collections.abc import Mapping

from models.credentials import is_credential, is_credential_name

PLACEHOLDER = re.compile(r"\$\{[A-Za-z_][\w-]*\}")
"""A placeholder in a text, such as the manual's `${image_name}`."""


def placeholder_name(placeholder: str) -> str:
    """`image_name` of `${image_name}`."""
    return placeholder.removeprefix("${").removesuffix("}")


def is_secret(name: str, text: str) -> bool:
    """Whether the value of a variable is a credential, or a placeholder that stands for one: `HF_TOKEN=${HF_TOKEN}`."""
    is_placeholder = PLACEHOLDER.fullmatch(text) is not None
    return is_credential(name, text) or (is_placeholder and is_credential_name(name))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each placeholder replaced that has a value; other placeholders remain."""

    def value(found: re.Match[str]) -> str:
        placeholder = found[0]
        return values.get(placeholder_name(placeholder), placeholder)

    return PLACEHOLDER.sub(value, text)
