"""`ascend-vllm lock`: write what the services of a stack are tested with into a lock file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StacksArgument
from cli.inputs.named_files import write_named
from cli.inputs.stacks import open_stacks
from cli.output.lock import locked_text
from cli.output.terminal import paragraph
from client.registry import RegistryError, image_digest
from models.service.lock import (
    GIVEN_KEYS,
    configured_image,
    relocked,
    shared_digests,
)
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.keys.locked import LOCK_FILE, LockedService, LockFile
from models.stack_file.lock_file import lock_text, plain_entry, read_lock
from models.stack_file.parse import parse
from models.stack_file.texts import disk

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SERVICE.KEY=VALUE",
        help=f"Give a fact about an image ({', '.join(GIVEN_KEYS)}); can be repeated.",
    ),
]
UpgradeOption = Annotated[
    bool,
    typer.Option("--upgrade", help="Update digests that the lock file already has."),
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Do not ask any registry for a digest.")
]


def command(
    stacks: StacksArgument = None,
    settings: SetOption = None,
    upgrade: UpgradeOption = False,
    offline: OfflineOption = False,
) -> None:
    """Write the images, versions and weights of tested services to a lock file.

    The file ascend-vllm.lock is next to the stack file. For each service it has
    the image with its digest, the engine release, CANN, PyTorch, Python, the oldest
    driver, the type of NPU and the weights. From then on, pods run the image with
    this digest, and check reports differences. Commit the file.

    The digest comes from the registry, with the login of docker login. Services with
    one image get one digest. An entry of the file stays while its image stays the
    same.

    Exit code 0 if the file was written, 1 if a registry gave no digest, 2 for wrong
    usage, 3 if a stack cannot be read.

    Examples:
      ascend-vllm lock prod
      ascend-vllm lock prod --offline --set qwen.digest=sha256:0a1b…
      ascend-vllm lock --upgrade
    """
    opened = list(open_stacks(stacks or []))
    facts = _facts(settings or [], opened)
    digests = _Digests(upgrade=upgrade, offline=offline)
    missing = 0
    for stack in opened:
        missing += _lock(stack, facts, digests)
    if missing and not offline:
        raise typer.Exit(ExitCode.FOUND)


def _facts(
    arguments: Sequence[str], stacks: Sequence[ResolvedStack]
) -> dict[str, dict[str, str]]:
    """The facts that the user gives with --set, by service and key.

    Raises:
        CommandError: One of them is not a fact about a service of the stacks.
    """
    names = {service.name for stack in stacks for service in stack.services}
    facts: dict[str, dict[str, str]] = {}
    for argument in arguments:
        service, key, value = _split(argument)
        if service not in names:
            raise CommandError(
                f"--set {argument}: there is no service {service}",
                f"name one of: {', '.join(sorted(names))}",
            )
        facts.setdefault(service, {})[key] = value
    return facts


def _split(argument: str) -> tuple[str, str, str]:
    """The service, the key and the value of --set."""
    name, is_set, value = argument.partition("=")
    service, _, key = name.rpartition(".")
    if not is_set or not service or not value:
        raise CommandError(
            f"--set {argument} is not SERVICE.KEY=VALUE",
            "write --set qwen.cann=9.1.0",
        )
    if key not in GIVEN_KEYS:
        raise CommandError(
            f"--set {argument}: a lock file has no key {key} that can be given",
            f"give one of {', '.join(GIVEN_KEYS)}",
        )
    return service, key, value


@dataclass(frozen=True)
class _Digests:
    """How digests are found. A registry is asked once for each image."""

    upgrade: bool
    offline: bool
    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    """The digests from registries, by image."""

    def add(
        self,
        entries: Mapping[str, dict[str, object]],
        facts: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Add the digests of the services of a stack, except those that the user gives.

        Args:
            entries: The entry of each service.
            facts: The facts that the user gives, by service and key.
        """
        open_entries = []
        known_entries = []
        for name, entry in entries.items():
            is_given = "digest" in facts.get(name, {}) or "@" in str(entry["image"])
            is_open = "digest" not in entry or self.upgrade
            if is_open and not is_given:
                open_entries.append(entry)
            else:
                known_entries.append(entry)
        shared = shared_digests(known_entries)
        for entry in open_entries:
            image = str(entry["image"])
            if image in shared:
                entry["digest"] = shared[image]
            elif not self.offline:
                entry.update(self._from_registry(image))

    def _from_registry(self, image: str) -> dict[str, str]:
        if image not in self.answers:
            self.answers[image] = _digest_from_registry(image)
        return self.answers[image]


def _lock(
    stack: ResolvedStack, facts: Mapping[str, Mapping[str, str]], digests: _Digests
) -> int:
    """Write the section of a stack.

    Returns:
        The number of services whose digest is not known.
    """
    directory = _directory(stack)
    _refuse_broken_lock(stack)
    content, _ = read_lock(directory, disk)
    other_stacks = content.stacks if content else {}
    before: Mapping[str, LockedService] = stack.lock.services if stack.lock else {}
    entries: dict[str, dict[str, object]] = {}
    for service in stack.services:
        configured = facts.get(service.name, {})
        _refuse_other_digest(service, configured)
        entries[service.name] = relocked(service, before.get(service.name), configured)
    digests.add(entries, facts)
    services = {
        service.name: _record(service, entries[service.name])
        for service in stack.services
    }
    section: dict[str, Any] = {
        name: plain_entry(locked) for name, locked in services.items()
    }
    stacks = {**other_stacks, stack.name: section}
    _write(directory / LOCK_FILE, lock_text(LockFile(version=1, stacks=stacks)))
    typer.echo(locked_text(stack.name, services))
    return sum(entry.digest is None for entry in services.values())


def _refuse_other_digest(
    service: ResolvedService, configured: Mapping[str, str]
) -> None:
    """Refuse a digest of --set for an image that has another one in the stack file.

    Raises:
        CommandError: It is another one.
    """
    given = configured.get("digest")
    _, _, digest = configured_image(service).partition("@")
    if given and digest and given != digest:
        raise CommandError(
            f"--set {service.name}.digest={given}: the stack file has the image with the digest {digest}",
            f"write image: with the new digest, or leave out --set {service.name}.digest",
        )


def _directory(stack: ResolvedStack) -> Path:
    """The directory of a stack file.

    Raises:
        CommandError: The stack has no file, or a part of it cannot be read.
    """
    if stack.file == "-":
        raise CommandError(
            "a stack on standard input has no lock file", "name a stack or a stack file"
        )
    if stack.broken:
        raise CommandError(
            f"stack {stack.name} has schema errors: {', '.join(stack.broken)}",
            f"run ascend-vllm check {stack.name}",
            ExitCode.COULD_NOT_RUN,
        )
    return Path(stack.file).parent


def _refuse_broken_lock(stack: ResolvedStack) -> None:
    """Refuse to write over a lock file that cannot be read, since it may have facts that the user gave.

    Raises:
        CommandError: It cannot be read.
    """
    for finding in stack.findings:
        if finding.rule == "lock-file":
            line = f" (line {finding.span.line})" if finding.span else ""
            raise CommandError(
                finding.message + line, finding.fix, ExitCode.COULD_NOT_RUN
            )


def _digest_from_registry(image: str) -> dict[str, str]:
    """The digest of an image; empty if its registry does not answer with one."""
    typer.echo(f"asking for the digest of {image}", err=True)
    try:
        return {"digest": image_digest(image)}
    except RegistryError as problem:
        message = paragraph("", f"no digest of {image}: {problem.message}")
        fix = paragraph("fix: ", problem.fix)
        typer.echo("\n".join([*message, *fix]), err=True)
        return {}


def _record(service: ResolvedService, entry: Mapping[str, object]) -> LockedService:
    """The entry of a service.

    Raises:
        CommandError: A fact of --set has a wrong form.
    """
    locked, findings = parse(LockedService, dict(entry), (service.name,))
    if locked is None:
        raise CommandError(
            f"{service.name}: {findings[0].message}", "correct the value of --set"
        )
    return locked


def _write(file: Path, text: str) -> None:
    try:
        write_named(file, text)
    except OSError as problem:
        raise CommandError(
            f"{file} cannot be written: {problem.strerror}",
            "make the file and its directory writable, or replace a link by a file",
            ExitCode.COULD_NOT_RUN,
        ) from None
