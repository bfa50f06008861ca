"""What the formats for people say in the same words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cli.capacity import columns, update_in_words
from cli.output.diff.comparison import Comparison
from models.service.resolved import ResolvedService
from models.words import counted
from review import Detail, PoolChange, ServiceChange, StackChange

_LONGEST = 60
_MOST_NAMES = 20
SIGNS = {"added": "+", "removed": "-", "changed": "~", "unchanged": " "}
"""What stands before a service."""


def counts(change: StackChange) -> str:
    """The line that counts."""
    number = {kind: len(change.of_kind(kind)) for kind in ("changed", "added", "removed", "unchanged")}
    if not change.is_update:
        return (
            f"{number['changed']} differ, {number['added']} only in {change.new}, "
            f"{number['removed']} only in {change.old}, {number['unchanged']} alike"
        )
    parts = ", ".join(f"{count} {kind}" for kind, count in number.items())
    restarts = counted(len(change.restarting), "restart")
    moved = "; all made anew elsewhere" if change.moves else ""
    return f"{parts}; {restarts}, {len(change.down)} with downtime{moved}"


def headline(change: StackChange, service: ServiceChange) -> str:
    """What happens to a service."""
    if not change.is_update:
        return _difference(change, service)
    if service.kind == "added" and service.new:
        return f"new, {_size(service.new)}"
    if service.kind == "removed":
        return f"removed, {_size(service.old)}" if service.old else "removed"
    if change.moves:
        return "made anew elsewhere, its address changes" + _with(service)
    if service.kind == "unchanged" or not service.new:
        return "unchanged, does not restart"
    return _update(service, service.new)


def detail_lines(details: Sequence[Detail], indent: str = "    ") -> Iterator[str]:
    """A line a detail: its name, its values, and why."""
    return columns((f"{indent}{one.name}", values(one), because(one)) for one in details)


def values(detail: Detail) -> str:
    """The value before and after, `+` for what comes and `-` for what goes."""
    old, new = _short(detail.old, detail.new), _short(detail.new, detail.old)
    if old is None:
        return f"+ {new}".rstrip()
    if new is None:
        return f"- {old}".rstrip()
    return "changed" if old == new else f"{old or '(none)'} → {new or '(none)'}"


def because(detail: Detail) -> str:
    """Why a value is what it is, in brackets."""
    return f"({'derived: ' if detail.is_derived else ''}{detail.because})"


def cluster_lines(change: StackChange) -> Iterator[str]:
    """What changes for all services, the loud part first."""
    if change.moves:
        yield "! everything is made anew elsewhere, and deleted where it was: the context or the namespace changes"
    for gone in change.deletions:
        yield f"! deleted: {gone}"
    for anew in change.replacements:
        yield f"! deleted and made anew: {anew}"
    if change.cluster:
        yield "~ cluster" if change.is_update else "~ cluster differs"
        yield from detail_lines(change.cluster)


def npus_lines(change: StackChange) -> Iterator[str]:
    """The NPUs before and after, by pool, and what has no room."""
    for pool in change.pools:
        yield f"NPUs in {pool.name}: {_pool(pool)}"
    if not change.pools and any(change.npus):
        before, after = change.npus
        yield f"NPUs: {before} → {after}" if before != after else f"NPUs: {after}"
    for name, pods in change.without_room:
        yield f"no room for {counted(pods, 'pod')} of {name}"
    for finding in change.would_hang:
        yield f"! {finding.message}: pulumi up refuses it; {finding.fix}"


def notes(comparison: Comparison) -> Iterator[str]:
    """What is to be known beside the changes."""
    change = comparison.change
    if comparison.gone:
        name = change.new
        yield f"the file of stack {name} is gone, which deletes nothing: run pulumi destroy --stack {name} before"
    for old, new in change.renamed if change.is_update else ():
        yield f"{old} → {new}: a service that is renamed is removed and made anew, under another address"
    if change.unread:
        yield f"not compared, since their shape is refused: {some(change.unread, _MOST_NAMES)}"
    if comparison.errors:
        errors = counted(comparison.errors, "error")
        yield f"{errors} in {change.new}, so pulumi up would refuse it: ascend-vllm check {comparison.argument}"


def some(names: Sequence[str], most: int) -> str:
    """The first of many names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _difference(change: StackChange, service: ServiceChange) -> str:
    """Of a service of two environments."""
    one = service.new or service.old
    if service.kind in ("added", "removed") and one:
        return f"only in {change.new if service.new else change.old}, {_size(one)}"
    return f"differs in {_joined(_parts(service))}" if service.kind == "changed" else "alike"


def _update(service: ServiceChange, new: ResolvedService) -> str:
    if service.ends:
        return "has no pods any more, because replicas is 0"
    if not service.restarts:
        return f"does not restart: {_joined(_parts(service))} changed"
    if not (service.old and service.old.replicas):
        return f"had no pods to restart; its {_joined(service.parts)} changed"
    return f"restarts, because its {_joined(service.parts)} changed · {update_in_words(new)}"


def _with(service: ServiceChange) -> str:
    return f"; its {_joined(_parts(service))} changed" if service.details else ""


def _parts(service: ServiceChange) -> Sequence[str]:
    return [*dict.fromkeys(detail.part for detail in service.details)]


def _joined(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def _size(service: ResolvedService) -> str:
    pods = "" if service.replicas == 1 else f"{service.replicas} × "
    return f"{pods}{counted(service.npus, 'NPU')}"


def _pool(pool: PoolChange) -> str:
    if pool.total_before != pool.total:
        return f"{pool.used_before} of {pool.total_before} → {pool.used} of {pool.total}"
    used = f"{pool.used_before} → {pool.used}" if pool.used_before != pool.used else str(pool.used)
    return f"{used} of {pool.total}"


def printable(text: str) -> str:
    """A text on one line, without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _short(text: str | None, other: str | None) -> str | None:
    """One line of a value; of a long one the piece where it begins to differ from the other."""
    if text is None:
        return None
    line = printable(text)
    if len(line) <= _LONGEST:
        return line
    beside = printable(other or "")
    same = next((index for index, (a, b) in enumerate(zip(line, beside, strict=False)) if a != b), len(beside))
    start = max(0, min(same - 10, len(line) - _LONGEST))
    return f"{'…' * (start > 0)}{line[start : start + _LONGEST]}{'…' * (start + _LONGEST < len(line))}"
