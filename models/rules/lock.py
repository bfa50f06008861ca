"""Rules on the lock file: the stack equals its lock, and the locked versions fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from models.engines.pairing import Verdict
from models.finding import Finding, Mark, error, warning
from models.rules.registry import add_rules, stack_rule
from models.service.lock import configured_image, differences
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.keys.locked import LOCK_FILE, LockedService, StackLock
from models.yaml_scalar import as_yaml

add_rules(
    "stack file",
    ("error",),
    {
        "lock-file": "The lock file can be read.\n\n"
        "The stack cannot be compared with a lock file that cannot be read. `ascend-vllm lock` writes it."
    },
)


@stack_rule("error")
def lock_outdated(stack: ResolvedStack) -> Iterator[Finding]:
    """A locked stack equals its lock file: the image, release, NPUs and weights of each service.

    The lock file records what the services were tested with. A stack that differs was not tested, or its lock file is
    outdated.
    """
    if stack.lock is None:
        return
    for service in stack.services:
        if service.name in stack.lock.broken:
            continue
        locked = stack.lock.services.get(service.name)
        if locked is None and stack.lock.is_complete:
            yield _outdated(
                stack,
                f"{LOCK_FILE} has no service {service.name}",
                [Mark(("services", service.name))],
            )
        if locked is None:
            continue
        for difference in differences(service, locked):
            yield _outdated(
                stack,
                f"{difference.key} is {difference.current}, but {LOCK_FILE} has {difference.locked}",
                [
                    Mark(("services", service.name, *difference.field.split("."))),
                    stack.lock.mark(service.name, difference.key, "locked"),
                ],
            )


def _outdated(stack: ResolvedStack, message: str, marks: Sequence[Mark]) -> Finding:
    return error(
        message,
        why="the service differs from the tested one, or the lock file is older than the stack file",
        fix=f"run ascend-vllm lock {stack.name}",
        marks=marks,
    )


@stack_rule("warning")
def lock_unused(stack: ResolvedStack) -> Iterator[Finding]:
    """The lock file has no services that the stack does not have.

    Such an entry is left over from a removed or renamed service. A new service of this name would be compared with it.
    """
    if stack.lock is None:
        return
    names = {*stack.broken, *(service.name for service in stack.services)}
    for name in sorted(stack.lock.services.keys() - names):
        yield warning(
            f"{LOCK_FILE} has the service {name}, which the stack does not have",
            why="the entry is left over; a new service of this name would be compared with it",
            fix=f"run ascend-vllm lock {stack.name}",
            marks=[Mark(("services",)), stack.lock.mark(name, "image", "locked")],
        )


@dataclass(frozen=True)
class _Part:
    """A part that belongs to a release."""

    key: str
    """Its key in the lock file."""
    name: str
    locked: str | None
    """The version in the lock file."""
    paired: str | None
    """The version that the publisher of the release pairs with it."""
    judge: Callable[[str], Verdict]
    consequence: str
    """The consequence of a version that does not belong to it."""
    remedy: str = "choose an image that contains it"
    """The steps in addition to the edit of the lock file."""


@stack_rule("error", "warning")
def lock_pairing(stack: ResolvedStack) -> Iterator[Finding]:
    """CANN, PyTorch, Python and the driver of a locked service belong to its release.

    The compiled files of a release need the versions that they were built for. With older ones, a server stops after
    minutes of loading. With a combination that nobody published, it may stop, too.
    """
    if stack.lock is None:
        return
    for service in stack.services:
        locked = stack.lock.services.get(service.name)
        if locked is not None:
            yield from _unpaired(service, locked, stack.lock)


def _unpaired(
    service: ResolvedService, locked: LockedService, lock: StackLock
) -> Iterator[Finding]:
    """The parts of a locked service that do not belong to its release."""
    if locked.image != configured_image(service):
        return  # the parts are those of another image, which `lock-outdated` reports
    for part in _parts(service, locked):
        if part.locked is None:
            continue
        verdict = part.judge(part.locked)
        if verdict != "paired":
            marks = [
                Mark(("services", service.name, "image")),
                lock.mark(service.name, part.key),
            ]
            yield _unpaired_part(part, verdict, service.release.version, marks)


def _unpaired_part(
    part: _Part, verdict: Verdict, version: str, marks: Sequence[Mark]
) -> Finding:
    """The finding about a part that does not belong to the release, or of which that is not known."""
    if part.paired is None:
        return warning(
            f"the lock has {part.name} {part.locked}, but for vLLM {version} no version is published",
            why=f"nobody has published that they work together; if they do not, {part.consequence}",
            fix=f"in {LOCK_FILE}, remove {part.key}",
            marks=marks,
        )
    message = f"the lock has {part.name} {part.locked}, but vLLM {version} is published with {part.paired}"
    fix = f"in {LOCK_FILE}, write {part.key}: {as_yaml(part.paired)}, and {part.remedy}"
    if verdict == "excluded":
        return error(message, why=part.consequence, fix=fix, marks=marks)
    return warning(
        message,
        why=f"nobody has published that they work together; if they do not, {part.consequence}",
        fix=fix,
        marks=marks,
    )


def _parts(service: ResolvedService, locked: LockedService) -> Iterator[_Part]:
    pairing = service.release.pairing
    no_library = "its libraries cannot be loaded, and the server stops at start"
    yield _Part(
        key="cann",
        name="CANN",
        locked=locked.cann,
        paired=pairing.cann,
        judge=pairing.verdict_on_cann,
        consequence="operators are missing in CANN, and the server stops while it loads or captures graphs",
    )
    yield _Part(
        key="torch",
        name="torch",
        locked=locked.torch,
        paired=pairing.torch,
        judge=pairing.verdict_on_torch,
        consequence=no_library,
    )
    yield _Part(
        key="torchNpu",
        name="torch_npu",
        locked=locked.torch_npu,
        paired=pairing.torch_npu,
        judge=pairing.verdict_on_torch_npu,
        consequence=no_library,
    )
    yield _Part(
        key="python",
        name="Python",
        locked=locked.python,
        paired=pairing.python,
        judge=pairing.verdict_on_python,
        consequence="the packages of the release cannot be imported, and the server stops at start",
    )
    yield _Part(
        key="driver",
        name="driver",
        locked=locked.driver,
        paired=pairing.driver,
        judge=pairing.verdict_on_driver,
        consequence="graphs in the release's default mode fail on an older driver",
        remedy="give the nodes this driver or a later one",
    )
