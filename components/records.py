"""The records that a program fills in. A refused value is reported in the words of `check`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pulumi
from pydantic import ValidationError

from models.engines import engine_args
from models.record import Record
from models.stack_file.errors.shape import shape_finding
from models.stack_file.keys import cluster, service


class EngineArgs(engine_args.EngineArgs):
    """The engine: the vLLM release and its arguments."""

    if not TYPE_CHECKING:

        def __init__(self, **values: Any) -> None:
            with _in_words(engine_args.EngineArgs):
                super().__init__(**values)


class ServiceConfig(service.ServiceConfig):
    """A model service."""

    if not TYPE_CHECKING:

        def __init__(self, **values: Any) -> None:
            with _in_words(service.ServiceConfig):
                super().__init__(**values)


class ClusterConfig(cluster.ClusterConfig):
    """The cluster of a service."""

    if not TYPE_CHECKING:

        def __init__(self, **values: Any) -> None:
            with _in_words(cluster.ClusterConfig):
                super().__init__(**values)


@contextmanager
def _in_words(record: type[Record]) -> Iterator[None]:
    """Raise the errors of pydantic as a `pulumi.RunError` with a message and a fix for each value."""
    try:
        yield
    except ValidationError as refused:
        lines = [f"{record.__name__} has values that are refused:"]
        for details in refused.errors(include_url=False):
            finding = shape_finding(record, (), details, None)
            lines.append(f"  {finding.message}\n    fix: {finding.fix}")
        message = "\n".join(lines)
    else:
        return
    raise pulumi.RunError(message)
