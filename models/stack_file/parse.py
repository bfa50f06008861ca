"""From plain values to records: the well-formed services, and the findings about the others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import Field, JsonValue, ValidationError

from models.catalog.facts import Facts
from models.finding import Finding, Mark, Path, Span
from models.record import DnsLabel, Line, Record, Text
from models.stack_file.checksums import Checksums
from models.stack_file.errors.misspelled_keys import join_misspelled_keys
from models.stack_file.errors.nearest_names import service_name
from models.stack_file.errors.other_forms.edits import with_other_forms
from models.stack_file.errors.place import in_one_line
from models.stack_file.errors.shape import shape_finding
from models.stack_file.keys.cluster import ClusterConfig
from models.stack_file.keys.kv_transfer import KvTransfer
from models.stack_file.keys.locked import LockedService, StackLock
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.limits import (
    MOST_NODES,
    MOST_PODS,
    MOST_SERVICES,
    MOST_SHAPE_FINDINGS,
    too_large,
)

T = TypeVar("T", bound=Record)

_MOST_ERRORS = 100
"""Most reported errors of one record."""


class _Named(Record):
    name: DnsLabel
    """Every object of the service bears it in the cluster."""


@dataclass(frozen=True)
class LoadedStack:
    """A stack as its files have it: the well-formed parts, and the errors in the others."""

    name: str
    file: str
    cluster: ClusterConfig
    services: Mapping[str, ServiceConfig]
    broken: tuple[str, ...] = ()
    """Services whose shape was refused; no rule runs on them."""
    accept: Mapping[str, str] = field(default_factory=dict)
    """The reasons for waived warnings about the stack as a whole, by rule."""
    kv_transfer: KvTransfer | None = None
    """Two services as one; None if there is no such pair."""
    config_jsons: Mapping[str, Facts] = field(default_factory=dict)
    """The models' own config.json files that services name, by that name."""
    checksums: Mapping[str, Checksums] = field(default_factory=dict)
    """The checksums that services name, by the name of their file."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """The ciphertexts of the stack's secret keys that services may refer to, by key."""
    locked: Mapping[str, LockedService] | None = None
    """The locked services in the stack file itself; None if it has none, as usual."""
    lock: StackLock | None = None
    """The lock of the stack; None if the lock file has no entry for it."""
    spans: Mapping[Path, Span] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    """The plain values of the project's keys; empty for a service that a program builds."""


class _Frame(Record):
    cluster: JsonValue = Field(examples=[{"context": "prod-guiyang"}])
    """Where the stack runs."""
    base: Text = Field(default="", examples=["services.yaml"])
    """File with the services that environments share."""
    services: dict[str, JsonValue] = Field(examples=[{}])
    """The model services by name."""
    kv_transfer: KvTransfer | None = None
    """Two services as one."""
    lock: dict[DnsLabel, LockedService] | None = None
    """The locked services, in place of those in the lock file."""
    accept: dict[Line, Line] = Field(default={})
    """Warnings about the stack as a whole that are waived."""


def parse(record: type[T], value: Any, path: Path) -> tuple[T | None, list[Finding]]:
    """A record, or None and all errors of its shape.

    The keys of mappings are in alphabetical order, as Pulumi passes them to the program.

    Args:
        record: The type of the record.
        value: The value in the stack file, as plain data.
        path: The path of the value, for the findings.
    """
    try:
        return _from_stack_file(record, value), []
    except ValidationError as refused:
        errors = refused.errors(include_url=False)
        findings = [
            shape_finding(record, path, details, value)
            for details in errors[:_MOST_ERRORS]
        ]
        missing = [found for found in findings if found.rule == "missing-key"]
        others = [found for found in findings if found.rule != "missing-key"]
        missing, others = join_misspelled_keys(missing, others)
        return None, missing + others


def parse_stack(
    name: str,
    file: str,
    values: Mapping[str, Any],
    spans: Mapping[Path, Span],
    *,
    complete: bool = True,
    prefix: str = "ascend-vllm",
) -> LoadedStack:
    """The stack of plain values. A refused value is a finding, and the rest is read all the same.

    Args:
        name: The stack's name.
        file: The name of its file in findings.
        values: The keys of the project.
        spans: The places of the values.
        complete: Whether missing keys are reported; not when the file could not be read.
        prefix: The project's name, which is the prefix of its keys in the file.
    """
    findings: list[Finding] = []
    frame: _Frame | None = None
    if complete:
        frame, problems = parse(_Frame, dict(values), ())
        findings += [_at_the_top(problem, prefix, values) for problem in problems]
    cluster, problems = _parse_cluster(values.get("cluster"))
    findings += problems
    configured = values.get("services")
    if not isinstance(configured, dict):
        configured = {}
    if len(configured) > MOST_SERVICES:
        findings.append(_too_many("services", len(configured), MOST_SERVICES))
        configured = {}
    services: dict[str, ServiceConfig] = {}
    for service, value in configured.items():
        if len(findings) >= MOST_SHAPE_FINDINGS:
            findings.append(_not_read(service))
            break
        config, problems = parse_service(service, value)
        findings += problems
        if config and not problems:
            services[service] = config
    pods = sum(service.replicas or 0 for service in services.values())
    if pods > MOST_PODS:
        findings.append(_too_many("pods", pods, MOST_PODS))
        services = {}
    return LoadedStack(
        name=name,
        file=file,
        cluster=cluster,
        services=services,
        broken=tuple(service for service in configured if service not in services),
        accept=frame.accept if frame else {},
        kv_transfer=frame.kv_transfer if frame else None,
        locked=frame.lock if frame else None,
        spans=spans,
        findings=tuple(findings),
        values=values,
    )


def _too_many(what: str, count: int, most: int) -> Finding:
    return too_large(
        f"the stack has {count} {what}; it may have {most}", Mark(("services",))
    )


def _not_read(service: str) -> Finding:
    """The finding about the first service that is not read, because the others have too many findings."""
    return too_large(
        f"services from {in_one_line(service)} on are not read after {MOST_SHAPE_FINDINGS} findings",
        Mark(("services", service)),
        fix="fix the other findings first",
    )


def _with_name_of_service(finding: Finding, values: Mapping[str, Any]) -> Finding:
    """A finding about a missing service of a pair, whose fix names another service of the stack."""
    pair = values.get("kvTransfer")
    path = finding.marks[-1].path
    if path[:-1] != ("kvTransfer",) or not isinstance(pair, dict):
        return finding
    services = values.get("services")
    names = [*services] if isinstance(services, dict) else []
    others = [name for name in names if name not in pair.values()]
    if not others:
        return replace(finding, fix="remove kvTransfer, or add the other service")
    return replace(finding, fix=f"write {path[-1]}: {others[0]} under kvTransfer")


def _at_the_top(finding: Finding, prefix: str, values: Mapping[str, Any]) -> Finding:
    """A finding about a key at the top, whose fix writes the key as the file has it."""
    if finding.rule != "missing-key":
        return finding
    if len(finding.marks[-1].path) > 1:
        return _with_name_of_service(finding, values)
    edit = finding.fix.removeprefix("write ")
    return replace(finding, fix=f"write {prefix}:{edit} under config")


def parse_service(name: str, value: Any) -> tuple[ServiceConfig | None, list[Finding]]:
    """A service of the stack file, and all errors of its shape and its name."""
    config, problems = parse(ServiceConfig, value, ("services", name))
    findings = check_name(name)
    problems = with_other_forms(value, problems, ServiceConfig)
    for problem in problems:
        findings.append(replace(problem, service=name))
    return config, findings


def check_name(service: str) -> list[Finding]:
    """Why a text cannot be the name of a service; empty when it can."""
    _, refused = parse(_Named, {"name": service}, ())
    return [
        replace(
            finding,
            message=f"the service's {finding.message}",
            fix=f"rename services.{in_one_line(service)} to {service_name(service)}",
            marks=(Mark(("services", service)),),
            service=service,
        )
        for finding in refused
    ]


def _parse_cluster(value: Any) -> tuple[ClusterConfig, list[Finding]]:
    """The cluster. Refused keys are left out, so that the rules can judge the services all the same."""
    if value is None:
        return _unknown_cluster({}), []
    cluster, findings = parse(ClusterConfig, value, ("cluster",))
    if cluster:
        return _of_a_possible_size(cluster)
    if not isinstance(value, dict):
        return _unknown_cluster({}), findings
    kept = dict(value)
    for finding in findings:
        for mark in finding.marks:
            if len(mark.path) > 1:
                kept.pop(mark.path[1], None)
    cluster, _ = parse(ClusterConfig, {"context": "unknown", **kept}, ("cluster",))
    if cluster:
        possible, problems = _of_a_possible_size(cluster)
        return possible, findings + problems
    return _unknown_cluster({}), findings


def _of_a_possible_size(
    cluster: ClusterConfig,
) -> tuple[ClusterConfig, list[Finding]]:
    """The cluster, without pools that have more nodes than a cluster can have."""
    nodes = sum(pool.nodes for pool in cluster.pools.values())
    if nodes <= MOST_NODES:
        return cluster, []
    finding = too_large(
        f"the pools have {nodes} nodes; they may have {MOST_NODES}",
        Mark(("cluster", "pools")),
        fix="write the nodes that this stack may use",
    )
    return cluster.model_copy(update={"pools": {}}), [finding]


def _unknown_cluster(known: Mapping[str, Any]) -> ClusterConfig:
    return _from_stack_file(ClusterConfig, {"context": "unknown", **known})


def _from_stack_file(record: type[T], value: Any) -> T:
    """A record made of a value with the keys of a stack file. The fields' Python names are unknown keys here."""
    return record.model_validate_json(
        json.dumps(value, sort_keys=True), by_alias=True, by_name=False
    )
