"""A stack under another engine release: the new stack file, and what changes."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as File

from migrate.consequences import consequences
from migrate.defaults import Default, differing_defaults, words
from migrate.document import StackDocument
from migrate.errors import MigrationError
from migrate.findings import apply_fix, is_about_weights, is_applied
from migrate.images import new_image
from migrate.renamed import renamed_flags
from migrate.report import Change, MigratedService, Migration
from models.check import check
from models.engines.release import Release
from models.engines.releases import release_of_image
from models.finding import Finding
from models.launch.launch import launch
from models.service.lock import configured_image
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.load import Read, load_text, read_project
from models.stack_file.yaml_file import read_yaml
from models.words import either
from models.yaml_scalar import as_yaml


@dataclass(frozen=True)
class Wish:
    """The options of the command."""

    release: Release
    services: Sequence[str] = ()
    """The services to migrate; all if it is empty."""
    images: Mapping[str, str] = field(default_factory=dict)
    """The images from the command line, by service."""
    take_defaults: bool = False
    """Whether services take the defaults of the new release."""


def migrate(
    stack: ResolvedStack, text: str, project: File, read: Read, wish: Wish
) -> Migration:
    """Migrate the services of a stack.

    Args:
        stack: The stack under its present releases, without errors.
        text: The text of its stack file.
        project: The directory of Pulumi.yaml.
        read: Reads a file.
        wish: What the user wants.

    Raises:
        MigrationError: The stack has errors, or a service cannot be migrated.
    """
    _refuse_errors(stack)
    chosen = _chosen(stack, wish)
    document = StackDocument(
        text,
        read_project(project, read).name,
        _base_services(stack, text, project, read),
    )
    reload = _Reload(stack, project, read)
    changes = _migrated_settings(chosen, document, reload, wish)
    _refuse_changes_of_others(chosen, stack, reload(document))
    for finding in _new_findings(stack, reload(document)):
        name = _concerned(finding, list(changes))
        changes[name].append(_left(finding, wish.release))
    services = []
    for service in chosen:
        services.append(
            MigratedService(
                name=service.name,
                old=service.release.version,
                new=wish.release.version,
                changes=tuple(changes[service.name]),
            )
        )
    old_releases = {service.release for service in chosen}
    return Migration(
        stack=stack.name,
        file=stack.file,
        text=document.text,
        services=tuple(services),
        consequences=tuple(consequences(old_releases, wish.release)),
        unchanged=[
            service.name
            for service in stack.services
            if service.release is wish.release
        ],
    )


def _migrated_settings(
    chosen: Sequence[ResolvedService],
    document: StackDocument,
    reload: _Reload,
    wish: Wish,
) -> dict[str, list[Change]]:
    """Edit the settings of the services in the document.

    Returns:
        The changes by service.
    """
    changes: dict[str, list[Change]] = {}
    for service in chosen:
        changes[service.name] = [
            *_write_image(service, document, wish),
            *renamed_flags(service, wish.release),
        ]
    _apply_fixes(document, reload, changes)
    if wish.take_defaults:
        return changes
    for service in chosen:
        changes[service.name] += _write_defaults(service, document, reload)
    _apply_fixes(document, reload, changes)
    return changes


def _concerned(finding: Finding, names: Sequence[str]) -> str:
    """The migrated service that a finding is about: its own, else the first one that it marks, or the first of all.

    Args:
        finding: A finding of a service, or of the whole stack.
        names: The migrated services.
    """
    if finding.service in names:
        return str(finding.service)
    for mark in finding.marks:
        for name in names:
            if name in mark.path:
                return name
    return names[0]


def _new_findings(before: ResolvedStack, after: ResolvedStack) -> Iterator[Finding]:
    """The findings that the stack did not have before."""
    known = {_identity(finding) for finding in check(before).findings}
    for finding in check(after).findings:
        if _identity(finding) not in known:
            yield finding


@dataclass(frozen=True)
class _Reload:
    """Loads the stack again from an edited document."""

    stack: ResolvedStack
    project: File
    read: Read

    def __call__(self, document: StackDocument) -> ResolvedStack:
        stack = self.stack
        loaded = load_text(
            stack.name, stack.file, document.text, project=self.project, read=self.read
        )
        return resolve(replace(loaded, lock=None))


def _refuse_errors(stack: ResolvedStack) -> None:
    """Refuse a stack that does not run under its present release.

    Raises:
        MigrationError: It has errors.
    """
    errors = [
        finding for finding in check(stack).findings if finding.severity == "error"
    ]
    if errors:
        raise MigrationError(
            f"stack {stack.name} has errors under its present release: {errors[0].message}",
            f"run ascend-vllm check {stack.name}, and fix them first",
        )


def _chosen(stack: ResolvedStack, wish: Wish) -> list[ResolvedService]:
    """The services to migrate.

    Raises:
        MigrationError: There is no such service, or nothing to migrate.
    """
    names = [service.name for service in stack.services]
    for name in (*wish.services, *wish.images):
        if name not in names:
            raise MigrationError(
                f"stack {stack.name} has no service {name!r}",
                f"name one of: {', '.join(names)}",
            )
    chosen = [
        service
        for service in stack.services
        if service.name in (wish.services or names)
        and service.release is not wish.release
    ]
    if not chosen:
        raise MigrationError(
            f"the services of {stack.name} run vLLM {wish.release.version} already",
            "name another release with --to",
        )
    return chosen


def _refuse_changes_of_others(
    chosen: Sequence[ResolvedService], before: ResolvedStack, after: ResolvedStack
) -> None:
    """Refuse to change services that the user has not named: an anchor of YAML gives them the same values.

    Raises:
        MigrationError: Another service would start differently.
    """
    names = {service.name for service in chosen}
    changed = []
    for service in before.services:
        if service.name in names:
            continue
        new = after.service(service.name)
        if new is None or new.image != service.image or launch(new) != launch(service):
            changed.append(service.name)
    if not changed:
        return
    together = [*sorted(names), *changed]
    options = [f"--service {name}" for name in together]
    raise MigrationError(
        f"{', '.join(changed)} would change too: anchors of YAML give them values of {', '.join(sorted(names))}",
        f"migrate them together ({' '.join(options)}), or write the values of each service without anchors",
    )


def _base_services(
    stack: ResolvedStack, text: str, project: File, read: Read
) -> Mapping[str, object]:
    """The services of the base file; none if the stack has none."""
    owner = read_project(project, read)
    content = read_yaml(stack.file, text).value
    config = content.get("config") or {}
    name = config.get(f"{owner.name}:base") or owner.base
    if not name:
        return {}
    file = File(stack.file).parent / name
    base = read_yaml(str(file), read(file)).value
    services: Mapping[str, object] = base["services"]
    return services


def _write_image(
    service: ResolvedService, document: StackDocument, wish: Wish
) -> Iterator[Change]:
    """Write the new image, and the version where the image does not say it."""
    path = ("services", service.name)
    old = configured_image(service)
    image = new_image(service, wish.release, wish.images.get(service.name))
    document.write((*path, "image"), image.name)
    note = f" ({image.note})" if image.note else ""
    yield Change("image", old, f"{image.name}{note}")
    if release_of_image(image.name) is wish.release:
        if "engine.version" in service.configured:
            document.remove((*path, "engine", "version"))
    else:
        document.write((*path, "engine", "version"), wish.release.version)


def _apply_fixes(
    document: StackDocument, reload: _Reload, changes: Mapping[str, list[Change]]
) -> None:
    """Apply the fixes of the new release's findings, one after the other, each finding once."""
    done: set[tuple[str | None, str]] = set()
    while True:
        finding = _next_to_fix(check(reload(document)).findings, changes, done)
        if finding is None:
            return
        done.add((finding.service, finding.message))
        change = apply_fix(finding, document)
        if change:
            changes[str(finding.service)].append(change)


def _next_to_fix(
    findings: Sequence[Finding],
    changes: Mapping[str, list[Change]],
    done: Container[tuple[str | None, str]],
) -> Finding | None:
    """The first finding of a migrated service that a fix solves, and that was not fixed before."""
    for finding in findings:
        is_new = (finding.service, finding.message) not in done
        if finding.service in changes and is_new and is_applied(finding):
            return finding
    return None


def _write_defaults(
    service: ResolvedService, document: StackDocument, reload: _Reload
) -> Iterator[Change]:
    """Write out the defaults of the old release, one after the other: one may follow from another."""
    tried: set[str] = set()
    while True:
        new = reload(document).service(service.name)
        remaining = []
        if new is not None:
            remaining = [
                default
                for default in differing_defaults(service, new)
                if default.key not in tried
            ]
        if new is None or not remaining:
            return
        default = remaining[0]
        tried.add(default.key)
        outcome = _kept_default(default, new, document, reload)
        yield Change("default", default.key, outcome)


def _kept_default(
    default: Default,
    new: ResolvedService,
    document: StackDocument,
    reload: _Reload,
) -> str:
    """Write out a default of the old release if it can be kept.

    Returns:
        The change in words.
    """
    if default.old is None:
        return f"{words(None)} → {default.new}"
    value = as_yaml(default.old)
    problem = _write_default(default, new, document, reload)
    if problem:
        return f"{value} → {default.new}, which cannot be kept: {problem}"
    return f"{value} → {default.new}; {value} is written"


def _write_default(
    default: Default, new: ResolvedService, document: StackDocument, reload: _Reload
) -> str:
    """Write out a default of the old release.

    Returns:
        Why the new release does not have it; empty if it does.
    """
    absent = new.release.absent_keys.get(default.key)
    if absent:
        return absent.why
    path = ("services", new.name, *default.key.split("."))
    document.write(path, default.old)
    for finding in check(reload(document)).findings:
        paths = [mark.path for mark in finding.marks]
        if finding.severity != "warning" and path in paths:
            document.remove(path)
            return finding.message
    return ""


def _identity(finding: Finding) -> tuple[str, str | None, str]:
    field = finding.marks[0].field if finding.marks else ""
    return finding.rule, finding.service, field


def _left(finding: Finding, release: Release) -> Change:
    """A finding that the user has to fix, because no edit of the stack file does."""
    if is_about_weights(finding):
        return Change("weights", finding.message, _weights_to_make(finding, release))
    subject = f"{finding.severity}[{finding.rule}]"
    return Change("left", subject, f"{finding.message}; fix: {finding.fix}")


def _weights_to_make(finding: Finding, release: Release) -> str:
    methods = release.accepted_values["quantization"].values
    how = f"with {either(methods)}"
    if "ascend" in methods:
        how = "with msModelSlim, and write quantization: ascend"
    return f"{finding.why}; quantize the weights again {how}"
