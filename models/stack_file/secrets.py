"""References to Secrets: found in a configuration, and given the names of those that the stack makes.

The name of a Secret that the stack makes is made of the ciphertext in the stack file. So every command knows it without
decrypting anything, a new value has a new name and rolls the pods, and a revert gets the old name back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.finding import Finding, Mark, Path
from models.record import Record
from models.secret_reference import NamespaceSecret, StackSecret
from models.stack_file.parse import LoadedStack
from models.stack_file.pull_secret import NamespacePullSecret, StackPullSecret
from models.stack_file.secret_values import is_secure

Reference = NamespaceSecret | StackSecret | NamespacePullSecret | StackPullSecret
"""A reference to a Secret in the namespace, or to a secret key of the stack."""


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
    return {name: value["secure"] for name, value in beside.items() if is_secure(value)}


def config_findings(stack: LoadedStack, beside: Mapping[str, Any]) -> Iterator[Finding]:
    """References to keys of the stack that are not there, or are no secrets.

    Args:
        stack: The stack as its files have it.
        beside: The keys that stand beside the stack's own.
    """
    for service, config in stack.services.items():
        for path, reference in references(config, ("services", service)):
            if not isinstance(reference, StackSecret | StackPullSecret):
                continue
            name = reference.config
            if is_secure(beside.get(name)):
                continue
            command = f"pulumi config set --secret {name} --stack {stack.name}"
            message, why = f"the stack has no secret key {name}", "the Secret is made of its value"
            marks, fix = [Mark(path, "refers to it")], command
            if name in beside:
                message, why = f"{name} is plain text in the stack file", "who reads the file, or its history, has it"
                marks = [Mark((name,), "not encrypted"), *marks]
                fix = f"choose a new value, and set it with {command}"
            elif name in ("base", "cluster", "services"):
                fix = "name another key, and set it with pulumi config set --secret"
            yield Finding("config-secret", "error", message, why, fix, tuple(marks), service)
