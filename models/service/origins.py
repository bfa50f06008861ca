"""Where each value of a service comes from: a place in a file, a default, or the value that it follows from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from models.engines.model_server import Origin
from models.finding import Path, Span
from models.secret_reference import NamespaceSecret
from models.service.resolved import ResolvedService
from models.stack_file.keys.service import SHORTHANDS, ServiceConfig
from models.stack_file.keys.source import BucketSource, ClaimSource, HostPathSource
from models.stack_file.keys.storage import ClaimTarget

_NOT_SHOWN = ("files",)
"""Fields of resolved records that are no keys of the stack file."""


def origins(
    service: ResolvedService, because: Mapping[str, str], spans: Mapping[Path, Span]
) -> dict[str, Origin]:
    """Every value of a service and its origin, by its key.

    Args:
        service: The service.
        because: The reasons for defaults that follow from other values, by key.
        spans: The places of the values in the stack file.
    """
    found: dict[str, Origin] = {}
    for name, alias in _fields(ServiceConfig):
        for key, value in _values(_shown(service, name), alias):
            if key in service.release.absent_keys and key not in service.configured:
                continue
            source = because.get(key) or _place(
                spans, ("services", service.name, *key.split("."))
            )
            found[key] = Origin(value, source)
    return found


def _shown(service: ResolvedService, name: str) -> Any:
    """The value of a field, as the stack file has it."""
    if name == "replicas" and service.external:
        return "external"
    if name == "env":
        return service.configured_env
    return getattr(service, name)


def _values(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """A value under its key, or the values of all fields of a record."""
    if not isinstance(value, BaseModel) or isinstance(value, NamespaceSecret):
        yield key, value
        return
    if isinstance(value, HostPathSource):
        yield key, value.path
        return
    is_optional = isinstance(value, ClaimSource | BucketSource | ClaimTarget)
    for name, alias in _fields(type(value)):
        field = getattr(value, name)
        if name in _NOT_SHOWN or (field is None and is_optional):
            continue
        yield from _values(field, f"{key}.{alias}")


@cache
def _fields(record: type[BaseModel]) -> list[tuple[str, str]]:
    """The names of the fields of a record, and their keys in the stack file. Every service has the same records."""
    return [(name, info.alias or name) for name, info in record.model_fields.items()]


def _place(spans: Mapping[Path, Span], path: Path) -> str:
    while path not in spans and path[-2:] in SHORTHANDS:
        path = path[:-1]
    span = spans.get(path)
    return f"{span.file}:{span.line}" if span else "default"
