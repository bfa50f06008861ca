"""What a service keeps until its own step, although the wanted stack has another value under the same name.

These are the files that its model names, the secret keys that it refers to, and its pair for prefill and decode.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from models.service.secrets import next_key
from models.stack_file.project_keys import KEYS
from models.stack_file.secret_values import is_secure, referred_keys, with_other_keys
from plan.whole_stack_file import FILE_KEYS, StackFile

DIRECTORY = ".ascend-vllm-upgrade"
"""Directory next to the stack file with the named files of the revision, while an upgrade runs."""

_PAIR = "kvTransfer"

_ENCRYPTION = ("secretsprovider", "encryptedkey", "encryptionsalt")
"""The keys of a stack file that say how its secret keys are encrypted."""


def kept_files(old: StackFile, new: StackFile) -> dict[str, str]:
    """The texts of files that services name before their step and that have changed since, by their new names."""
    texts = {}
    for name, text in old.files.items():
        if new.files.get(name) != text:
            texts[_kept_name(new, name, text)] = text
    return texts


def with_kept_files(
    service: Mapping[str, Any], old: StackFile, new: StackFile
) -> dict[str, Any]:
    """A service of the old stack file. Files that have changed since are named in the directory with kept files."""
    model = service.get("model")
    if not isinstance(model, Mapping):
        return dict(service)
    changed = dict(model)
    for key in FILE_KEYS:
        name = model.get(key)
        text = old.files.get(str(name))
        if text is not None and new.files.get(str(name)) != text:
            changed[key] = _kept_name(new, str(name), text)
    return {**service, "model": changed}


@dataclass(frozen=True)
class SecretKeys:
    """The secret keys of a stack in which some services have their old version and others the new one."""

    old: StackFile
    new: StackFile
    of_old: frozenset[str]
    """The keys that services in their old version refer to."""
    of_new: frozenset[str]
    """The keys that services in their new version refer to."""

    def values(self) -> dict[str, Any]:
        """The values of the keys. A key that has two values at the same time has the old one."""
        values = {}
        for key in self.of_new:
            values[self._next.get(key, key)] = self.new.value(key)
        for key in self.of_old:
            values[key] = self.old.value(key)
        return {key: value for key, value in values.items() if value is not None}

    def renamed(self, service: Mapping[str, Any]) -> dict[str, Any]:
        """A service in its new version, with other names for the keys that have two values."""
        renamed: dict[str, Any] = with_other_keys(service, self._next)
        return renamed

    @property
    def _next(self) -> dict[str, str]:
        """The names of the new values of keys that have two values."""
        names = {}
        for key in self.of_old & self.of_new:
            before = self.old.value(key)
            after = self.new.value(key)
            if is_secure(before) and is_secure(after) and before != after:
                names[key] = next_key(key, after["secure"])
        return names


def without_secret_keys(file: StackFile) -> dict[str, Any]:
    """The configuration of a stack file without the keys that its services refer to."""
    config = dict(file.content["config"])
    for key in referred_keys(dict(file.services)):
        if key not in KEYS:
            config.pop(f"{file.prefix}:{key}", None)
    return config


def undecryptable_keys(old: StackFile, new: StackFile) -> Iterator[str]:
    """The secret keys that services need until their step, although the wanted stack has another encryption key."""
    if all(old.content.get(key) == new.content.get(key) for key in _ENCRYPTION):
        return
    for key in sorted(set(referred_keys(dict(old.services)))):
        value = old.value(key)
        if is_secure(value) and value != new.value(key):
            yield key


def pair_of(old: StackFile, new: StackFile, are_new: Mapping[str, bool]) -> Any:
    """The pair for prefill and decode of a state; None if there is none.

    Args:
        old: The old stack file.
        new: The new stack file.
        are_new: The services of the state, and whether they have their new version.
    """
    after = new.value(_PAIR)
    before = old.value(_PAIR)
    of_new = [name for name, is_new in are_new.items() if is_new]
    of_old = [name for name, is_new in are_new.items() if not is_new]
    if before == after or _is_whole(after, of_new):
        return after
    if _is_whole(before, of_old):
        return before
    if before is None and _is_whole(after, of_old):
        return None
    if _is_whole(after, are_new):
        return after
    if _is_whole(before, are_new):
        return before
    return None


def other_of_pair(service: str, old: StackFile, new: StackFile) -> str:
    """The service with which a service is a pair for prefill and decode; empty without such a pair."""
    pair = new.value(_PAIR) or old.value(_PAIR)
    if not isinstance(pair, Mapping):
        return ""
    names = [pair.get("prefill"), pair.get("decode")]
    if service not in names:
        return ""
    names.remove(service)
    return str(names[0])


def _is_whole(pair: Any, services: Collection[str]) -> bool:
    if not isinstance(pair, Mapping):
        return False
    return pair.get("prefill") in services and pair.get("decode") in services


def _kept_name(new: StackFile, name: str, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(data).hexdigest()
    suffix = PurePosixPath(name).suffix
    return f"{DIRECTORY}/{new.name}/{digest}{suffix}"
