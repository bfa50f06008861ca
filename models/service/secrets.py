"""The Secrets that a stack creates: their names, and the references of services with those names filled in.

The name of a Secret is derived from the ciphertext in the stack file. So every command knows it without decrypting
anything, a new value has a new name and restarts the pods, and a revert restores the old name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from models.record import Record
from models.stack_file.pull_secret import PULL_KEY, PullSecret
from models.stack_file.secrets import Reference, references

T = TypeVar("T")


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
    elif isinstance(value, Record):
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


def made_secrets(configs: Iterable[Record]) -> tuple[MadeSecret, ...]:
    """The Secrets that services want made, each once; their references have names already."""
    found = (reference for config in configs for _, reference in references(config) if reference.config)
    return tuple(sorted({MadeSecret(one.config, one.secret, one.key) for one in found}))
