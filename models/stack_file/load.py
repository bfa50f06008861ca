"""From a stack's files to its configuration: read, merged by RFC 7386, every value with its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import Any, Protocol

from pydantic.alias_generators import to_camel

from models.finding import Finding, Mark, Path, Span
from models.stack_file.merge_patch import merge
from models.stack_file.named_files import read_named
from models.stack_file.parse import LoadedStack, parse_stack
from models.stack_file.secrets import ciphertexts, config_findings
from models.stack_file.stack import StackConfig
from models.stack_file.unknown_keys import nearest, unknown_key
from models.stack_file.yaml_file import YamlFile, read_yaml

_KEYS = [field.alias or name for name, field in StackConfig.model_fields.items()]
_TOP = dict.fromkeys(("config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt"))


Read = Callable[[File], str]
"""How the text of a file is got; raises OSError as reading from the disk does."""


def disk(file: File) -> str:
    """The text of a file as it is in the worktree; bytes that are no UTF-8 are kept for the findings."""
    return file.read_text("utf-8", "surrogateescape")


class ConfigSource(Protocol):
    """What the engine hands the program; `pulumi.Config` is one."""

    def get(self, key: str) -> str | None:
        """The text of a key, or None."""


def load_stack(
    name: str, config: ConfigSource | None = None, project: File | None = None, read: Read = disk
) -> LoadedStack:
    """Load a stack of the project.

    Args:
        name: The stack's name; its file is `Pulumi.<name>.yaml`.
        config: The values as the engine has them; without it they are read from the file, which gives the same.
        project: Directory of Pulumi.yaml; the working directory when left out.
        read: Where the texts of files come from; the disk when left out.

    Raises:
        FileNotFoundError: There is neither a file nor an engine to give the values.
    """
    project = project or File()
    file = project / read_project(project, read).config_directory / f"Pulumi.{name}.yaml"
    text = read(file) if config is None or file.exists() else ""
    return load_text(name, str(file), text, config, project, read)


def load_text(
    name: str, file: str, text: str, config: ConfigSource | None = None, project: File | None = None, read: Read = disk
) -> LoadedStack:
    """Load a stack from the text of its file; arguments as for `load_stack`."""
    project = project or File()
    own = read_project(project, read)
    prefix, directory = own.name, File(file).parent if file != "-" else project
    source = read_yaml(file, text)
    findings = [_in_our_words(finding, prefix) for finding in source.findings]
    values, beside = _stack_values(source, prefix, findings)
    if config is not None:
        values = {key: value for key in _KEYS if (value := _engine_value(config, key)) is not None}
    elif own.base:
        values.setdefault("base", own.base)
    spans = {ours: span for path, span in source.spans.items() if (ours := _ours(path, prefix)) is not None}
    spans.setdefault((), Span(file, 1, 1, 1, text.partition("\n")[0]))
    readable = not any(finding.rule == "yaml-syntax" for finding in findings)
    if readable:
        values, spans = _with_base(values, spans, directory, findings, read)
    secrets = list(_secrets(source, prefix))
    loaded = parse_stack(name, file, values, spans, complete=readable, prefix=prefix)
    if text and readable:
        referred = {*_configs(values.get("services"))}
        elsewhere = (name for name in referred - beside.keys() if config and config.get(name) is not None)
        beside |= {name: {"secure": ""} for name in elsewhere}
        findings += _unread_keys(source, prefix, beside.keys() - referred)
        findings += config_findings(loaded, beside)
    config_jsons, unread = _named(loaded, "config_json", "config-json", directory, read)
    weight_files, unlisted = _named(loaded, "verify", "weight-files", directory, read)
    refused = {str(finding.service) for finding in (*secrets, *unread, *unlisted)} & loaded.services.keys()
    return replace(
        loaded,
        services={service: config for service, config in loaded.services.items() if service not in refused},
        broken=(*loaded.broken, *sorted(refused)),
        config_jsons=config_jsons,
        weight_files=weight_files,
        secrets=ciphertexts(beside),
        findings=(*findings, *secrets, *_outside(loaded.findings, secrets), *unread, *unlisted),
    )


@dataclass(frozen=True)
class Project:
    """What Pulumi.yaml says that concerns the reading of stack files."""

    name: str = "ascend-vllm"
    config_directory: str = "."
    base: str = ""
    """The base file of stacks that name none: the default of the key `base`."""


def read_project(directory: File, read: Read = disk) -> Project:
    """The project's name, which prefixes its keys, and where its stack files lie."""
    file = directory / "Pulumi.yaml"
    try:
        value = read_yaml(str(file), read(file)).value
    except FileNotFoundError:
        value = None
    if not isinstance(value, dict):
        return Project()
    name, keys = str(value.get("name") or Project.name), value.get("config")
    base = (keys.get("base") or keys.get(f"{name}:base")) if isinstance(keys, dict) else None
    default = base.get("default") if isinstance(base, dict) else base
    return Project(name, str(value.get("stackConfigDir") or "."), default if isinstance(default, str) else "")


def _stack_values(source: YamlFile, prefix: str, findings: list[Finding]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The project's values of a stack file, and those beside them, which may be secrets; other keys become findings."""
    if source.value is None:
        return {}, {}
    if not isinstance(source.value, dict) or not isinstance(source.value.get("config", {}), dict | None):
        message, where = "a stack file is a mapping with the key config", _mark(source, ("config",))
        findings.append(
            Finding(
                "bad-value",
                "error",
                message,
                "Pulumi refuses the file",
                "write config: {}, then add the keys of docs/reference/stack-file.md",
                (where,),
            )
        )
        return {}, {}
    findings.extend(unknown_key(_mark(source, (key,)), key, _TOP) for key in source.value if key not in _TOP)
    values, beside = dict[str, Any](), dict[str, Any]()
    for key, value in (source.value.get("config") or {}).items():
        namespace, _, name = key.rpartition(":")
        if namespace == prefix and value is not None:
            (values if name in _KEYS else beside)[name] = value
        elif not namespace or (namespace == prefix and name not in _KEYS):
            findings.append(_unread_key(source, prefix, key))
    return values, beside


def _unread_keys(source: YamlFile, prefix: str, names: Iterable[str]) -> Iterator[Finding]:
    """The keys of the project that are neither its own nor referred to."""
    return (_unread_key(source, prefix, f"{prefix}:{name}") for name in sorted(names))


def _unread_key(source: YamlFile, prefix: str, key: str) -> Finding:
    near = nearest(key.rpartition(":")[2], dict.fromkeys(_KEYS))
    known = dict.fromkeys(f"{prefix}:{known}" for known in _KEYS)
    return unknown_key(_mark(source, ("config", key)), key, known, meant=f"{prefix}:{near}" if near else "-")


def _configs(value: Any) -> Iterator[str]:
    """The keys of the stack that a value may refer to, whatever else is wrong with its shape."""
    if isinstance(value, dict) and list(value) == ["config"]:
        yield str(value["config"])
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _configs(item)


def _ours(path: Path, prefix: str) -> Path | None:
    """A path of the file in the configuration language, or None for what is not the project's."""
    if path[:1] != ("config",) or (path[1:] and not path[1].startswith(f"{prefix}:")):
        return None
    return (path[1].removeprefix(f"{prefix}:"), *path[2:]) if path[1:] else ()


def _service_at(path: Path) -> str | None:
    return path[1] if path[:1] == ("services",) and path[1:] else None


def _named(loaded: LoadedStack, key: str, rule: str, directory: File, read: Read) -> tuple[Any, list[Finding]]:
    """What the files say that services name under a key of their model, by name, and those that cannot be read."""
    found: dict[str, Any] = {}
    findings: list[Finding] = []
    for service, config in loaded.services.items():
        if file := getattr(config.model, key):
            content, wrong = read_named(rule, directory / file, ("services", service, "model", to_camel(key)), read)
            findings += wrong
            if content:
                found[file] = content
    return found, findings


def _in_our_words(finding: Finding, prefix: str) -> Finding:
    """A finding about the file's form, with the service that it is about."""
    marks = tuple(replace(mark, path=_ours(mark.path, prefix) or mark.path) for mark in finding.marks)
    return replace(finding, marks=marks, service=_service_at(marks[0].path) if marks else None)


def _engine_value(config: ConfigSource, key: str) -> Any:
    text = config.get(key)
    try:
        return json.loads(text) if text and key != "base" else text or None
    except ValueError:
        return text


def _with_base(
    values: dict[str, Any], spans: dict[Path, Span], directory: File, findings: list[Finding], read: Read
) -> tuple[dict[str, Any], dict[Path, Span]]:
    """The services of the base file, changed by the stack's."""
    file = values.get("base")
    if not isinstance(file, str) or not file or "\0" in file:
        return {**values, "services": merge({}, values["services"])} if "services" in values else values, spans
    mark = Mark(("base",), "", spans.get(("base",)))
    source = _read_base(directory / file, mark, read)
    base = source.value if isinstance(source.value, dict) else {}
    findings += [replace(one, service=_service_at(one.marks[0].path) if one.marks else None) for one in source.findings]
    findings += [unknown_key(_mark(source, (key,)), key, {"services": None}) for key in base if key != "services"]
    if not isinstance(base.get("services"), dict) and not source.findings:
        findings.append(
            _bad_base(f"the base file {source.name} has no services", f"add the key services to {source.name}", mark)
        )
    for path in _secure_paths(base, ()):
        findings.append(_secret(path, source.spans.get(path), f"remove it from {source.name}"))
    own = values.get("services")
    services = merge(base.get("services"), {} if own is None else own)
    kept = {path: span for path, span in source.spans.items() if not _covers(values, path)}
    return {**values, "services": services}, {**kept, **spans}


def _covers(value: Any, path: Path) -> bool:
    """Whether the stack has a value of its own in the place of the mapping that the base's value stands in."""
    return not isinstance(value, dict) or (bool(path) and path[0] in value and _covers(value[path[0]], path[1:]))


def _read_base(file: File, mark: Mark, read: Read) -> YamlFile:
    try:
        return read_yaml(str(file), read(file))
    except OSError as problem:
        message = f"the base file {file} cannot be read: {problem.strerror}"
        fix = f"create {file} with the key services, or correct the path in base"
        return YamlFile(str(file), findings=[_bad_base(message, fix, mark)])


def _bad_base(message: str, fix: str, mark: Mark) -> Finding:
    return Finding(
        "base-file", "error", message, "the services of the stack extend those of the base file", fix, (mark,)
    )


def _secrets(source: YamlFile, prefix: str) -> Iterator[Finding]:
    for path in _secure_paths(source.value, ()):
        where = _ours(path, prefix)
        if where and where[0] in _KEYS:
            yield _secret(where, source.spans.get(path), f"run pulumi config rm --path '{_property_path(path[1:])}'")


def _secret(where: Path, span: Span | None, fix: str) -> Finding:
    return Finding(
        "secret-in-services",
        "error",
        f"{'.'.join(where)} is a secret value inside the configuration of the services",
        "Pulumi passes it to the program as plain text, and the program would write it to a ConfigMap",
        f"{fix}, run pulumi config set --secret NAME, and write {{config: NAME}} in place of the value",
        (Mark(where, "", span),),
        _service_at(where),
    )


def _property_path(path: Path) -> str:
    """A path as `pulumi config --path` takes it."""
    steps = (f"[{key}]" if key.isdigit() else f".{key}" if "." not in key else f'["{key}"]' for key in path[1:])
    return path[0] + "".join(steps)


def _secure_paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        if list(value) == ["secure"] and isinstance(value["secure"], str):
            yield path
        else:
            for key, item in value.items():
                yield from _secure_paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secure_paths(item, (*path, str(index)))


def _outside(findings: Iterable[Finding], secrets: list[Finding]) -> Iterator[Finding]:
    """The findings that are not about a secret's own value, which they might show."""
    hidden = [finding.marks[0].path for finding in secrets]
    for finding in findings:
        if not any(mark.path[: len(path)] == path for mark in finding.marks for path in hidden):
            yield finding


def _mark(source: YamlFile, path: Path) -> Mark:
    return Mark(path, "", source.spans.get(path))
