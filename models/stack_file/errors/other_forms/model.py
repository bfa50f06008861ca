"""The model of a service in the form of volumes and of model hubs."""

from __future__ import annotations

from typing import Any

from models.engines.flags import plain_name
from models.stack_file.errors.nearest_names import path_below
from models.stack_file.errors.other_forms.words import Edits, Service, in_models

_CLAIM_KEYS = ("claim", "pvc", "persistentVolumeClaim", "claimName")
_CLAIM_KINDS = ("pvc", "persistentvolumeclaim", "volume", "claim")
_DIRECTORY_KEYS = ("directory", "subPath", "subpath", "path", "dir")
_OTHER_DIRECTORY_KEYS = _DIRECTORY_KEYS[1:]
_PATH_KEYS = ("path", "hostPath", "modelPath", "dir", "directory")
_HUB_KEYS = ("id", "repo", "repository", "repoId", "modelId")
_BUCKET_KEYS = ("bucket", "endpoint", "region")


def model(value: Any, _service: Service) -> Edits | None:
    """The model for a mapping with a path, a volume or the name of a hub."""
    if not isinstance(value, dict):
        return None
    values = dict(value)
    if "source" in values:
        source = _source(values["source"])
    else:
        source = _source_inside(values)
    if source is None:
        return None
    values["source"] = source
    if values.keys() == {"source"} and isinstance(source, str):
        return {"model": source}
    return {"model": values}


def _source(value: Any) -> Any:
    """The source of the weights; None if the mapping means none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return in_models(value)
    if not isinstance(value, dict):
        return None
    is_own_form = value.get("kind") == "claim" and "name" in value
    directory = value.get("directory")
    if isinstance(directory, str) and directory.startswith("/"):
        is_own_form = False
    if is_own_form and not value.keys() & {*_CLAIM_KEYS, *_OTHER_DIRECTORY_KEYS}:
        return value
    return _claim(dict(value)) or _host_path(value) or _bucket(value)


def _host_path(value: dict[str, Any]) -> str | None:
    """The path of a `hostPath` volume."""
    path = value.get("hostPath")
    if isinstance(path, dict):
        path = path.get("path")
    return in_models(path) if isinstance(path, str) else None


def _bucket(value: dict[str, Any]) -> dict[str, Any]:
    """A bucket with its kind; any other mapping stays."""
    for store in ("s3", "obs", "bucket"):
        if isinstance(value.get(store), dict):
            value = value[store]
    if all(key in value for key in _BUCKET_KEYS):
        return {**value, "kind": "bucket"}
    return value


def _claim(values: dict[str, Any]) -> dict[str, Any] | None:
    """A claim for the names that Kubernetes has for it; None for another source."""
    names = [values.pop(key) for key in _CLAIM_KEYS if key in values]
    is_claim = plain_name(str(values.pop("kind", ""))) in _CLAIM_KINDS
    if is_claim and not names:
        names = [values.get("name")]
    if not names:
        return None
    name = names[0]
    if isinstance(name, dict):
        name = name.get("name", name.get("claimName"))
    if not isinstance(name, str):
        return None
    claim = {"kind": "claim", "name": name}
    for key in ("size", "class"):
        if key in values:
            claim[key] = values[key]
    for key in _DIRECTORY_KEYS:
        if isinstance(values.get(key), str):
            claim["directory"] = path_below(values[key])
    if not claim.get("directory"):
        claim.pop("directory", None)
    return claim


def _source_inside(values: dict[str, Any]) -> Any:
    """The source of the weights whose keys are those of the model itself. It takes them out."""
    if any(key in values for key in _CLAIM_KEYS):
        claim = _claim(values)
        for key in (*_CLAIM_KEYS, *_DIRECTORY_KEYS, "kind"):
            values.pop(key, None)
        return claim
    if isinstance(values.get("hostPath"), dict):
        return _host_path({"hostPath": values.pop("hostPath")})
    for key in (*_PATH_KEYS, *_HUB_KEYS):
        if isinstance(values.get(key), str):
            return in_models(values.pop(key))
    if values.keys() == {"name"} and isinstance(values["name"], str):
        return in_models(values.pop("name"))
    return None
