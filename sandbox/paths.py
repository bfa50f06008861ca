"""Where the sandbox keeps its files: everything is below one cache directory of the user."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.plan import check_name


def cache_root() -> Path:
    """`$XDG_CACHE_HOME/ascend-vllm`, or `~/.cache/ascend-vllm`; not created here."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".cache"
    return base / "ascend-vllm"


def tools_dir(key: str) -> Path:
    """The tools built from the pins whose hash is `key`: `bin/` and `crd/`."""
    return cache_root() / "tools" / key


def build_dir() -> Path:
    """Logs, work copies and (unless the environment names others) Go's caches while building."""
    return cache_root() / "build"


def home(name: str) -> Path:
    """All state of one sandbox. Raises SandboxError for a name that cannot be one."""
    check_name(name)
    return cache_root() / "sandboxes" / name


def all_homes() -> list[Path]:
    """The homes of all sandboxes that have files here."""
    return sorted(
        path for path in (cache_root() / "sandboxes").glob("*") if path.is_dir()
    )


def kubeconfig(home: Path) -> Path:
    """The sandbox's own kubeconfig."""
    return home / "kubeconfig"


def component_log(home: Path, component: str) -> Path:
    """The log of a component, wherever its starter puts it."""
    log = home / "logs" / f"{component}.log"
    if log.exists():
        return log
    kwok_logs = home / "kwok" / "clusters" / home.name / "logs"
    return kwok_logs / f"{component}.log"


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, indented; a remark if the log is empty or missing."""
    try:
        text = path.read_text(errors="replace").rstrip()
    except OSError:
        text = ""
    last = text.splitlines()[-lines:] or ["(nothing was logged)"]
    return "\n".join(f"    {line}" for line in last)
