"""Keep a stack file unchanged while Pulumi runs.

With a passphrase, `pulumi` adds `encryptionsalt:` to a stack file that has none, and reformats the file. In a sandbox
this salt protects nothing. So if only the salt was added, the file is restored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

_SALT = "encryptionsalt"


@contextmanager
def kept(project: Path, stack: str) -> Iterator[None]:
    """Restore the bytes of `Pulumi.<stack>.yaml` at the end, unless more than the salt was changed."""
    path = project / _directory(project) / f"Pulumi.{stack}.yaml"
    before = _content(path)
    try:
        yield
    finally:
        after = _content(path)
        is_changed = after is not None and after != before
        if is_changed and same_but_salt(before or b"", after or b""):
            _restore(path, before)


def _content(path: Path) -> bytes | None:
    """The bytes of a file; None if it does not exist."""
    if path.exists():
        return path.read_bytes()
    return None


def _directory(project: Path) -> str:
    """The directory of the stack files, relative to the project: `stackConfigDir` of Pulumi.yaml, or the project."""
    try:
        settings = yaml.safe_load((project / "Pulumi.yaml").read_bytes())
    except (OSError, yaml.YAMLError):
        return "."
    if not isinstance(settings, dict):
        return "."
    return str(settings.get("stackConfigDir") or ".")


def same_but_salt(before: bytes, after: bytes) -> bool:
    """Whether the second stack file has the same values as the first, and a salt that the first does not have."""
    try:
        old = yaml.safe_load(before) or {}
        new = yaml.safe_load(after) or {}
    except yaml.YAMLError:
        return False
    if not isinstance(old, dict) or not isinstance(new, dict):
        return False
    if _SALT in old or _SALT not in new:
        return False
    del new[_SALT]
    return bool(new == old)


def _restore(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
