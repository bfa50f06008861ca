"""The environment of a container: plain values, and references to Secrets and to fields of the pod."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from convert.note import Notes
from convert.objects import Object
from convert.placeholder import is_secret
from convert.server.config_maps import (
    config_map_value,
    config_map_values,
    named_in,
)
from convert.server_start import Setting
from models.manifests.read_only_root import DIRECTORY

_REFERENCE = re.compile(r"\$\(([A-Za-z_]\w*)\)")


def container_environment(
    container: Object,
    config_maps: Sequence[Object],
    notes: Notes,
) -> dict[str, Setting]:
    """The plain values of a container's variables, those of ConfigMaps among the files included.

    Credentials, and values from elsewhere than a Secret, are left out with a note.
    """
    settings = _of_whole_config_maps(container, config_maps, notes)
    references = references_of(container)
    for name, entry in _variables(container.at("env"), notes):
        source = entry.at("valueFrom")
        text = _value(entry)
        if name == "HOME" and text == DIRECTORY and has_read_only_root(container):
            continue
        if name in references:
            continue
        if source.value is not None:
            found = config_map_value(source, config_maps)
            if found is None:
                notes.drop(name, _lost_source(source, what="the value"), entry)
                continue
            notes.replace(name, _written_out(source), entry)
            text = found
        if is_secret(name, text):
            notes.drop_credential(name, entry)
        else:
            value = with_kubernetes_variables(text, settings)
            settings[name] = Setting(value, entry.place)
    return settings


def unknown_variables(
    container: Object, settings: Mapping[str, Setting]
) -> dict[str, Setting]:
    """The variables whose values the files do not contain, each with its placeholder `${NAME}`, which `--set` fills."""
    references = references_of(container)
    unknown = {}
    for entry in container.at("env").items():
        name = entry.at("name").text()
        is_known = name in settings or name in references
        if entry.at("valueFrom").value is not None and not is_known:
            unknown[name] = Setting(f"${{{name}}}", entry.place)
    return unknown


def _of_whole_config_maps(
    container: Object,
    config_maps: Sequence[Object],
    notes: Notes,
) -> dict[str, Setting]:
    """The variables of `envFrom`."""
    settings: dict[str, Setting] = {}
    for source in container.at("envFrom").items():
        values = config_map_values(source, config_maps)
        if values is None:
            why = _lost_source(source, what="each variable")
            notes.drop("envFrom", why, source)
            continue
        notes.replace("envFrom", _written_out(source), source)
        for name, text in values.items():
            if is_secret(name, text):
                notes.drop_credential(name, source)
            else:
                settings[name] = Setting(text, source.place)
    return settings


def _written_out(source: Object) -> str:
    return f"env has the values of the ConfigMap {named_in(source)} themselves"


def _lost_source(source: Object, *, what: str) -> str:
    """Why the value of a variable, or the variables of `envFrom`, are lost."""
    config_map = named_in(source)
    if config_map:
        return f"the ConfigMap {config_map} is not among the files: add its file, or write {what} under env"
    secret = source.at("secretRef", "name").text()
    if secret:
        return f"write each variable under env: NAME: {{secret: {secret}, key: KEY}}"
    return "env takes plain values, required keys of Secrets, and fields of the pod"


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
