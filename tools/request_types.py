"""The types of the fields of requests, from the classes of vLLM that read them, without importing them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

_CLASSES = {
    "chat": ("entrypoints/openai/chat_completion/protocol.py", "ChatCompletionRequest"),
    "complete": ("entrypoints/openai/completion/protocol.py", "CompletionRequest"),
}
"""File and class by the kind of request."""

_PLAIN = re.compile(r"(?:\b(?:Any|None|bool|dict|float|int|list|str)\b|[\[\], |])+")
"""A type that consists of types of Python only."""

_CHOICES = re.compile(r"Literal\[[^\]]*\](?: \| None)?")
_NUMBER = re.compile(r"Annotated\[(int|float), Field\(.*\)\](?P<null> \| None)?")
_OBJECT = re.compile(
    r"(?:AnyResponseFormat|RepetitionDetectionParams|StreamOptions|StructuredOutputsParams"
    r"|dict\[str, str \| .*\])(?P<null> \| None)?"
)
"""Classes and mappings of several types: an object in JSON."""

_IN_JSON = {
    "ThinkingTokenBudget": "int | None",
    "list[ChatCompletionToolsParam] | None": "list[dict[str, Any]] | None",
}
"""Further classes, as JSON has them."""


def request_types(package: Path) -> dict[str, dict[str, str]]:
    """The type of each field that has a plain one, such as `int | None`, by the kind of request.

    Args:
        package: The folder `vllm` of an unpacked wheel.
    """
    types = {}
    for kind, (file, name) in _CLASSES.items():
        tree = ast.parse((package / file).read_text(encoding="utf-8"))
        types[kind] = _fields(tree, name)
    return types


def _fields(tree: ast.Module, name: str) -> dict[str, str]:
    fields = {}
    for node in tree.body:
        if not (isinstance(node, ast.ClassDef) and node.name == name):
            continue
        for statement in node.body:
            if not isinstance(statement, ast.AnnAssign):
                continue
            field = ast.unparse(statement.target)
            plain = _plain(ast.unparse(statement.annotation))
            if plain and not field.startswith("_"):
                fields[field] = plain
    return dict(sorted(fields.items()))


def _plain(annotation: str) -> str | None:
    """The type without limits, and with objects of any content. None: it is another class."""
    number = _NUMBER.fullmatch(annotation)
    if number:
        return f"{number[1]}{number['null'] or ''}"
    mapping = _OBJECT.fullmatch(annotation)
    if mapping:
        return f"dict[str, Any]{mapping['null'] or ''}"
    if _PLAIN.fullmatch(annotation) or _CHOICES.fullmatch(annotation):
        return annotation
    return _IN_JSON.get(annotation)
