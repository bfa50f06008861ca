"""What the sandbox's tests share: a cache of their own and programs made of a few lines of shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache directory, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GOCACHE", raising=False)
    monkeypatch.delenv("GOMODCACHE", raising=False)
    return tmp_path / "cache" / "ascend-vllm"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Put a program on PATH that runs a shell script; PATH has nothing else but /bin and /usr/bin's shell tools."""
    directory = tmp_path / "path"
    directory.mkdir()
    for tool in ("sh", "cat", "sleep", "touch", "mkdir", "echo", "cp", "env"):
        (directory / tool).symlink_to(
            Path("/bin") / tool if (Path("/bin") / tool).exists() else Path("/usr/bin") / tool
        )
    monkeypatch.setenv("PATH", str(directory))

    def make(name: str, script: str) -> Path:
        path = directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make
