"""Credentials stand in Secrets, and in no file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.credentials import has_password, is_credential
from models.engines.ascend_vllm.owned_keys import OWNED_VARIABLES
from models.finding import Finding, Mark, Path, error
from models.rules.registry import rule
from models.service.resolved import ResolvedService


@rule
def secret_in_env(service: ResolvedService) -> Iterator[Finding]:
    """No credential stands as plain text, under `env` or elsewhere.

    Plain variables are exported by the launch script, which lies in a ConfigMap, those of a container of `podTemplate`
    stand in the pod, and the stack file lies in a repository: who reads any of them has the value. Told by the
    variable's name, such as `HF_TOKEN` or `…_PASSWORD`, or by the value.
    """
    for path, name, value in texts(service):
        if name not in OWNED_VARIABLES and is_credential(name, value):
            key = name.lower().replace("_", "-").strip("-")
            kept = f"set it with pulumi config set --secret {key}, and write {name}: {{config: {key}}}"
            elsewhere = "keep it in a Secret, and refer to that from a container's variable (valueFrom.secretKeyRef)"
            yield error(
                f"{name or '.'.join(path)} is a credential in plain text",
                why="it would stand in a ConfigMap or a pod, and stands in the history of the stack file",
                fix=f"choose a new value, {kept if path[0] == 'env' else elsewhere}",
                marks=[Mark(path)],
            )


@rule
def secret_in_url(service: ResolvedService) -> Iterator[Finding]:
    """No address holds a password.

    It would stand in the launch map or in the pod's arguments, and shows in the logs of whoever uses it.
    """
    for path, name, value in texts(service):
        if has_password(value) and not is_credential(name, value):
            yield error(
                f"{'.'.join(path)} holds a password in its address",
                why="an address stands in scripts, arguments and logs",
                fix="remove user and password; give them by a variable from a Secret, or use an open mirror",
                marks=[Mark(path)],
            )


def texts(service: ResolvedService) -> Iterator[tuple[Path, str, str]]:
    """Every text of a service: where it stands, the name of the variable that it is for, if any, and the text."""
    for field, origin in service.origins.items():
        for path, name, value in _below(origin.value, tuple(field.split("."))):
            yield path, path[-1] if path[0] == "env" else name, value


def _below(value: Any, path: Path, name: str = "") -> Iterator[tuple[Path, str, str]]:
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, dict | list):
        called = str(value.get("name", "")) if isinstance(value, dict) else ""
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _below(item, (*path, str(key)), called if key == "value" else "")
