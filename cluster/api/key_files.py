"""Temporary key files: kr8s writes the keys of a kubeconfig to files and does not remove them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

_FIELDS = ("client_key_file", "client_cert_file", "server_ca_file")
"""Fields of kr8s' credentials with a path."""


def forget_keys(auth: Any, began: float) -> None:
    """Remove the temporary files to which kr8s has written the keys and certificates of a kubeconfig.

    Args:
        auth: kr8s' credentials.
        began: Seconds since the epoch when they were read. An older file belongs to the user.
    """
    for field in _FIELDS:
        path = getattr(auth, field)
        if not path:
            continue
        file = Path(str(path))
        is_new = file.is_file() and file.stat().st_mtime >= began - 1
        if is_new and _is_temporary(file):
            file.unlink()


def _is_temporary(file: Path) -> bool:
    directory = Path(tempfile.gettempdir())
    return file.parent == directory and file.name.startswith(tempfile.gettempprefix())
