"""The environment of a container: plain values, and references to Secrets and to fields of the pod."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from convert.note import Notes
from convert.objects import Object
from convert.server_start import Setting
from models.credentials import is_credential
from models.manifests.read_only_root import DIRECTORY

_REFERENCE = re.compile(r"\$\(([A-Za-z_]\w*)\)")


def container_environment(container: Object, notes: Notes) -> dict[str, Setting]:
    """The plain values of a container's variables.

    Credentials, and values from elsewhere than a Secret, are left out with a note.
    """
    settings: dict[str, Setting] = {}
    references = references_of(container)
    for name, entry in _variables(container.at("env"), notes):
        text = _value(entry)
        if name == "HOME" and text == DIRECTORY and has_read_only_root(container):
            continue
        is_reference = entry.at("valueFrom").value is not None
        if is_reference and name not in references:
            notes.drop(
                name,
                "env takes plain values, required keys of Secrets, and fields of the pod",
                entry,
            )
        elif is_reference:
            continue
        elif is_credential(name, text):
            notes.drop_credential(name, entry)
        else:
            value = with_kubernetes_variables(text, settings)
            settings[name] = Setting(value, entry.place)
    env_from = container.at("envFrom")
    if env_from.items():
        notes.drop(
            "envFrom",
            "the stack file has no key for it: write each variable under env",
            env_from,
        )
    return settings


def has_read_only_root(container: Object) -> bool:
    """Whether the root filesystem of a container is read-only. The program then sets its home directory."""
    return container.at("securityContext", "readOnlyRootFilesystem").value is True


def references_of(container: Object) -> dict[str, dict[str, str]]:
    """The variables whose values are required keys of Secrets or fields of the pod, as a stack file refers to them."""
    references = {}
    for entry in container.at("env").items():
        source = entry.at("valueFrom", "secretKeyRef")
        secret = source.at("name").text()
        key = source.at("key").text()
        is_optional = source.at("optional").value is True
        if secret and key and not is_optional:
            name = entry.at("name").text()
            references[name] = {"secret": secret, "key": key}
        field = entry.at("valueFrom", "fieldRef", "fieldPath").text()
        if field:
            references[entry.at("name").text()] = {"field": field}
    return references


def with_kubernetes_variables(text: str, environment: Mapping[str, Setting]) -> str:
    """The text with `$(NAME)` replaced, as the kubelet does it."""

    def value(found: re.Match[str]) -> str:
        setting = environment.get(found[1])
        return setting.text if setting else found[0]

    return _REFERENCE.sub(value, text)


def _value(entry: Object) -> str:
    """The value of an entry of `env`; the entry itself if it is a scalar of a mapping."""
    if entry.mapping():
        return entry.at("value").text()
    return entry.text()


def _variables(env: Object, notes: Notes) -> Iterator[tuple[str, Object]]:
    """The entries of `env` by name. A mapping, which Kubernetes refuses, is read as meant."""
    if env.mapping():
        notes.assume(
            "env",
            "Kubernetes expects a list of names and values; convert reads it as meant",
            env,
        )
        for name in env.mapping():
            yield name, env.at(name)
    for entry in env.items():
        name = entry.at("name").text()
        if name:
            yield name, entry
