"""What differs beside the pods of a service, and of the patch on their template, in the words of the stack file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.credentials import masked_tree
from models.manifests import Manifest
from models.manifests.pod_fields import OWNED_ITEMS
from models.record import Record, duration_text
from models.service.resolved import ResolvedService, ResolvedStack
from review.launch import Pair
from review.leaves import leaves
from review.record import NOT_GIVEN, Detail

KEYS = {
    "PodDisruptionBudget": "disruptionBudget",
    "NetworkPolicy": "network",
    "PodMonitor": "monitoring",
    "PrometheusRule": "monitoring",
}
"""The key of the stack file that wants an object, by its kind."""

_ITEMS = {"containers": "container", "initContainers": "init container", "volumes": "volume"}


def beside_details(pair: Pair, old: Iterable[Manifest], new: Iterable[Manifest]) -> Iterator[Detail]:
    """A detail for each object beside the pods that differs: the key that wants it, or what it follows from.

    Args:
        pair: The service before and after.
        old: Its objects before, without their namespace.
        new: Its objects after.
    """
    before, after = ({item["kind"]: leaves(item) for item in items if item["kind"] in KEYS} for items in (old, new))
    reported = set[str]()
    for kind, key in KEYS.items():
        if before.get(kind) == after.get(kind) or key in reported:
            continue
        reported.add(key)
        old_value, new_value = _written(pair.old, key), _written(pair.new, key)
        if old_value == new_value:
            yield Detail(kind, kind, "", "", "it follows from the service", restarts=False)
        else:
            old_text, new_text = _texts(old_value, new_value)
            yield Detail(kind, key, old_text, new_text, pair.field(key, gone=new_value is None), restarts=False)


def _written(service: ResolvedService, key: str) -> Any:
    """A key as people write it; `true` if it equals the defaults, None if it is not set."""
    record: Record | None = {
        "disruptionBudget": service.disruption_budget,
        "network": service.network,
        "monitoring": service.monitoring,
    }[key]
    if record is None:
        return None
    given = record.model_dump(by_alias=True, exclude_defaults=True)
    if "interval" in given:
        given["interval"] = duration_text(given["interval"])
    return given or "true"


def in_a_line(value: Any, name: str = "") -> str:
    """A value as YAML in one line, without quotes and without credentials."""
    return _line(masked_tree(value, name))


def _texts(old: Any, new: Any, name: str = "") -> tuple[str | None, str | None]:
    """Both values of a change as text. If only a credential differs, the new text says so."""
    old_text = None if old is None else in_a_line(old, name)
    new_text = None if new is None else in_a_line(new, name)
    if old_text == new_text and old != new:
        new_text = f"{new_text} (a credential changed)"
    return old_text, new_text


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_line(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_line, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def patch_detail(pair: Pair, path: str) -> Detail | None:
    """What a difference of the template is, where it comes from a change of the patch; None where it does not.

    Args:
        pair: The service before and after.
        path: Of what differs, below the template.
    """
    old, new = (dict(_parts(service)) for service in (pair.old, pair.new))
    part = next((part for part in (*new, *old) if is_below(path, part)), None)
    if part is None or old.get(part) == new.get(part):
        return None
    name, old_value = old.get(part, ("", None))
    name, new_value = new.get(part, (name, None))
    because = NOT_GIVEN if new_value is None else patch_source(pair.new_stack, pair.new, part)
    old_text, new_text = _texts(old_value, new_value, part)
    return Detail("pod template", name, old_text, new_text, because, restarts=True)


def patch_source(stack: ResolvedStack, service: ResolvedService, path: str) -> str:
    """The place of a part of the patch, or of the nearest mapping that holds it."""
    keys = ["services", service.name, "podTemplate", *path.partition("[")[0].split(".", 2)]
    while len(keys) > 2:
        if span := stack.spans.get(tuple(keys)):
            return f"{span.file}:{span.line}"
        keys = keys[:-1]
    return "podTemplate"


def patch_source_of(stack: ResolvedStack, service: ResolvedService, path: str) -> str | None:
    """The place of the part of the patch that gives a path of the template; None where none does."""
    part = next((part for part, _ in _parts(service) if is_below(path, part)), None)
    return part and patch_source(stack, service, part)


def _parts(service: ResolvedService) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Path, name and value of all that the patch gives: labels, annotations, named items, and other fields whole."""
    patch = service.pod_template
    if patch is None:
        return
    for part, given in (("label", patch.metadata.labels), ("annotation", patch.metadata.annotations)):
        for key, text in given.items():
            yield f"metadata.{part}s.{key}", (f"{part} {key} of the pods", text)
    for key, value in patch.spec.items():
        if key in OWNED_ITEMS and isinstance(value, list):
            yield from (_item(key, item) for item in value if isinstance(item, dict))
        else:
            yield f"spec.{key}", (key, value)


def _item(key: str, item: Mapping[str, Any]) -> tuple[str, tuple[str, Any]]:
    rest = {name: value for name, value in item.items() if name != "name"}
    return f"spec.{key}[{item['name']}]", (f"{_ITEMS[key]} {item['name']}", rest)


def is_below(path: str, part: str) -> bool:
    """Whether a path of the template is that of a part, or of something in it."""
    return path == part or path.startswith((f"{part}.", f"{part}["))
