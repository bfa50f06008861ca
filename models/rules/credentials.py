"""Credentials stand in Secrets, and in no file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.catalog.credentials import has_password, is_credential
from models.catalog.keys import OWNED_VARIABLES
from models.finding import Finding, Path, at, error
from models.resolve import ResolvedService
from models.rules import rule


@rule
def secret_in_env(service: ResolvedService) -> Iterator[Finding]:
    """No credential stands under `env` as plain text.

    Plain variables are exported by the launch script, which lies in a ConfigMap, and the stack file lies in a
    repository: who reads either has the value. Told by the name, such as `HF_TOKEN` or `…_PASSWORD`, or by the value.
    """
    for name, value in service.env.items():
        if name not in OWNED_VARIABLES and is_credential(name, value):
            key = name.lower().replace("_", "-").strip("-")
            yield error(
                f"{name} is a credential in plain text",
                why="it would stand in a ConfigMap, and stands in the history of the stack file",
                fix=f"choose a new value, set it with pulumi config set --secret {key}, "
                f"and write {name}: {{config: {key}}}",
                marks=[at("env", key=name)],
            )


@rule
def secret_in_url(service: ResolvedService) -> Iterator[Finding]:
    """No address holds a password.

    It would stand in the launch map or in the pod's arguments, and shows in the logs of whoever uses it.
    """
    for field, origin in service.origins.items():
        for path in _passwords(origin.value, tuple(field.split("."))):
            if path[:1] != ("env",) or not is_credential(path[-1], service.env.get(path[-1], "")):
                yield error(
                    f"{'.'.join(path)} holds a password in its address",
                    why="an address stands in scripts, arguments and logs",
                    fix="remove user and password; give them by a variable from a Secret, or use an open mirror",
                    marks=[at(".".join(path[:-1]), key=path[-1]) if len(path) > 1 else at(path[0])],
                )


def _passwords(value: Any, path: Path) -> Iterator[Path]:
    """Where an address with a password stands below a value."""
    if isinstance(value, str) and has_password(value):
        yield path
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _passwords(item, (*path, str(key)))
