"""Converts the manual's pair of files, config.yaml and run_vllm.sh, into a stack file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from convert.claim_keys import created_claims
from convert.cluster_keys import cluster_values
from convert.draft import Draft, draft
from convert.findings import findings_of
from convert.minimal import Values, minimal, with_scalars
from convert.note import Note, Notes, assumed
from convert.objects import Object, ObjectFile, read_objects
from convert.placeholder import filled
from convert.pod_keys import is_ours
from convert.pods import Pod, read_pods
from convert.server_start import File
from convert.stack_yaml import stack_text
from convert.stand_in import stand_in
from convert.unsupported import gpu_notes, unsupported
from models.finding import Finding
from models.manifests import stack_objects
from models.report import Report
from models.service.resolve import resolve
from models.stack_file.parse import parse_stack
from models.stack_file.yaml_file import UNREADABLE

_RENDER = "render it first, such as with helm template, or read the cluster: kubectl get deployment NAME -o yaml"
_WORKLOADS = ("Deployment", "Pod", "StatefulSet", "DaemonSet", "Job")
_LONGEST_NAME = 63
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
    prefix: str = "ascend-vllm"
    """The name of the project, with which the keys of the stack file begin."""
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


class ConversionError(Exception):
    """The files cannot be converted.

    Args:
        message: The problem.
        fix: What to do.
        findings: The errors of the YAML, if it cannot be read.
    """

    def __init__(
        self,
        message: str,
        fix: str,
        findings: Sequence[Finding] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.findings = tuple(findings)


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
    values = options.filled or {}
    config = replace(config, text=filled(config.text, values))
    scripts = [replace(script, text=filled(script.text, values)) for script in scripts]
    object_file = _read_config(config)
    objects = object_file.objects
    notes = Notes(object_file.notes)
    pods = read_pods(objects, scripts, notes, given=values)
    if not pods:
        raise _no_server(config, scripts, objects)
    cluster = cluster_values(
        pods,
        objects,
        context=options.context,
        namespace=options.namespace,
        notes=notes,
    )
    pods_by_name = _pods_by_name(pods, cluster, notes)
    claims = created_claims(objects)
    drafts = []
    for name, pod in pods_by_name.items():
        service = draft(
            name,
            pod,
            cluster,
            settings=values,
            claims=claims,
        )
        drafts.append(service)
    notes += unsupported(pods, objects)
    notes[:0] = gpu_notes(notes)
    for service in drafts:
        notes += service.notes
    return _conversion(drafts, cluster, objects, notes, options)


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
        options.prefix,
    )
    report = findings_of(
        text,
        stack=options.name,
        file=options.file,
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
        fix = _RENDER if "{{" in config.text else "fix the YAML at the lines above"
        raise ConversionError("the objects cannot be read", fix, object_file.findings)
    if any(_is_template(item.value) for item in object_file.objects):
        raise ConversionError(
            f"{config.name} is a template: it contains {{{{ … }}}}", _RENDER
        )
    return object_file


def _is_template(value: Any) -> bool:
    """Whether a value contains `{{ … }}`, which YAML reads as a mapping in a mapping."""
    if isinstance(value, dict):
        has_nested_key = any(key.startswith("{'") for key in value)
        return has_nested_key or any(_is_template(item) for item in value.values())
    if isinstance(value, list):
        return any(_is_template(item) for item in value)
    return False


def _no_server(
    config: File,
    scripts: Sequence[File],
    objects: Sequence[Object],
) -> ConversionError:
    """The error for files in which no container starts a server."""
    kinds = sorted({item.kind for item in objects})
    if any(kind in _WORKLOADS for kind in kinds):
        files = (
            ", ".join(script.name for script in scripts)
            or "the command of any container"
        )
        return ConversionError(
            f"no server of vLLM is started in {files}",
            "add the run_vllm.sh of the manual's Step 3 to the command line",
        )
    is_swapped = any("apiVersion" in script.text for script in scripts)
    fix = "begin the command line with the config.yaml of the manual's Step 2"
    if is_swapped:
        fix = "write the file of the objects first, then the script"
    content = ", ".join(kinds) or "nothing"
    return ConversionError(f"{config.name} has no Deployment, but {content}", fix)


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
        if name != pod.owner.name:
            notes.append(_renamed(pod, name, is_taken=is_taken))
        found[name] = pod
    return found


def _service_name(pod: Pod, pods: Sequence[Pod]) -> str:
    """The name of the object; with the name of the container if the object has several servers."""
    name = pod.owner.name
    servers = [other for other in pods if other.owner == pod.owner]
    if len(servers) > 1:
        name = f"{name}-{pod.name}"
    return service_name(name)


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
