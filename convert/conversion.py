"""The manual's pair of files, config.yaml and run_vllm.sh, as a stack file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from convert.cluster_keys import cluster_values
from convert.draft import Draft, draft
from convert.judge import judged
from convert.leftovers import leftovers
from convert.manifest import Object, read_manifest
from convert.note import Note, assumed
from convert.pod_keys import is_ours
from convert.pods import Pod, read_pods
from convert.scope import fill
from convert.small import shortened, smallest
from convert.stand_in import stand_in
from convert.start import File
from convert.write import stack_text
from models.finding import Finding
from models.manifests import stack_objects
from models.report import Report
from models.service.resolve import resolve
from models.stack_file.parse import parse_stack

Values = dict[str, Any]

_RENDER = "render it first, as with helm template, or take what runs: kubectl get deployment NAME -o yaml"


@dataclass(frozen=True)
class Wanted:
    """What the files do not say."""

    name: str = "converted"
    """The stack."""
    file: str = "Pulumi.converted.yaml"
    """Its file, as findings shall name it."""
    context: str = ""
    """The kubeconfig's context."""
    namespace: str = ""
    """The namespace, where the objects name none or another one is wanted."""
    prefix: str = "ascend-vllm"
    """The project's name, which its keys begin with."""
    filled: Mapping[str, str] | None = None
    """Values for placeholders, by their names."""


@dataclass(frozen=True)
class Conversion:
    """A stack file, and all that is to be said of it."""

    text: str
    cluster: Values
    """As written, with all keys."""
    drafts: tuple[Draft, ...]
    objects: tuple[Object, ...]
    notes: tuple[Note, ...]
    report: Report


class ConversionError(Exception):
    """Files of which no stack file can be made: what is wrong with them, and how to mend it."""

    def __init__(self, message: str, fix: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.findings = tuple(findings)


def convert(config: File, scripts: Sequence[File], wanted: Wanted) -> Conversion:
    """Make a stack file of the manual's pair.

    Args:
        config: The objects.
        scripts: The launch scripts; none where the objects bring theirs.
        wanted: What the files do not say.

    Raises:
        ConversionError: The objects are no YAML, or nothing in them starts a server.
    """
    values = wanted.filled or {}
    config = replace(config, text=fill(config.text, values))
    scripts = [replace(script, text=fill(script.text, values)) for script in scripts]
    manifest = read_manifest(config.name, config.text)
    if any(finding.rule == "yaml-syntax" for finding in manifest.findings):
        fix = _RENDER if "{{" in config.text else "mend the form of the file"
        raise ConversionError("the objects cannot be read", fix, manifest.findings)
    if any(_has_template(one.value) for one in manifest.objects):
        raise ConversionError(f"{config.name} is a template, with values of {{{{ … }}}}", _RENDER)
    notes = [*manifest.notes]
    pods = read_pods(manifest.objects, scripts, notes)
    if not pods:
        raise ConversionError(*_nothing(config, scripts, manifest.objects))
    cluster = cluster_values(pods, manifest.objects, wanted.context, wanted.namespace, notes)
    drafts = tuple(draft(name, pod, cluster) for name, pod in _named(pods, cluster, notes).items())
    notes += leftovers(pods, manifest.objects)
    small = _smallest_cluster(cluster, drafts)
    text = stack_text(shortened(small), {one.name: shortened(one.values) for one in drafts}, wanted.prefix)
    report = judged(wanted.name, wanted.file, text, {one.name: one.values for one in drafts}, small)
    said = [*notes, *(note for one in drafts for note in one.notes)]
    return Conversion(text, small, drafts, manifest.objects, tuple(dict.fromkeys(said)), report)


def _has_template(value: Any) -> bool:
    """Whether a value is written as `{{ … }}`, which YAML reads as a mapping within another."""
    if isinstance(value, dict):
        return any(key.startswith("{'") or _has_template(below) for key, below in value.items())
    return isinstance(value, list) and any(map(_has_template, value))


def _nothing(config: File, scripts: Sequence[File], objects: Sequence[Object]) -> tuple[str, str]:
    kinds = ", ".join(sorted({one.kind for one in objects})) or "nothing"
    if not any(one.kind in ("Deployment", "Pod", "StatefulSet", "DaemonSet", "Job") for one in objects):
        swapped = any("apiVersion" in script.text for script in scripts)
        fix = (
            "name the objects first, then the script"
            if swapped
            else "name the config.yaml of the manual's Step 2 first"
        )
        return f"{config.name} has no Deployment, but {kinds}", fix
    files = ", ".join(script.name for script in scripts) or "the container's own command"
    return f"no server of vLLM is started in {files}", "name the run_vllm.sh of the manual's Step 3"


def _named(pods: Sequence[Pod], cluster: Values, notes: list[Note]) -> dict[str, Pod]:
    """The pods by the names of their services."""
    found: dict[str, Pod] = {}
    for pod in pods:
        owner = pod.owner.at("metadata", "name")
        several = sum(other.owner == pod.owner for other in pods) > 1
        name = whole = service_name(f"{owner.text()}-{pod.name}" if several else owner.text())
        number = 2
        while name in found or (number == 2 and _is_taken(pod, cluster)):
            name, number = f"{whole[:60]}-{number}", number + 1
        if name != owner.text():
            why = f"in the place of {owner.text()}" if owner.text() else "the object has none"
            if _is_taken(pod, cluster):
                why = f"{owner.text()} runs in this namespace with another selector, which can never change"
            notes.append(assumed(f"the name {name}", why, pod.owner.file, owner.line))
        found[name] = pod
    return found


def _is_taken(pod: Pod, cluster: Values) -> bool:
    """Whether an object of this name that is not ours may be in the namespace of the stack."""
    own = pod.owner.at("metadata", "namespace").text()
    there = not cluster["namespace"].get("create", True) and own in ("", cluster["namespace"]["name"])
    return pod.owner.kind == "Deployment" and there and not is_ours(pod)


def service_name(text: str) -> str:
    """A name that a service may have, made of any text."""
    cut = re.sub(r"[^a-z0-9]+", "-", PurePosixPath(text).name.lower()).strip("-")
    cut = re.sub(r"^[^a-z]+", "", cut)[:63].rstrip("-")
    return cut or "model"


def _smallest_cluster(cluster: Values, drafts: Sequence[Draft]) -> Values:
    """The keys of the cluster that the objects of the services that are whole depend on."""
    services = {one.name: one.values for one in drafts if not stand_in(one.name, one.values, cluster).odd}
    context = {key: cluster[key] for key in ("context",) if key in cluster}

    def objects(tried: Values) -> list[Any] | None:
        loaded = parse_stack("", "", {"cluster": {**context, **tried}, "services": services}, {})
        if any(finding.service is None and finding.rule != "missing-key" for finding in loaded.findings):
            return None
        stack = resolve(loaded)
        return [stack.cluster, *stack_objects(stack)]

    rest = {key: value for key, value in cluster.items() if key != "context"}
    whole = objects(rest)
    return {**context, **smallest(rest, lambda tried: whole is not None and objects(tried) == whole)}
