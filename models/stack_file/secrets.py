"""References to Secrets in a stack file, and the secret keys of the stack that they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from models.finding import Finding, Mark, Path
from models.record import Record
from models.secret_reference import NamespaceSecret, StackSecret
from models.stack_file.keys.pull_secret import NamespacePullSecret, StackPullSecret
from models.stack_file.parse import LoadedStack
from models.stack_file.secret_values import is_secure

Reference = NamespaceSecret | StackSecret | NamespacePullSecret | StackPullSecret
"""A reference to a Secret in the namespace, or to a secret key of the stack."""

_CONTAINERS = (Record, dict, list)
"""Types of values that are a reference or can contain one."""


def references(value: Any, path: Path = ()) -> Iterator[tuple[Path, Reference]]:
    """All references to Secrets in a value, with their paths."""
    if isinstance(value, Reference):
        yield path, value
    elif isinstance(value, Record):
        for name, field in type(value).model_fields.items():
            content = getattr(value, name)
            if isinstance(content, _CONTAINERS):
                yield from references(content, (*path, field.alias or name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, (*path, str(index)))


def ciphertexts(further: Mapping[str, Any]) -> dict[str, str]:
    """The encrypted values of the stack's additional keys, by key."""
    return {
        name: value["secure"] for name, value in further.items() if is_secure(value)
    }


def config_findings(
    stack: LoadedStack, further: Mapping[str, Any]
) -> Iterator[Finding]:
    """The findings about references to keys of the stack that do not exist or are not encrypted.

    Args:
        stack: The stack.
        further: The stack's additional keys, which services may refer to.
    """
    for service, config in stack.services.items():
        for path, reference in references(config, ("services", service)):
            if not isinstance(reference, StackSecret | StackPullSecret):
                continue
            name = reference.config
            if not is_secure(further.get(name)):
                finding = _not_encrypted(
                    name, path, stack.name, is_plain=name in further
                )
                yield replace(finding, service=service)


def _not_encrypted(name: str, path: Path, stack: str, *, is_plain: bool) -> Finding:
    """The finding about a reference to a key that does not exist or is plain text."""
    message = f"the stack has no secret key {name}"
    why = "the stack creates a Secret from the key's value, so the pods would not start without it"
    command = f"run pulumi config set --secret {name} --stack {stack}"
    fix = command
    marks = [Mark(path, "refers to it")]
    if is_plain:
        message = f"{name} is plain text in the stack file"
        why = "everybody who can read the file or its history can read the value"
        fix = f"choose a new value, and {command}"
        marks.insert(0, Mark((name,), "not encrypted"))
    elif name in ("base", "cluster", "services"):
        fix = "choose another key name, and run pulumi config set --secret with it"
    return Finding("config-secret", "error", message, why, fix, tuple(marks))
