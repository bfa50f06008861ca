"""Keep a stack file as its author wrote it.

With a passphrase, `pulumi` adds `encryptionsalt:` to a stack file that has none, and formats the rest anew on the way.
In a sandbox that salt protects nothing, so a file that differs in nothing else gets its bytes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

_SALT = "encryptionsalt"


@contextmanager
def kept(project: Path, stack: str) -> Iterator[None]:
    """Afterwards `Pulumi.<stack>.yaml` is byte for byte what it was, unless more than the salt was changed in it."""
    path = project / _directory(project) / f"Pulumi.{stack}.yaml"
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    finally:
        after = path.read_bytes() if path.exists() else None
        if (
            after is not None
            and after != before
            and same_but_salt(before or b"", after)
        ):
            _restore(path, before)


def _directory(project: Path) -> str:
    """Where the project keeps its stack files, relative to itself: `stackConfigDir`, by default beside Pulumi.yaml."""
    try:
        settings = yaml.safe_load((project / "Pulumi.yaml").read_bytes())
    except (OSError, yaml.YAMLError):
        return "."
    return (
        str(settings.get("stackConfigDir") or ".")
        if isinstance(settings, dict)
        else "."
    )


def same_but_salt(before: bytes, after: bytes) -> bool:
    """Whether two stack files mean the same, but for a salt that only the second has."""
    try:
        old, new = yaml.safe_load(before) or {}, yaml.safe_load(after) or {}
    except yaml.YAMLError:
        return False
    if (
        not isinstance(old, dict)
        or not isinstance(new, dict)
        or _SALT in old
        or _SALT not in new
    ):
        return False
    return {key: value for key, value in new.items() if key != _SALT} == old


def _restore(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
