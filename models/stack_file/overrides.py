"""The changes of a stack to its base file: removals that remove nothing, misspelled services, no service left."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.finding import Finding, Mark, Path
from models.stack_file.base_file import WithBase
from models.stack_file.errors.place import dotted, in_one_line
from models.stack_file.errors.unknown_keys import nearest
from models.words import listed


def with_override_findings(
    findings: Sequence[Finding],
    overrides: Any,
    merged: WithBase,
    prefix: str,
    reported: Collection[Path],
) -> list[Finding]:
    """The findings about the shape of the services, with those about the changes of the base file.

    Args:
        findings: The findings about the shape of the services.
        overrides: The services of the stack file.
        merged: The values of the stack and of its base file.
        prefix: The project's name, which is the prefix of its keys in the file.
        reported: The paths of values that are refused already. They are null because they have no JSON.
    """
    found = list(findings)
    if isinstance(overrides, dict) and merged.base_file:
        found = _join_misspelled_services(found, overrides, merged)
    removals = _removals_of_nothing(
        overrides, merged.base, ("services",), merged.base_file
    )
    found += [removal for removal in removals if removal.marks[0].path not in reported]
    is_base_refused = bool(merged.values.get("base")) and not merged.base_file
    if merged.values.get("services") == {} and not is_base_refused:
        found.append(_no_services(merged, prefix))
    return found


def _removals_of_nothing(
    patch: Any, base: Any, path: Path, base_file: str
) -> Iterator[Finding]:
    """A finding for each `null` of a stack that removes nothing of its base file.

    In a stack without a base file, only a service that is `null` is reported: an empty key of a service is its default.

    Args:
        patch: A value of the stack.
        base: The value of the base file in the same place; None if it has none.
        path: The path of both.
        base_file: The name of the base file; empty if the stack has none.
    """
    if not isinstance(patch, dict):
        return
    known = base if isinstance(base, dict) else {}
    for key, value in patch.items():
        where = (*path, key)
        if value is None and key not in known:
            others = {name: None for name in known if name not in patch}
            yield _removes_nothing(where, nearest(key, others), base_file)
        elif base_file:
            yield from _removals_of_nothing(value, known.get(key), where, base_file)


def _removes_nothing(path: Path, near: str | None, base_file: str) -> Finding:
    key = in_one_line(path[-1])
    if base_file:
        reason = f"{base_file} has no {dotted(path)}"
    else:
        reason = "the stack has no base file"
    if near:
        fix = f"rename {key} to {near}"
    else:
        fix = f"remove {dotted(path)}"
    return Finding(
        rule="removes-nothing",
        severity="no-effect",
        message=f"{key}: null removes nothing: {reason}",
        why="null removes a value of the base file; without such a value it has no effect (RFC 7386)",
        fix=fix,
        marks=(Mark(path),),
        service=path[1],
    )


def _join_misspelled_services(
    findings: Sequence[Finding], overrides: Mapping[str, Any], merged: WithBase
) -> list[Finding]:
    """The findings, with one instead of many for an override whose service is misspelled.

    `qwem: {npus: 2}` lacks an image, a model and a length, because the base file calls the service qwen.
    """
    base = merged.base
    names_left = {name: None for name in base if name not in overrides}
    misspelled: dict[str, str] = {}
    for name in overrides.keys() - base.keys():
        near = nearest(name, names_left)
        if near:
            misspelled[name] = near
    joined: list[Finding] = []
    missing: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.rule == "missing-key" and finding.service in misspelled:
            missing.setdefault(finding.service, []).append(finding)
        else:
            joined.append(finding)
    for name, parts in missing.items():
        joined.append(
            _misspelled_service(name, misspelled[name], parts, merged.base_file)
        )
    return joined


def _misspelled_service(
    name: str, near: str, missing: Sequence[Finding], base_file: str
) -> Finding:
    path = ("services", name)
    keys = [part.marks[-1].path[-1] for part in missing]
    verb = "is" if len(keys) == 1 else "are"
    return replace(
        missing[0],
        message=f"{base_file} has no service {name!r}, and {listed(keys)} {verb} missing",
        fix=f"rename {dotted(path)} to {near}",
        marks=(Mark(path),),
    )


def _no_services(merged: WithBase, prefix: str) -> Finding:
    """A stack without a service. `accept` waives it."""
    waiver = "{no-services: nothing is to run here}"
    accept = f"write {prefix}:accept: {waiver} under config"
    removed = sorted(merged.base)
    if removed:
        message = f"the stack removes every service of {merged.base_file}"
        fix = f"remove services.{removed[-1]} to keep this service, or {accept}"
        marks = [Mark(("services", name)) for name in (removed[-1], *removed[:-1])]
    else:
        message = "the stack has no services"
        fix = f"add a service under {prefix}:services, or {accept}"
        marks = [Mark(("services",))]
    return Finding(
        rule="no-services",
        severity="warning",
        message=message,
        why="pulumi up deletes every service that runs for this stack",
        fix=fix,
        marks=tuple(marks),
    )
