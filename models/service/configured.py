"""The keys of a service that its configuration sets, as opposed to those with a default."""

from __future__ import annotations

from collections.abc import Iterator

from models.record import Record
from models.stack_file.keys.service import ServiceConfig


def configured_keys(config: ServiceConfig) -> frozenset[str]:
    """The keys that the stack file or the program sets, such as `prefixCaching` and `engine.maxNumSeqs`."""
    return frozenset(_keys(config, ""))


def _keys(record: Record, prefix: str) -> Iterator[str]:
    fields = type(record).model_fields
    for name in record.model_fields_set:
        key = prefix + (fields[name].alias or name)
        yield key
        value = getattr(record, name)
        if isinstance(value, Record):
            yield from _keys(value, f"{key}.")
