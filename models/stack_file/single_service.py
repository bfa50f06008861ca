"""A service that a program builds in Python, as a stack of one service without a stack file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from models.finding import Finding, Mark
from models.secret_reference import StackSecret
from models.stack_file.keys.cluster import ClusterConfig
from models.stack_file.keys.pull_secret import StackPullSecret
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.load import Read, disk
from models.stack_file.named_files import read_named
from models.stack_file.parse import LoadedStack, check_name
from models.stack_file.secrets import references


def single_service(
    name: str,
    config: ServiceConfig,
    cluster: ClusterConfig,
    directory: File | None = None,
    read: Read = disk,
) -> LoadedStack:
    """A stack with this service only; problems are findings of the stack.

    Args:
        name: Name of the service and of its objects in the cluster.
        config: The service.
        cluster: The cluster that the service runs in.
        directory: Directory for `model.configJson` and `model.verify`; the working directory by default.
        read: Reads a file; the disk by default.
    """
    facts, unreadable_facts = _read(
        name, config, "configJson", directory or File(), read
    )
    checksums, unreadable_files = _read(
        name, config, "verify", directory or File(), read
    )
    findings = [
        *check_name(name),
        *_config_references(name, config),
        *unreadable_facts,
        *unreadable_files,
    ]
    stack = LoadedStack(
        name, "", cluster, {name: config}, config_jsons=facts, checksums=checksums
    )
    return replace(stack, findings=tuple(findings))


def _read(
    service: str, config: ServiceConfig, key: str, directory: File, read: Read
) -> tuple[dict[str, Any], list[Finding]]:
    """The content of the file that a key of the model names, by the file's name; and why it is unreadable."""
    if key == "verify":
        file, rule = config.model.verify, "weight-files"
    else:
        file, rule = config.model.config_json, "config-json"
    if not file:
        return {}, []
    content, findings = read_named(
        rule, directory / file, ("services", service, "model", key), read
    )
    if content is None:
        return {}, findings
    return {file: content}, findings


def _config_references(service: str, config: ServiceConfig) -> Iterator[Finding]:
    """References to secret keys of a stack file."""
    for path, reference in references(config, ("services", service)):
        if isinstance(reference, StackSecret | StackPullSecret):
            yield Finding(
                rule="config-secret",
                severity="error",
                message=f"{{config: {reference.config}}} refers to a secret key of a stack file",
                why="a service that is built in Python has no stack file",
                fix=f"create a Secret in the program, and refer to it: {{secret: {reference.config}, key: …}}",
                marks=(Mark(path),),
                service=service,
            )
