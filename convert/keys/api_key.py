"""Finds the Secret from which `--api-key` gets its value: `--api-key $(NAME)` with a variable of that Secret."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convert.server_start import Argument

_FLAGS = ("--api-key", "--api_key")
_VARIABLE = re.compile(r"\$[({](\w+)[)}]")


@dataclass(frozen=True)
class ApiKey:
    """The Secret of the API key, and the command line without it."""

    secret: Mapping[str, str] | None
    """The reference of the stack file; None if the command line names no variable of a Secret."""
    arguments: list[Argument]


def api_key_of_secret(
    arguments: Sequence[Argument],
    references: Mapping[str, Mapping[str, str]],
) -> ApiKey:
    """Take `--api-key $(NAME)` from a command line.

    Args:
        arguments: The command line of the server.
        references: The variables of the container from Secrets and fields of the pod, by name.
    """
    for index, argument in enumerate(arguments):
        flag, equals, text = argument.text.partition("=")
        if flag not in _FLAGS:
            continue
        end = index + 1
        if not equals:
            text = "".join(word.text for word in arguments[end : end + 1])
            end += 1
        variable = _VARIABLE.fullmatch(text)
        reference = references.get(variable[1], {}) if variable else {}
        if "secret" in reference:
            rest = [*arguments[:index], *arguments[end:]]
            return ApiKey(reference, rest)
    return ApiKey(None, [*arguments])
