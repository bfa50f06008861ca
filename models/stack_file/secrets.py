"""References to Secrets: found in a configuration, and given the names of those that the stack makes.

The name of a Secret that the stack makes is made of the ciphertext in the stack file. So every command knows it without
decrypting anything, a new value has a new name and rolls the pods, and a revert gets the old name back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.finding import Finding, Mark, Path
from models.record import Record
from models.secret_reference import SecretKey
from models.stack_file.parse import LoadedStack
from models.stack_file.pull_secret import PullSecret

Reference = SecretKey | PullSecret


def references(value: Any, path: Path = ()) -> Iterator[tuple[Path, Reference]]:
    """Every reference to a Secret below a value, and where it stands."""
    if isinstance(value, Reference):
        yield path, value
    elif isinstance(value, Record):
        for name, field in type(value).model_fields.items():
            yield from references(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, (*path, str(index)))


def ciphertexts(beside: Mapping[str, Any]) -> dict[str, str]:
    """The secret ones of the keys that stand beside the stack's own, encrypted as they are."""
    return {name: value["secure"] for name, value in beside.items() if _is_secret(value)}


def config_findings(stack: LoadedStack, beside: Mapping[str, Any]) -> Iterator[Finding]:
    """References to keys of the stack that are not there, or are no secrets.

    Args:
        stack: The stack as its files have it.
        beside: The keys that stand beside the stack's own.
    """
    for service, config in stack.services.items():
        for path, reference in references(config, ("services", service)):
            name = reference.config
            if not name or _is_secret(beside.get(name)):
                continue
            command = f"pulumi config set --secret {name} --stack {stack.name}"
            message = f"the stack has no secret key {name}"
            why = "the stack creates a Secret from the key's value, so the pods would not start without it"
            marks = [Mark(path, "refers to it")]
            fix = f"run {command}"
            if name in beside:
                message = f"{name} is plain text in the stack file"
                why = "everybody who can read the file or its history can read the value"
                marks = [Mark((name,), "not encrypted"), *marks]
                fix = f"choose a new value, and run {command}"
            elif name in ("base", "cluster", "services"):
                fix = "choose another key name, and run pulumi config set --secret with it"
            yield Finding("config-secret", "error", message, why, fix, tuple(marks), service)


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["secure"] and isinstance(value["secure"], str)
