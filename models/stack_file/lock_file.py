"""The lock file: read with the place of every value, and written.

`ascend-vllm lock` writes it next to the stack files, and `check` compares the stacks with it. The pods of a locked
service run the image of the locked digest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as File
from typing import Any

import yaml

from models.finding import Finding, Mark
from models.stack_file.keys.locked import LOCK_FILE, LockedService, LockFile, StackLock
from models.stack_file.parse import parse
from models.stack_file.texts import Read
from models.stack_file.yaml_file import YamlFile, read_yaml

_KEYS_OF_ENTRY = 3
"""Keys that lead to the entry of a service: stacks, the stack and the service."""
_HEADER = """\
# Written by `ascend-vllm lock`; `ascend-vllm check` compares the stacks with it. Commit it with the stack files.
"""


def read_lock(directory: File, read: Read) -> tuple[LockFile | None, YamlFile]:
    """The content of the lock file of a directory, and the file with the findings about its form.

    Without a lock file the content is None and there are no findings.
    """
    name = str(directory / LOCK_FILE)
    try:
        text = read(directory / LOCK_FILE)
    except FileNotFoundError:
        return None, YamlFile(name)
    except OSError as problem:
        message = f"{name} cannot be read: {problem.strerror}"
        fix = f"make {LOCK_FILE} readable"
        return None, YamlFile(name, findings=[_refused(message, fix, Mark(()))])
    file = read_yaml(name, text)
    content = None
    if not file.findings and not isinstance(file.value, dict):
        return None, YamlFile(name, findings=[_no_mapping(name)])
    if not file.findings:
        content, file.findings = parse(LockFile, file.value, ())
    file.findings = [_in_the_file(finding, file) for finding in file.findings]
    return content, file


def stack_lock(
    stack: str, directory: File, read: Read
) -> tuple[StackLock | None, list[Finding]]:
    """The entry of a stack in the lock file, or None. Also the findings about the file."""
    content, file = read_lock(directory, read)
    if content is None or stack not in content.stacks:
        return None, file.findings
    above = ("stacks", stack)
    services: dict[str, LockedService] = {}
    findings: list[Finding] = []
    for name, value in content.stacks[stack].items():
        service, found = parse(LockedService, value, (*above, name))
        findings += [_in_the_file(finding, file) for finding in found]
        if service:
            services[name] = service
    spans = {
        path[len(above) :]: span
        for path, span in file.spans.items()
        if path[: len(above)] == above
    }
    broken = content.stacks[stack].keys() - services.keys()
    return StackLock(file.name, services, frozenset(broken), spans), findings


def plain_entry(service: LockedService) -> dict[str, Any]:
    """The entry of a service as plain data, without the facts that are not known."""
    plain: dict[str, Any] = service.model_dump(by_alias=True, exclude_none=True)
    return plain


def lock_text(content: LockFile) -> str:
    """The text of a lock file: the same text for the same content, stacks and services in alphabetical order."""
    stacks = {}
    for stack in sorted(content.stacks):
        services = content.stacks[stack]
        stacks[stack] = {name: services[name] for name in sorted(services)}
    document = {"version": content.version, "stacks": stacks}
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
    return _HEADER + body


def _in_the_file(finding: Finding, file: YamlFile) -> Finding:
    """A finding about a value of the lock file, with its place there."""
    mark = finding.marks[0] if finding.marks else Mark(())
    mark = replace(mark, span=mark.span or file.spans.get(mark.path))
    fix = finding.fix
    if finding.rule == "missing-key":
        fix = _fix_of_missing_key(finding)
    elif isinstance(_value_at(file.value, mark.path), float):
        fix = _fix_with_quotes(mark) or fix
    message = f"{file.name}: {finding.message}"
    return _refused(message, f"in {LOCK_FILE}, {fix}", mark)


def _fix_of_missing_key(finding: Finding) -> str:
    """How to get a missing key. All keys of a service that must not be missing follow from its stack file."""
    path = finding.marks[-1].path
    if path[0] != "stacks" or len(path) < _KEYS_OF_ENTRY:
        return finding.fix
    stack = path[1]
    entry = ".".join(path[:_KEYS_OF_ENTRY])
    return f"remove {entry}, and run ascend-vllm lock {stack}"


def _fix_with_quotes(mark: Mark) -> str | None:
    """The fix of a version that YAML reads as a number: 3.10 is 3.1, so its digits are taken from the line."""
    if mark.span is None:
        return None
    key = mark.path[-1]
    written = re.search(rf"\b{re.escape(key)}: *([0-9.]+)", mark.span.text)
    return f'write {key}: "{written[1]}"' if written else None


def _value_at(value: Any, path: Sequence[str]) -> Any:
    """The value at a path, or None."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _no_mapping(name: str) -> Finding:
    """The finding about a lock file that is empty or consists of something else than keys."""
    return _refused(
        f"{name} has neither version nor stacks",
        f"remove {LOCK_FILE}, and run ascend-vllm lock",
        Mark(()),
    )


def _refused(message: str, fix: str, mark: Mark) -> Finding:
    return Finding(
        rule="lock-file",
        severity="error",
        message=message,
        why="the stack cannot be compared with a lock file that cannot be read",
        fix=fix,
        marks=(mark,),
    )
