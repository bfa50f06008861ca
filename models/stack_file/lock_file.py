"""The lock file: read with the place of every value, and written.

`ascend-vllm lock` writes it next to the stack files, and `check` compares the stacks with it. The pods of a locked
service run the image of the locked digest.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as File
from typing import Any

import yaml

from models.finding import Finding, Mark
from models.stack_file.keys.locked import LOCK_FILE, LockedService, LockFile, StackLock
from models.stack_file.parse import parse
from models.stack_file.texts import Read
from models.stack_file.yaml_file import YamlFile, read_yaml

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
    span = mark.span or file.spans.get(mark.path)
    return _refused(
        f"{file.name}: {finding.message}",
        f"in {LOCK_FILE}, {finding.fix}",
        replace(mark, span=span),
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
