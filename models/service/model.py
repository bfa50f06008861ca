"""The model of a service with all defaults: its name, its weights, and the time that they take."""

from __future__ import annotations

import math
from collections.abc import Mapping

from models.secret_reference import NamespaceSecret
from models.service.secrets import named
from models.stack_file.checksums import Checksums
from models.stack_file.keys.model import Model, directory_name
from models.stack_file.keys.source import (
    BucketSource,
    ClaimSource,
    HostPathSource,
    Source,
)

MOUNT = "/mnt/models"
"""Directory in the container for weights from a claim or a bucket."""

_BUCKET_SPEED = 50 * 2**20
"""Bytes a second from a bucket."""

_DISK_SPEED = 200 * 2**20
"""Bytes a second from a disk."""


class ResolvedBucketSource(BucketSource):
    """A bucket, with the files to fetch and the Secrets with its keys."""

    access_key: NamespaceSecret | None
    secret_key: NamespaceSecret | None
    files: Checksums


ResolvedSource = HostPathSource | ClaimSource | ResolvedBucketSource
"""Where the weights are, with nothing left open."""


class ResolvedModel(Model):
    """The model with all defaults."""

    name: str
    source: ResolvedSource
    preparation: int
    """Seconds to fetch or verify the weights; 0 when nothing is fetched or verified."""

    @property
    def path(self) -> str:
        """Where the container sees the weights. It does not change with their content."""
        if isinstance(self.source, HostPathSource):
            return self.source.path
        return self.mount_path or f"{MOUNT}/{directory_name(self.name)}"


def resolve_model(
    model: Model,
    files: Checksums | None,
    ciphertexts: Mapping[str, str],
    because: dict[str, str],
) -> ResolvedModel:
    """The model with all defaults.

    Args:
        model: The model in the stack file.
        files: The checksums of the weights, if the stack file names them.
        ciphertexts: The encrypted values of the stack's secret keys.
        because: Gets the reason for each default.
    """
    name = model.name
    if not name:
        name = model.source.last_part
        because["model.name"] = "the last part of its source"
    preparation = model.preparation
    if preparation is None and files:
        preparation = _preparation(model.source, files)
        because["model.preparation"] = "the size of the weights"
    return ResolvedModel.model_construct(
        model.model_fields_set,
        name=name,
        source=_resolve_source(model.source, files, ciphertexts),
        mount_path=model.mount_path,
        verify=model.verify,
        preparation=preparation or 0,
        config_json=model.config_json,
        facts=model.facts,
    )


def _preparation(source: Source, files: Checksums) -> int:
    """Seconds to fetch or verify weights, in whole minutes: five minutes, and the time to read their bytes."""
    speed = _BUCKET_SPEED if isinstance(source, BucketSource) else _DISK_SPEED
    return 60 * math.ceil(5 + files.total / speed / 60)


def _resolve_source(
    source: Source, files: Checksums | None, ciphertexts: Mapping[str, str]
) -> ResolvedSource:
    if not isinstance(source, BucketSource):
        return source
    if files is None:
        raise ValueError(
            f"the files of bucket {source.bucket} are not known: verify was not read"
        )
    return ResolvedBucketSource.model_construct(
        source.model_fields_set,
        endpoint=source.endpoint,
        region=source.region,
        bucket=source.bucket,
        prefix=source.prefix,
        access_key=named(source.access_key, ciphertexts) if source.access_key else None,
        secret_key=named(source.secret_key, ciphertexts) if source.secret_key else None,
        to=source.to,
        files=files,
    )
