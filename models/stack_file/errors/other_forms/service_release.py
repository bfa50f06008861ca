"""The engine release of a service that is not well formed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.engines.release import Release
from models.engines.releases import VERSIONS, release_of_service


def release_of_value(service: Any) -> Release:
    """The release that a service names by `engine.version` or its image, as far as they can be read.

    Args:
        service: The service as the user wrote it.
    """
    values: Mapping[str, Any] = {}
    if isinstance(service, dict):
        values = service
    engine = values.get("engine")
    version = engine.get("version") if isinstance(engine, dict) else None
    known = next((known for known in VERSIONS if known == version), None)
    image = values.get("image")
    if not isinstance(image, str):
        image = ""
    return release_of_service(known, image)
