"""References to Secrets: found in a configuration, and given the names of those that the stack makes.

The name of a Secret that the stack makes is made of the ciphertext in the stack file. So every command knows it without
decrypting anything, a new value has a new name and rolls the pods, and a revert gets the old name back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from models.beside.pull_secrets import PULL_KEY, PullSecret
from models.finding import Finding, Mark, Path
from models.parse import LoadedStack
from models.server import SecretKey
from models.typed import Typed

T = TypeVar("T")
Reference = SecretKey | PullSecret


@dataclass(frozen=True, order=True)
class MadeSecret:
    """A Secret that the stack makes of a secret key of its own."""

    config: str
    """The key of the stack, as `pulumi config set --secret` names it."""
    name: str
    """Name of the Secret."""
    key: str
    """Key in the Secret."""

    @property
    def type(self) -> str:
        """The Secret's type; that of a registry's credentials is one of its own."""
        return "kubernetes.io/dockerconfigjson" if self.is_pull else "Opaque"

    @property
    def is_pull(self) -> bool:
        """Whether it holds the credentials of a registry."""
        return self.key == PULL_KEY


def references(value: Any, path: Path = ()) -> Iterator[tuple[Path, Reference]]:
    """Every reference to a Secret below a value, and where it stands."""
    if isinstance(value, Reference):
        yield path, value
    elif isinstance(value, Typed):
        for name, field in type(value).model_fields.items():
            yield from references(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, (*path, str(index)))


def resolved(reference: Reference, ciphertexts: Mapping[str, str]) -> Reference:
    """A reference with the Secret and the key that it means.

    Args:
        reference: As the stack file gives it.
        ciphertexts: The stack's secret keys as they stand in its file; without a file there are none, and a Secret
            has the name of its key.
    """
    if not reference.config:
        return reference
    text = ciphertexts.get(reference.config)
    ending = f"-{hashlib.sha256(text.encode()).hexdigest()[:10]}" if text else ""
    pull = isinstance(reference, PullSecret)
    named = {"secret": f"{reference.config}{'-pull' if pull else ''}{ending}"}
    return reference.model_copy(update=named if pull else {**named, "key": "value"})


def with_names(value: T, ciphertexts: Mapping[str, str]) -> T:
    """A configuration whose references all say which Secret they mean; arguments as for `resolved`."""
    changed: Any = value
    if isinstance(value, Reference):
        changed = resolved(value, ciphertexts)
    elif isinstance(value, Typed):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        update = {name: new for name, old in fields.items() if (new := with_names(old, ciphertexts)) is not old}
        changed = value.model_copy(update=update) if update else value
    elif isinstance(value, dict):
        items = {key: with_names(item, ciphertexts) for key, item in value.items()}
        changed = value if all(items[key] is value[key] for key in items) else items
    elif isinstance(value, list):
        changed = [with_names(item, ciphertexts) for item in value]
        changed = value if all(new is old for new, old in zip(changed, value, strict=True)) else changed
    found: T = changed
    return found


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
            message, why = f"the stack has no secret key {name}", "the Secret is made of its value"
            marks, fix = [Mark(path, "refers to it")], command
            if name in beside:
                message, why = f"{name} is plain text in the stack file", "who reads the file, or its history, has it"
                marks = [Mark((name,), "not encrypted"), *marks]
                fix = f"choose a new value, and set it with {command}"
            elif name in ("base", "cluster", "services"):
                fix = "name another key, and set it with pulumi config set --secret"
            yield Finding("config-secret", "error", message, why, fix, tuple(marks), service)


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["secure"] and isinstance(value["secure"], str)


def made_secrets(configs: Iterable[Typed]) -> tuple[MadeSecret, ...]:
    """The Secrets that services want made, each once; their references have names already."""
    found = (reference for config in configs for _, reference in references(config) if reference.config)
    return tuple(sorted({MadeSecret(one.config, one.secret, one.key) for one in found}))
