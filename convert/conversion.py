"""Converts the manual's pair of files, config.yaml and run_vllm.sh, into a stack file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from convert.docker.compose import is_compose
from convert.draft import Draft, draft
from convert.findings import findings_of
from convert.groups.joined import servers_of
from convert.input_files import InputFiles, sorted_files
from convert.keys.additional import additional_values
from convert.keys.claims import created_claims
from convert.keys.cluster import cluster_values
from convert.keys.expose import expose
from convert.keys.kv_transfer import kv_transfer
from convert.keys.pod import is_ours
from convert.minimal import Values, minimal, with_scalars
from convert.note import Note, Notes, assumed, dropped
from convert.objects import NO_OBJECT, Object, ObjectFile, read_objects
from convert.placeholder import filled
from convert.pods import Pod, read_pods
from convert.refused_files import (
    RENDER,
    ConversionError,
    is_template,
    no_server,
    way_to_read,
)
from convert.server_start import File
from convert.stack_yaml import stack_text
from convert.stand_in import stand_in
from convert.unsupported.fields import unsupported
from convert.unsupported.resources import gpu_notes
from convert.workloads import runs_groups
from convert.written_objects import compose_objects, script_objects
from models.manifests import stack_objects
from models.manifests.metadata import INSTANCE_LABEL
from models.report import Report
from models.service.resolve import resolve
from models.stack_file.parse import parse_stack
from models.stack_file.project import read_project
from models.stack_file.yaml_file import UNREADABLE

_LONGEST_NAME = 63
_REFUSED_NAME = "vllm"
"""A name for which Kubernetes sets VLLM_PORT, which vLLM reads as a number."""
_NO_NAME_CHARACTERS = re.compile(r"[^a-z0-9]+")
_NO_LETTERS_FIRST = re.compile(r"^[^a-z]+")


@dataclass(frozen=True)
class Options:
    """The values of the command line, which the files do not contain."""

    name: str = "converted"
    """The name of the stack."""
    file: str = "Pulumi.converted.yaml"
    """The name of the stack file in findings."""
    context: str = ""
    """The context of the kubeconfig."""
    namespace: str = ""
    """A namespace that exists, for all services."""
    project: Path = Path()
    """The directory of the project, whose name the keys of the stack file begin with."""
    filled: Mapping[str, str] | None = None
    """The values of placeholders by name."""


@dataclass(frozen=True)
class Conversion:
    """A stack file, with everything to report about it."""

    text: str
    cluster: Values
    """The keys of the cluster, without scalars that stand for records."""
    drafts: tuple[Draft, ...]
    objects: tuple[Object, ...]
    notes: tuple[Note, ...]
    report: Report

    @property
    def loses(self) -> bool:
        """Whether something of the files is not in the stack file, and nothing has its place."""
        return any(note.kind == "dropped" for note in self.notes)


def convert(
    config: File,
    scripts: Sequence[File],
    options: Options,
) -> Conversion:
    """Convert Kubernetes objects and launch scripts into a stack file.

    Args:
        config: The file of the objects.
        scripts: The launch scripts; empty if the objects contain them.
        options: The values of the command line.

    Raises:
        ConversionError: The objects cannot be read, or no container starts a server.
    """
    files = InputFiles(objects=[config], scripts=[*scripts])
    return _convert(files, options)


def convert_files(files: Sequence[File], options: Options) -> Conversion:
    """Convert files of any form, in any order: objects, Compose files, scripts, `docker run` lines.

    Args:
        files: The files. Their contents show their kinds.
        options: The values of the command line.

    Raises:
        ConversionError: The objects cannot be read, or no container starts a server.
    """
    return _convert(sorted_files(files), options)


def _convert(files: InputFiles, options: Options) -> Conversion:
    values = options.filled or {}
    configs = _filled_files(files.objects, values)
    scripts = _filled_files(files.scripts, values)
    further = _filled_files(files.further, values)
    notes = Notes(files.notes)
    content = _read_configs(configs, files.variables, values, notes)
    objects = content.objects
    if not configs:
        objects = _read_scripts(scripts, further, values, notes)
    pods = read_pods(objects, scripts, further, notes, set_values=values)
    if not pods:
        names = [config.name for config in configs]
        raise no_server(names, scripts, objects, content.others)
    servers = servers_of(pods, notes)
    pods = servers.pods
    if not pods:
        raise no_server(
            [config.name for config in configs], scripts, objects, content.others
        )
    cluster = cluster_values(
        pods,
        objects,
        context=options.context,
        namespace=options.namespace,
        notes=notes,
    )
    claims = created_claims(objects)
    drafts = []
    for name, pod in _pods_by_name(pods, cluster, notes).items():
        service = draft(
            name,
            pod,
            cluster,
            settings=values,
            claims=claims,
            additional=additional_values(pod, objects),
        )
        access = expose(pod, objects)
        if access:
            service.values["expose"] = access
        drafts.append(service)
    notes += unsupported(pods, objects, servers.workers)
    for service in drafts:
        notes += service.notes
    notes[:0] = gpu_notes(notes)
    return _conversion(drafts, cluster, objects, notes, options)


def _filled_files(files: Sequence[File], values: Mapping[str, str]) -> list[File]:
    return [replace(file, text=filled(file.text, values)) for file in files]


@dataclass(frozen=True)
class _Content:
    """The content of the files with objects."""

    objects: tuple[Object, ...]
    others: tuple[Object, ...]
    """Mappings that are no objects."""


def _read_configs(
    configs: Sequence[File],
    variables: Sequence[File],
    values: Mapping[str, str],
    notes: Notes,
) -> _Content:
    """The objects of all files, with those of Compose files."""
    objects: list[Object] = []
    others: list[Object] = []
    for config in configs:
        object_file = _read_config(config)
        objects += object_file.objects
        read_notes = [*object_file.notes]
        for document in object_file.others:
            if is_compose(document):
                read_notes.remove(dropped("a document", NO_OBJECT, document))
                objects += compose_objects(document, variables, values, notes)
            else:
                others.append(document)
        notes += read_notes
    return _Content(tuple(objects), tuple(others))


def _read_scripts(
    scripts: Sequence[File],
    further: Sequence[File],
    values: Mapping[str, str],
    notes: Notes,
) -> tuple[Object, ...]:
    """The objects of scripts that come alone."""
    written = script_objects(scripts, further, values, notes)
    filled_objects = []
    for item in written:
        value = _filled_value(item.value, values)
        filled_objects.append(replace(item, value=value))
    return tuple(filled_objects)


def _filled_value(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled_value(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled_value(item, values) for item in value]
    if isinstance(value, str):
        return filled(value, values)
    return value


def _conversion(
    drafts: Sequence[Draft],
    cluster: Values,
    objects: Sequence[Object],
    notes: Sequence[Note],
    options: Options,
) -> Conversion:
    cluster = _minimal_cluster(cluster, drafts)
    services = {service.name: service.values for service in drafts}
    text = stack_text(
        with_scalars(cluster),
        {name: with_scalars(values) for name, values in services.items()},
        read_project(options.project).name,
        kv_transfer=kv_transfer(drafts, objects),
    )
    report = findings_of(
        text,
        stack=options.name,
        file=options.file,
        project=options.project,
        services=services,
        cluster=cluster,
    )
    return Conversion(
        text=text,
        cluster=cluster,
        drafts=tuple(drafts),
        objects=tuple(objects),
        notes=tuple(dict.fromkeys(notes)),
        report=report,
    )


def _read_config(config: File) -> ObjectFile:
    """Read the objects; raise for broken YAML and for templates."""
    object_file = read_objects(config.name, config.text)
    if any(finding.rule in UNREADABLE for finding in object_file.findings):
        fix = way_to_read(config.text, object_file.findings)
        raise ConversionError("the objects cannot be read", fix, object_file.findings)
    if is_template(object_file.findings):
        raise ConversionError(
            f"{config.name} is a template: it contains {{{{ … }}}}", RENDER
        )
    return object_file


def _pods_by_name(
    pods: Sequence[Pod],
    cluster: Values,
    notes: Notes,
) -> dict[str, Pod]:
    """The pods by the names of their services."""
    found: dict[str, Pod] = {}
    for pod in pods:
        base = _service_name(pod, pods)
        name = base
        number = 2
        is_taken = _is_taken(pod, cluster)
        while name in found or (is_taken and name == base):
            name = f"{base[:60]}-{number}"
            number += 1
        if name != _object_name(pod):
            notes.append(_renamed(pod, name, is_taken=is_taken))
        found[name] = pod
    return found


def _service_name(pod: Pod, pods: Sequence[Pod]) -> str:
    """The name of the object; with the name of the container if the object has several servers."""
    name = _object_name(pod)
    servers = [other for other in pods if other.owner == pod.owner]
    if len(servers) > 1:
        name = f"{name}-{_part_name(pod)}"
    name = service_name(name)
    if name == _REFUSED_NAME:
        return f"{name}-server"
    return name


def _part_name(pod: Pod) -> str:
    """The name of a container among several servers of an object; that of the task in a Volcano Job."""
    *keys, _ = pod.keys or ("",)
    task = pod.owner.at(*keys, "name").text() if keys else ""
    return task or pod.name


def _object_name(pod: Pod) -> str:
    """The name of the object; that of the service if this program has made the object of its group."""
    if is_ours(pod) and runs_groups(pod.owner):
        return str(pod.owner.labels.get(INSTANCE_LABEL, ""))
    return pod.owner.name


def _renamed(
    pod: Pod,
    name: str,
    *,
    is_taken: bool,
) -> Note:
    """A note about a service that is not named like its object."""
    old_name = pod.owner.name
    if is_taken:
        why = f"{old_name} already runs in this namespace with another selector, which can never change"
    elif old_name:
        why = f"instead of {old_name}"
    else:
        why = "the object has no name"
    return assumed(f"the name {name}", why, pod.owner.at("metadata", "name"))


def _is_taken(pod: Pod, cluster: Values) -> bool:
    """Whether a Deployment with this name, which this program did not make, may be in the namespace of the stack."""
    namespace = cluster["namespace"]
    creates_namespace = namespace.get("create", True)
    if pod.owner.kind != "Deployment" or creates_namespace or is_ours(pod):
        return False
    return pod.namespace in ("", namespace["name"])


def service_name(text: str) -> str:
    """The name of a service, made from any text."""
    lower = PurePosixPath(text).name.lower()
    name = _NO_NAME_CHARACTERS.sub("-", lower).strip("-")
    name = _NO_LETTERS_FIRST.sub("", name)[:_LONGEST_NAME].rstrip("-")
    return name or "model"


def _minimal_cluster(cluster: Values, drafts: Sequence[Draft]) -> Values:
    """The context, and the keys of the cluster that make a difference for the services that can be resolved."""
    services = {}
    for service in drafts:
        if not stand_in(service.name, service.values, cluster).replaced:
            services[service.name] = service.values
    context: Values = {}
    others = dict(cluster)
    if "context" in others:
        context["context"] = others.pop("context")

    def objects(candidate: Values) -> list[Any] | None:
        loaded = parse_stack(
            "", "", {"cluster": {**context, **candidate}, "services": services}, {}
        )
        of_cluster = [finding for finding in loaded.findings if finding.service is None]
        if any(finding.rule != "missing-key" for finding in of_cluster):
            return None
        stack = resolve(loaded)
        return [stack.cluster, *stack_objects(stack)]

    whole = objects(others)
    if whole is None:
        return {**context, **others}
    return {**context, **minimal(others, lambda candidate: objects(candidate) == whole)}
