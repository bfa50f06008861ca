"""Writes an image of files as an archive for `docker load` and containerd, without a registry."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_BLOCK = 1 << 20


def write(
    target: Path,
    name: str,
    files: Mapping[str, Path | str | bytes],
    *,
    entrypoint: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> None:
    """Write an archive with one image of one layer.

    Args:
        target: The archive. If writing fails, there is no file.
        name: The name of the image with its tag.
        files: The files by their paths in the image, without the first slash. A Path is copied with its mode: a
            symbolic link as a link, a directory without its files. Text is the target of a symbolic link. Bytes are
            an executable file.
        entrypoint: The command of a container whose pod sets none.
        environment: Variables of every container.
    """
    new = target.with_name(f".{target.name}.new")
    layer = target.with_name(f".{target.name}.layer")
    try:
        _write_layer(layer, files)
        digest = _digest(layer)
        configuration = json.dumps(
            _configuration(digest, entrypoint, environment or {})
        ).encode()
        named = f"{hashlib.sha256(configuration).hexdigest()}.json"
        manifest = json.dumps(
            [{"Config": named, "RepoTags": [name], "Layers": ["layer.tar"]}]
        ).encode()
        with tarfile.open(new, "w") as archive:
            archive.add(layer, "layer.tar")
            _add(archive, named, configuration, 0o644)
            _add(archive, "manifest.json", manifest, 0o644)
        new.replace(target)
    finally:
        for left in (new, layer):
            left.unlink(missing_ok=True)


def _write_layer(layer: Path, files: Mapping[str, Path | str | bytes]) -> None:
    with tarfile.open(layer, "w") as archive:
        for directory in _directories(files):
            entry = tarfile.TarInfo(directory)
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o1777 if directory == "tmp" else 0o755
            archive.addfile(entry)
        for path, content in sorted(files.items()):
            if isinstance(content, Path):
                archive.add(content, path, recursive=False, filter=_anonymous)
            elif isinstance(content, bytes):
                _add(archive, path, content, 0o755)
            else:
                entry = tarfile.TarInfo(path)
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)


def _directories(files: Mapping[str, Path | str | bytes]) -> list[str]:
    """The directories that contain the files, and that are no entries themselves."""
    parents: set[str] = set()
    for path in files:
        parents.update(str(parent) for parent in Path(path).parents)
    return sorted(parents - {"."} - set(files))


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """A file of root. Its time is kept: Python compares it with the time of the compiled file."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _add(archive: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _configuration(
    digest: str, entrypoint: Sequence[str], environment: Mapping[str, str]
) -> dict[str, object]:
    variables = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        **environment,
    }
    config: dict[str, object] = {
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "WorkingDir": "/",
    }
    if entrypoint:
        config["Entrypoint"] = list(entrypoint)
    machine = platform.machine()
    return {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as read:
        while block := read.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
