"""Reads lists of whole numbers such as `0,1,2,3`."""

from __future__ import annotations


def number_list(text: str, surrounded_by: str = "") -> list[int] | str:
    """The numbers of a list; the text if a part of it is no whole number, for `check` to refuse.

    Args:
        text: The numbers, separated by commas.
        surrounded_by: Characters that are ignored at both ends.
    """
    parts = [part.strip() for part in text.strip(surrounded_by).split(",")]
    if not all(part.isdecimal() for part in parts):
        return text
    return [int(part) for part in parts]
