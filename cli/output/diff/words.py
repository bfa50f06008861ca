"""The words that the formats for people share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cli.output.diff.comparison import Comparison
from cli.output.rollout import update_in_words
from cli.output.table import columns
from models.service.resolved import ResolvedService
from models.words import counted
from review import Detail, PoolChange, ServiceChange, StackChange
from review.stepwise import saving

_LONGEST = 60
_BEFORE_DIFFERENCE = 10
"""Characters of a long value that are shown before its first difference."""

_MOST_NAMES = 20
_START_FIRST = "write rollout: {maxSurge: 1}"
SIGNS = {"added": "+", "removed": "-", "changed": "~", "unchanged": " "}
"""The character before the name of a service."""


def refusal(comparison: Comparison) -> str:
    """That `pulumi up` refuses the stack; empty if it does not."""
    if not comparison.errors:
        return ""
    errors = counted(len(comparison.errors), "error")
    name = comparison.change.new
    return (
        f"pulumi up refuses {name}, {errors}: ascend-vllm check {comparison.argument}"
    )


def counts(comparison: Comparison) -> str:
    """The summary line. A stack with errors restarts nothing, because nothing is deployed."""
    change = comparison.change
    changed = len(change.of_kind("changed"))
    added = len(change.of_kind("added"))
    removed = len(change.of_kind("removed"))
    unchanged = len(change.of_kind("unchanged"))
    if not change.is_update:
        parts = [
            f"{changed} differ",
            f"{added} only in {change.new}",
            f"{removed} only in {change.old}",
            f"{unchanged} alike",
        ]
        return ", ".join(parts)
    line = f"{changed} changed, {added} added, {removed} removed, {unchanged} unchanged"
    if comparison.errors:
        errors = counted(len(comparison.errors), "error")
        return f"{line}; nothing is deployed because of {errors}"
    restarts = counted(len(change.restarting), "restart")
    line += f"; {restarts}, {len(change.down)} with downtime"
    if change.moves:
        line += "; all recreated elsewhere"
    return line


def headline(change: StackChange, service: ServiceChange) -> str:
    """The effect on a service."""
    if not change.is_update:
        return _difference(change, service)
    if service.kind == "added" and service.new:
        return f"new, {_size(service.new)}"
    if service.kind == "removed":
        return _removal(service)
    if change.moves:
        return f"recreated elsewhere, its address changes{_changed_parts(service)}"
    if service.kind == "unchanged" or not service.new:
        return "unchanged, does not restart"
    return _update(service, service.new)


def detail_lines(details: Sequence[Detail], indent: str = "    ") -> Iterator[str]:
    """One line for each detail: its name, its values, and the reason."""
    rows = []
    for detail in details:
        name = f"{indent}{detail.name}"
        rows.append((name, values(detail), because(detail)))
    return columns(rows)


def values(detail: Detail) -> str:
    """The value before and after; `+` for an added value and `-` for a removed one."""
    old = _short(detail.old, detail.new)
    new = _short(detail.new, detail.old)
    if old is None:
        return f"+ {new}".rstrip()
    if new is None:
        return f"- {old}".rstrip()
    if old == new:
        return "changed"
    before = old or "(none)"
    after = new or "(none)"
    return f"{before} → {after}"


def because(detail: Detail) -> str:
    """The reason for a value, in brackets."""
    if detail.is_derived:
        return f"(derived: {detail.because})"
    return f"({detail.because})"


def cluster_lines(change: StackChange) -> Iterator[str]:
    """The changes that affect all services, the most important first."""
    if change.moves:
        yield "! everything is recreated elsewhere, and deleted where it was: the context or the namespace changes"
    for name in change.deletions:
        yield f"! deleted: {name}"
    for name in change.replacements:
        yield f"! deleted and recreated: {name}"
    if not change.cluster:
        return
    yield "~ cluster" if change.is_update else "~ cluster differs"
    yield from detail_lines(change.cluster)


def npus_lines(change: StackChange) -> Iterator[str]:
    """The NPUs before and after in each pool, and the pods that find no node."""
    for pool in change.pools:
        yield f"NPUs in {pool.name}: {_pool(pool)}"
    if not change.pools and any(change.npus):
        before, after = change.npus
        npus = _change(str(before), str(after))
        yield f"NPUs: {npus}"
    for name, number in change.without_room:
        pods = counted(number, "pod")
        yield f"no room for {pods} of {name}"
    for finding in change.would_hang:
        yield f"! {finding.message}: pulumi up refuses it; {finding.fix}"


def notes(comparison: Comparison) -> Iterator[str]:
    """Further facts about the comparison."""
    change = comparison.change
    deleted = deleted_file(comparison)
    if deleted:
        yield deleted
    if change.is_update:
        for old, new in change.renamed:
            yield f"{old} → {new}: a renamed service is removed and recreated, with another address"
    for name in change.avoidable_downtime:
        yield f"{name} needs no downtime now, because the services counted first do not restart: {_START_FIRST}"
    yield from _plan(comparison)
    yield from _unread(comparison)


def _plan(comparison: Comparison) -> Iterator[str]:
    """That the same update has less downtime in steps."""
    if comparison.stepwise is None:
        return
    command = f"ascend-vllm plan {comparison.argument} --from {comparison.against}"
    line = saving(comparison.stepwise, command)
    if line:
        yield line


def _unread(comparison: Comparison) -> Iterator[str]:
    """The services that are not compared, and the side with their errors."""
    broken = set(comparison.new.broken)
    unfixed = [name for name in comparison.change.unread if name in broken]
    fixed = [name for name in comparison.change.unread if name not in broken]
    if unfixed:
        names = some(unfixed, _MOST_NAMES)
        yield f"not compared until their schema errors are fixed: {names}"
    if fixed:
        names = some(fixed, _MOST_NAMES)
        yield f"not compared, because {comparison.against} has schema errors in them: {names}"


def deleted_file(comparison: Comparison) -> str:
    """The consequences of a deleted stack file; empty if it is not deleted."""
    if not comparison.gone:
        return ""
    name = comparison.change.new
    return f"the file of stack {name} is deleted, but its objects stay: run pulumi destroy --stack {name} first"


def some(names: Sequence[str], most: int) -> str:
    """The first names of a list, and the number of the others."""
    shown = ", ".join(names[:most])
    hidden = len(names) - most
    if hidden > 0:
        shown += f" and {hidden} more"
    return shown


def printable(text: str) -> str:
    """A text on one line, without control characters for the terminal."""
    line = ""
    for character in text:
        if character.isprintable():
            line += character
        else:
            line += repr(character)[1:-1]
    return line


def _difference(change: StackChange, service: ServiceChange) -> str:
    """How a service differs between two environments."""
    if service.kind == "added" and service.new:
        return f"only in {change.new}, {_size(service.new)}"
    if service.kind == "removed" and service.old:
        return f"only in {change.old}, {_size(service.old)}"
    if service.kind == "changed":
        parts = _parts(service)
        return f"differs in {parts}"
    return "alike"


def _removal(service: ServiceChange) -> str:
    if service.old is None:
        return "removed"
    return f"removed, {_size(service.old)}"


def _update(service: ServiceChange, new: ResolvedService) -> str:
    if service.ends:
        return "has no pods, because replicas is 0"
    if not service.restarts:
        parts = _parts(service)
        return f"does not restart: {parts} changed"
    parts = _joined(service.parts)
    if service.old is None or not service.old.replicas:
        return f"had no pods to restart; its {parts} changed"
    rollout = update_in_words(new)
    return f"restarts, because its {parts} changed · {rollout}"


def _changed_parts(service: ServiceChange) -> str:
    if not service.details:
        return ""
    parts = _parts(service)
    return f"; its {parts} changed"


def _parts(service: ServiceChange) -> str:
    """The changed parts of a service, each once: `image, launch and replicas`."""
    parts = dict.fromkeys(detail.part for detail in service.details)
    return _joined(list(parts))


def _joined(words: Sequence[str]) -> str:
    """Words as an enumeration: `image, launch and replicas`."""
    if len(words) < 2:
        return "".join(words)
    *others, last = words
    first = ", ".join(others)
    return f"{first} and {last}"


def _size(service: ResolvedService) -> str:
    npus = counted(service.npus, "NPU")
    if service.pods == 1:
        return npus
    return f"{service.pods} × {npus}"


def _pool(pool: PoolChange) -> str:
    before = f"{pool.used_before} of {pool.total_before}"
    after = f"{pool.used} of {pool.total}"
    if pool.total_before != pool.total or pool.used_before == pool.used:
        return _change(before, after)
    return f"{pool.used_before} → {after}"


def _change(before: str, after: str) -> str:
    if before == after:
        return after
    return f"{before} → {after}"


def _short(text: str | None, other: str | None) -> str | None:
    """A value on one line. A long value is cut to the part where it begins to differ from the other value."""
    if text is None:
        return None
    line = printable(text)
    if len(line) <= _LONGEST:
        return line
    difference = _first_difference(line, printable(other or ""))
    start = min(difference - _BEFORE_DIFFERENCE, len(line) - _LONGEST)
    start = max(start, 0)
    end = start + _LONGEST
    short = line[start:end]
    if start > 0:
        short = f"…{short}"
    if end < len(line):
        short = f"{short}…"
    return short


def _first_difference(line: str, other: str) -> int:
    """The position of the first different character."""
    for index, (character, counterpart) in enumerate(zip(line, other, strict=False)):
        if character != counterpart:
            return index
    return len(other)
