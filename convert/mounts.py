"""The volumes in a container, and the files of ConfigMaps in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from convert.objects import Object
from convert.server_start import File

_NO_VOLUME_KINDS = ("name", "mountPath", "subPath", "readOnly")
"""Keys of a volume, and of a mount without a volume, that name no kind of volume."""


@dataclass(frozen=True)
class Mount:
    """A volume in a container."""

    path: str
    """Path in the container."""
    volume: Object
    sub_path: str = ""
    read_only: bool = False

    @property
    def volume_name(self) -> str:
        """The name of the volume."""
        return self.volume.at("name").text()

    @property
    def host_path(self) -> str:
        """Path on the node; empty for a volume that is not a directory of the node."""
        path = self.volume.at("hostPath", "path").text()
        if path and self.sub_path:
            return str(PurePosixPath(path, self.sub_path))
        return path

    @property
    def claim(self) -> str:
        """The name of its PersistentVolumeClaim; empty for any other volume."""
        return self.volume.at("persistentVolumeClaim", "claimName").text()

    @property
    def volume_kind(self) -> str:
        """The kind of its volume: `nfs`, `emptyDir`; empty if the pod does not declare it."""
        kinds = [key for key in self.volume.mapping() if key not in _NO_VOLUME_KINDS]
        return next(iter(kinds), "")


def mounts_of(spec: Object, container: Object) -> tuple[Mount, ...]:
    """The mounts of a container.

    Args:
        spec: The spec of its pod.
        container: The container.
    """
    volumes = {}
    for volume in spec.at("volumes").items():
        name = volume.at("name").text()
        volumes[name] = volume
    mounts = []
    for entry in container.at("volumeMounts").items():
        name = entry.at("name").text()
        mount = Mount(
            path=entry.at("mountPath").text(),
            volume=volumes.get(name, entry),
            sub_path=entry.at("subPath").text(),
            read_only=entry.at("readOnly").value is True,
        )
        mounts.append(mount)
    return tuple(mounts)


def mounted_files(
    mounts: Iterable[Mount], config_maps: Sequence[Object]
) -> Iterator[File]:
    """The files that a container mounts from ConfigMaps, by their paths in the container."""
    for mount in mounts:
        config_map = _config_map(mount, config_maps)
        if not config_map:
            continue
        for key, text in config_map.at("data").mapping().items():
            if not isinstance(text, str):
                continue
            if not mount.sub_path:
                directory = mount.path.rstrip("/")
                yield File(f"{directory}/{key}", text)
            elif mount.sub_path == key:
                yield File(mount.path, text)


def _config_map(mount: Mount, config_maps: Sequence[Object]) -> Object | None:
    name = mount.volume.at("configMap", "name").text()
    if not name:
        return None
    return next(
        (config_map for config_map in config_maps if config_map.name == name), None
    )
