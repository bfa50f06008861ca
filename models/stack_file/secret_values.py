"""`secure:` values: encrypted values of a stack file, which may only be keys of the stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.finding import Finding, Mark, Path, Span


def is_secure(value: Any) -> bool:
    """Whether a value is encrypted: `{secure: …}`."""
    return (
        isinstance(value, dict)
        and list(value) == ["secure"]
        and isinstance(value["secure"], str)
    )


def secure_paths(value: Any, path: Path) -> Iterator[Path]:
    """The places of all encrypted values below a value, which is at a path itself."""
    if is_secure(value):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from secure_paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from secure_paths(item, (*path, str(index)))


def referred_keys(value: Any) -> Iterator[str]:
    """The keys of the stack that a value may refer to with `{config: …}`, even if its shape is refused."""
    if _is_reference(value):
        yield str(value["config"])
    elif isinstance(value, dict):
        for item in value.values():
            yield from referred_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from referred_keys(item)


def with_other_keys(value: Any, keys: Mapping[str, str]) -> Any:
    """A value whose references have other keys of the stack.

    Args:
        value: The value.
        keys: The other keys, by the key that they replace.
    """
    if _is_reference(value):
        key = value["config"]
        return {"config": keys.get(str(key), key)}
    if isinstance(value, dict):
        return {name: with_other_keys(item, keys) for name, item in value.items()}
    if isinstance(value, list):
        return [with_other_keys(item, keys) for item in value]
    return value


def _is_reference(value: Any) -> bool:
    if not isinstance(value, dict) or list(value) != ["config"]:
        return False
    return not isinstance(value["config"], dict | list)


def secret_value(
    where: Path, span: Span | None, fix: str, service: str | None
) -> Finding:
    """The finding about an encrypted value inside of the configuration.

    Args:
        where: Its path.
        span: Its place.
        fix: How it is removed.
        service: The service that it belongs to.
    """
    return Finding(
        rule="secret-in-services",
        severity="error",
        message=f"{'.'.join(where)} is a secret value inside the configuration of the services",
        why="Pulumi passes it to the program as plain text, and the program would write it to a ConfigMap",
        fix=f"{fix}, run pulumi config set --secret NAME, and write {{config: NAME}} in place of the value",
        marks=(Mark(where, "", span),),
        service=service,
    )


def property_path(path: Path) -> str:
    """A path as `pulumi config --path` takes it."""
    first, *further = path
    return first + "".join(_step(key) for key in further)


def _step(key: str) -> str:
    if key.isdigit():
        return f"[{key}]"
    if "." in key:
        return f'["{key}"]'
    return f".{key}"
