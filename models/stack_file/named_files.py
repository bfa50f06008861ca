"""The facts of a service's model: from the catalogue or its own config.json, corrected by the stack file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

from models.catalog.facts import Facts
from models.finding import Finding, Mark, Path
from models.stack_file.checksums import WeightFiles
from models.stack_file.config_json import facts_of
from models.stack_file.parse import parse

_MOST = 5
"""Most problems of one manifest that are told."""


def read_named(rule: str, file: File, path: Path, read: Callable[[File], str]) -> tuple[Any, list[Finding]]:
    """What a file says that a model names: the facts of a config.json, or the files that a manifest lists.

    Args:
        rule: `config-json` or `weight-files`, which refuses what cannot be read.
        file: The file.
        path: Where the stack file names it.
        read: Where the texts of files come from.
    """
    name, why, fix = UNREADABLE[rule]
    try:
        content = json.loads(read(file))
        of_model = rule == "config-json"
        record, found = parse(Facts, facts_of(content), path) if of_model else parse(WeightFiles, content, path)
        problems = [f"{file}: {finding.message}" for finding in found[:_MOST]]
    except OSError as problem:
        record, problems = None, [f"{file} cannot be read: {problem.strerror}"]
    except (ValueError, AttributeError, TypeError, RecursionError) as problem:
        record, problems = None, [f"{file} is not a {name}: {problem}"]
    return record, [Finding(rule, "error", text, why, fix, (Mark(path),), path[1]) for text in problems]


UNREADABLE = {
    "config-json": (
        "config.json",
        "without it, the rules that need the facts of the model cannot run (docs/models.md)",
        "copy config.json from the directory of the weights, and name its path relative to the stack file",
    ),
    "weight-files": (
        "list of checksums",
        "the pod verifies the weights with it before the server starts (models/launch/scripts/verify.py)",
        "create it with `ascend-vllm manifest DIRECTORY`, and name its path relative to the stack file",
    ),
}
"""What a file that a model names is, why it is read, and where it is from, by the rule that refuses it."""
