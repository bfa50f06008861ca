"""Make an image of files of this machine, as an archive that `docker load` and containerd take, without a registry."""

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
        target: The archive; complete or not there.
        name: The image's name with its tag.
        files: What is in the image by its path there, without the first slash. A Path is copied with its mode, as a
            symbolic link where it is one, a directory without what is in it; a text is where a symbolic link leads;
            bytes are an executable file.
        entrypoint: What a container runs when its pod says nothing else.
        environment: Variables of every container.
    """
    new = target.with_name(f".{target.name}.new")
    layer = target.with_name(f".{target.name}.layer")
    try:
        _write_layer(layer, files)
        digest = _digest(layer)
        configuration = json.dumps(_configuration(digest, entrypoint, environment or {})).encode()
        named = f"{hashlib.sha256(configuration).hexdigest()}.json"
        manifest = json.dumps([{"Config": named, "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
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
        for directory in sorted({str(parent) for path in files for parent in Path(path).parents} - {"."} - {*files}):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
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


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whoever makes it, it is root's. Its time stays: Python compares it with that of what it compiled."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _add(archive: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _configuration(digest: str, entrypoint: Sequence[str], environment: Mapping[str, str]) -> dict[str, object]:
    variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **environment}
    run = {"Env": [f"{name}={value}" for name, value in variables.items()], "WorkingDir": "/"}
    machine = platform.machine()
    return {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {**run, **({"Entrypoint": list(entrypoint)} if entrypoint else {})},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as read:
        while block := read.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
