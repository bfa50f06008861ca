"""References to Secrets, resolved: each names a Secret, and the Secrets that the stack creates are known.

The name of a created Secret is derived from the ciphertext in the stack file. So every command knows it without
decrypting anything, a new value has a new name and restarts the pods, and a revert restores the old name.

In the middle of an upgrade, a stack file has two values of a key: that of the services before their step under the key
itself, and the next one under `next_key`. Both Secrets have the names that they have without the upgrade.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.record import Record
from models.secret_reference import (
    CreatedSecret,
    NamespaceSecret,
    SecretKey,
    StackSecret,
)
from models.stack_file.keys.pull_secret import (
    PULL_KEY,
    CreatedPullSecret,
    NamespacePullSecret,
    PullSecret,
    StackPullSecret,
)
from models.stack_file.secrets import references

_KEY = "value"
"""Key of the value in a created Secret."""


@dataclass(frozen=True, order=True)
class MadeSecret:
    """A Secret that the stack creates from one of its secret keys."""

    config: str
    """The key of the stack, as `pulumi config set --secret` names it."""
    name: str
    """Name of the Secret."""
    key: str
    """Key in the Secret."""

    @property
    def type(self) -> str:
        """The type of the Secret. The credentials of a registry have a separate type."""
        return "kubernetes.io/dockerconfigjson" if self.is_pull else "Opaque"

    @property
    def is_pull(self) -> bool:
        """Whether it has the credentials of a registry."""
        return self.key == PULL_KEY


def named(reference: SecretKey, ciphertexts: Mapping[str, str]) -> NamespaceSecret:
    """A reference with the Secret and the key that it means.

    Args:
        reference: The reference in the stack file.
        ciphertexts: The encrypted values of the stack's secret keys. Without a value, a Secret has the name of its key.
    """
    if isinstance(reference, StackSecret):
        name = _secret_name(reference.config, "", ciphertexts)
        return CreatedSecret.model_construct(
            secret=name, key=_KEY, config=reference.config
        )
    return reference


def named_pull_secret(
    reference: PullSecret, ciphertexts: Mapping[str, str]
) -> NamespacePullSecret:
    """The credentials of a registry with the Secret that they are in; arguments as for `named`."""
    if isinstance(reference, StackPullSecret):
        name = _secret_name(reference.config, "-pull", ciphertexts)
        return CreatedPullSecret.model_construct(secret=name, config=reference.config)
    return reference


def made_secrets(
    configs: Iterable[Record], ciphertexts: Mapping[str, str]
) -> tuple[MadeSecret, ...]:
    """The Secrets that the stack creates for services, each once; ciphertexts as for `named`."""
    found: set[MadeSecret] = set()
    for config in configs:
        for _, reference in references(config):
            if isinstance(reference, StackPullSecret):
                pull_secret = named_pull_secret(reference, ciphertexts)
                found.add(MadeSecret(reference.config, pull_secret.secret, PULL_KEY))
            elif isinstance(reference, StackSecret):
                name = _secret_name(reference.config, "", ciphertexts)
                found.add(MadeSecret(reference.config, name, _KEY))
    return tuple(sorted(found))


def next_key(config: str, ciphertext: str) -> str:
    """The key with the next value of a key, in a stack file that has both values."""
    return f"{config}{_ending(ciphertext)}"


def _secret_name(config: str, suffix: str, ciphertexts: Mapping[str, str]) -> str:
    """The name of a created Secret.

    Args:
        config: The key of the stack.
        suffix: What the Secret is for; empty for a single value.
        ciphertexts: As for `named`.
    """
    ciphertext = ciphertexts.get(config)
    if not ciphertext:
        return f"{config}{suffix}"
    ending = _ending(ciphertext)
    key = config.removesuffix(ending)
    return f"{key}{suffix}{ending}"


def _ending(ciphertext: str) -> str:
    """The end of a Secret's name, which stands for its value."""
    return f"-{hashlib.sha256(ciphertext.encode()).hexdigest()[:10]}"
