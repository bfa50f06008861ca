"""Temporary key files: kr8s writes the keys of a kubeconfig to files and does not remove them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def forget_keys(auth: Any, began: float) -> None:
    """Remove the temporary files to which kr8s has written the keys and certificates of a kubeconfig.

    Args:
        auth: kr8s' credentials.
        began: Seconds since the epoch when they were read. An older file belongs to the user.
    """
    for field in ("client_key_file", "client_cert_file", "server_ca_file"):
        file = Path(str(getattr(auth, field) or ""))
        is_temporary = file.parent == Path(tempfile.gettempdir()) and file.name.startswith(tempfile.gettempprefix())
        if is_temporary and file.is_file() and file.stat().st_mtime >= began - 1:
            file.unlink()
