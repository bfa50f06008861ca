"""The errors for files from which no stack file can be made, each with the way out."""

from __future__ import annotations

from collections.abc import Sequence

from convert.objects import Object
from convert.server.container_command import command_words
from convert.server.distributed import WAY, launcher_of, reason_against
from convert.server.foreign_script import container_with_script_of_another
from convert.server_start import File
from convert.workloads import WORKLOADS, refusal, templates
from models.finding import Finding
from models.stack_file.yaml_nodes import MAPPING_AS_KEY

RENDER = "render it first, such as with helm template, or read the cluster: kubectl get deployment NAME -o yaml"

_HELM_KEYS = (
    "servingEngineSpec",
    "modelSpec",
    "replicaCount",
    "modelService",
    "fullnameOverride",
    "nameOverride",
    "decode",
    "prefill",
    "podAnnotations",
    "autoscaling",
)
"""Keys by which the values of a Helm chart are recognised."""


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


def is_template(findings: Sequence[Finding]) -> bool:
    """Whether a file that was read contains `{{ … }}`, by the findings about it."""
    return any(finding.message == MAPPING_AS_KEY for finding in findings)


def way_to_read(text: str, findings: Sequence[Finding]) -> str:
    """What to do with a file that cannot be read."""
    if any(finding.rule == "stack-size" for finding in findings):
        return "write only the objects of the server into a file, and convert that file"
    if "{{" in text:
        return RENDER
    return "fix the YAML at the lines above"


def no_server(
    names: Sequence[str],
    scripts: Sequence[File],
    objects: Sequence[Object],
    others: Sequence[Object],
) -> ConversionError:
    """The error for files in which no container starts a server.

    Args:
        names: The names of the files with objects.
        scripts: The scripts.
        objects: The objects.
        others: Mappings that are no objects.
    """
    launcher = _launcher(scripts, objects)
    if launcher:
        return ConversionError(f"{reason_against(launcher)}: it is no service", WAY)
    for item in objects:
        refused = refusal(item)
        if refused:
            title = f"{item.name or item.file} {refused.sentence}"
            return ConversionError(title, refused.fix)
    for document in others:
        error = _other_document(document)
        if error:
            return error
    kinds = sorted({item.kind for item in objects})
    if any(kind in WORKLOADS for kind in kinds):
        return _no_command(scripts, objects)
    if scripts and not names:
        named = dict.fromkeys(script.written_by or script.name for script in scripts)
        files = ", ".join(named)
        return ConversionError(
            f"no server of vLLM is started in {files}",
            "name the file with the command: vllm serve, python -m vllm.entrypoints.openai.api_server, or docker run",
        )
    content = f"no Deployment, but {', '.join(kinds)}"
    fix = "add the file with the Deployment, or with another object that runs the pods"
    if not kinds:
        content = "no Kubernetes object, and no service of a Compose file"
        fix = "name a file with a Deployment, a Compose file, or a script with the command: vllm serve or docker run"
    if any(_is_of_controller(item) for item in objects):
        fix = "convert what their controller made: kubectl get deployment,statefulset,leaderworkerset -o yaml"
    return ConversionError(f"{', '.join(names)} has {content}", fix)


def _launcher(scripts: Sequence[File], objects: Sequence[Object]) -> str:
    """The launcher of PyTorch that a script or a container starts vLLM with; empty if none does."""
    texts = [script.text for script in scripts]
    for item in objects:
        for keys in templates(item):
            for container in item.at(*keys, "spec", "containers").items():
                words = command_words(container.at("command"))
                words += command_words(container.at("args"))
                texts.append(" ".join(word.text() for word in words))
    found = (launcher_of(text) for text in texts)
    return next((launcher for launcher in found if launcher), "")


def _is_of_controller(item: Object) -> bool:
    """Whether a controller that Kubernetes does not have makes pods of an object."""
    group, slash, _ = item.at("apiVersion").text().partition("/")
    return bool(slash) and "." in group and not group.endswith(".k8s.io")


def _no_command(scripts: Sequence[File], objects: Sequence[Object]) -> ConversionError:
    """The error for containers whose command starts no server."""
    for item in objects:
        script = container_with_script_of_another(item)
        if script:
            return ConversionError(
                f"the engine's command is written by another container at run time: {script}",
                "write the command that it writes into a file, and name it on the command line",
            )
    files = (
        ", ".join(script.name for script in scripts) or "the command of any container"
    )
    return ConversionError(
        f"no server of vLLM is started in {files}",
        "add the script that the container runs to the command line, such as the manual's run_vllm.sh",
    )


def _other_document(document: Object) -> ConversionError | None:
    """The error for a mapping that is no object, if it is known."""
    keys = [str(key) for key in document.mapping()]
    if any(key in _HELM_KEYS for key in keys):
        return ConversionError(
            f"{document.file} has no objects: these are values of a Helm chart",
            "render them (helm template) first: helm template CHART -f VALUES | ascend-vllm convert -",
        )
    if any(key.endswith(":services") for key in document.at("config").mapping()):
        return ConversionError(
            f"{document.file} is a stack file already",
            f"check it: ascend-vllm check {document.file}",
        )
    return None
