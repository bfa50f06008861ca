"""The files that a model names: its config.json, and the checksums of its weights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

from pydantic.alias_generators import to_camel

from models.catalog.facts import Facts
from models.finding import Finding, Mark, Path
from models.stack_file.checksums import Checksums
from models.stack_file.config_json import facts_of
from models.stack_file.limits import TooLargeError, check_bytes
from models.stack_file.parse import LoadedStack, parse
from models.stack_file.texts import Read

_MOST = 5
"""Most reported problems of one file."""

_BYTE_ORDER_MARK = "\ufeff"
"""Begins the texts of some editors."""

_MOST_DIGITS = 4_300
"""Of a whole number that Python reads."""


def named_contents(
    loaded: LoadedStack, key: str, rule: str, directory: File, read: Read
) -> tuple[dict[str, Any], list[Finding]]:
    """The content of the files that a key of the models names, by name, and the findings about unreadable files."""
    contents: dict[str, Any] = {}
    findings: list[Finding] = []
    for service, config in loaded.services.items():
        file = getattr(config.model, key)
        if not file:
            continue
        path = ("services", service, "model", to_camel(key))
        content, problems = read_named(rule, directory / file, path, read)
        findings += problems
        if content:
            contents[file] = content
    return contents, findings


def read_named(
    rule: str, file: File, path: Path, read: Callable[[File], str]
) -> tuple[Any, list[Finding]]:
    """The content of a file that a model names: the facts of a config.json, or the checksums of its weights.

    Args:
        rule: `config-json` or `weight-files`, which refuses what cannot be read.
        file: The file.
        path: Where the stack file names it.
        read: Where the texts of files come from.
    """
    name, why, fix = UNREADABLE[rule]
    record: Facts | Checksums | None = None
    try:
        text = read(file)
        check_bytes(text)
        _refuse_byte_order_mark(text)
        content = json.loads(
            text, object_pairs_hook=_unique_keys, parse_int=_whole_number
        )
        _check_characters(content)
        if rule == "config-json":
            record, found = parse(Facts, facts_of(content), path)
        else:
            record, found = parse(Checksums, content, path)
        problems = [f"{file}: {finding.message}" for finding in found[:_MOST]]
    except OSError as problem:
        problems = [f"{file} cannot be read: {problem.strerror}"]
    except TooLargeError as problem:
        problems = [f"{file}: {problem}"]
    except RecursionError:
        problems = [f"{file} is not a {name}: its values are nested too deeply"]
    except (ValueError, AttributeError, TypeError) as problem:
        problems = [f"{file} is not a {name}: {problem}"]
    findings = []
    for message in problems:
        findings.append(
            Finding(
                rule, "error", message, why, fix, marks=(Mark(path),), service=path[1]
            )
        )
    return record, findings


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping of JSON.

    Raises:
        ValueError: It contains a key twice. Readers do not agree on its value then.
    """
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"key {json.dumps(key)} appears twice in one mapping")
        content[key] = value
    return content


def _refuse_byte_order_mark(text: str) -> None:
    """Refuse a text that no reader of JSON accepts, such as the server's.

    Raises:
        ValueError: It begins with a byte order mark.
    """
    if text.startswith(_BYTE_ORDER_MARK):
        raise ValueError(
            "it begins with a byte order mark (BOM); save it as UTF-8 without one"
        )


def _whole_number(digits: str) -> int:
    """A whole number of JSON.

    Raises:
        ValueError: It has more digits than can be read.
    """
    if len(digits.lstrip("-")) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} digits")
    return int(digits)


def _check_characters(content: Any) -> None:
    """Refuse a text that has no UTF-8, such as half a character.

    Raises:
        ValueError: There is one.
    """
    text = json.dumps(content, ensure_ascii=False)
    half = re.search(r"[\ud800-\udfff]", text)
    if half:
        raise ValueError(f"{json.dumps(half[0])} is not a character of UTF-8")


UNREADABLE = {
    "config-json": (
        "config.json",
        "without it, the rules that need the facts of the model cannot run (docs/models.md)",
        "copy config.json from the directory of the weights, and name its path relative to the stack file",
    ),
    "weight-files": (
        "list of checksums",
        "the pod verifies the weights with it before the server starts (models/launch/scripts/verify.py)",
        "create it with `ascend-vllm checksums DIRECTORY`, and name its path relative to the stack file",
    ),
}
"""What a file that a model names is, why it is read, and where it is from, by the rule that refuses it."""
