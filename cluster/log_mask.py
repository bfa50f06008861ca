"""Keep secrets where they belong: not on the disk, not in what is shown."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

MASK = "***"

_SECRETS = (
    # --api-key=x, --api-key x, 'api_key': 'x', api_key=['x'], VLLM_API_KEY=x, HF_TOKEN=x, token=x, password: x
    re.compile(
        r"""(?i)([\w-]*(?:api[-_]?key|token|password|passwd|secret)["']?\s*(?:=|:)\s*\[?["']?)([^\s"',;&)\]]+)"""
    ),
    re.compile(r"""(?i)(--(?:api-key|hf-token|token|password)["']?,?\s+["']?)([^\s"',;&)\]]+)"""),
    re.compile(r"""(?i)((?:authorization\s*[:=]\s*["']?)?(?:bearer|basic)\s+)([\w.~+/=-]{6,})"""),
    re.compile(r"(://[^\s/:@]*:)([^\s/@]+)(?=@)"),
)
_HARMLESS = re.compile(r"(?i)^(?:none|null|true|false|\d+|\*+)$")


def masked(line: str) -> str:
    """A line of a log without the secrets that it may hold: API keys, tokens, passwords, the user part of a URL."""
    for pattern in _SECRETS:
        line = pattern.sub(lambda found: found[1] + (found[2] if _HARMLESS.match(found[2]) else MASK), line)
    return line


def forget_keys(auth: Any, began: float) -> None:
    """Remove the temporary files that kr8s writes a kubeconfig's keys and certificates to, and leaves.

    Args:
        auth: kr8s' credentials.
        began: Seconds since the epoch when they were read; a file that was there before is the user's own.
    """
    for field in ("client_key_file", "client_cert_file", "server_ca_file"):
        file = Path(str(getattr(auth, field) or ""))
        own = file.parent == Path(tempfile.gettempdir()) and file.name.startswith(tempfile.gettempprefix())
        if own and file.is_file() and file.stat().st_mtime >= began - 1:
            file.unlink()
