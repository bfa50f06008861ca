"""JSON Schemas of the stack file and the base file, made of the configuration records themselves."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from models.config import HostMount, Model, NamespaceConfig, PlatformConfig, ServiceConfig, StackConfig
from models.engine import EngineArgs
from models.features import Multimodal
from models.server import ChatTemplate, Server
from models.typed import Typed

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

# Records that a scalar may stand for, and what that scalar is.
_SCALARS: dict[type[Typed], dict[str, Any]] = {
    Model: {"type": "string", "pattern": "^/"},
    HostMount: {"type": "string", "pattern": "^/"},
    NamespaceConfig: {"type": "string"},
    PlatformConfig: {"enum": ["cce", "mindcluster"]},
    Server: {"enum": ["openai", "api_server"]},
    ChatTemplate: {"type": "string"},
    Multimodal: {"const": True},
}


def stack_schema(project: str = "ascend-vllm") -> dict[str, Any]:
    """The schema of `Pulumi.<stack>.yaml`."""
    definitions = _definitions()
    keys = definitions.pop("StackConfig")["properties"]
    config: dict[str, Any] = {
        "type": "object",
        "properties": {f"{project}:{key}": value for key, value in keys.items()},
    }
    config["patternProperties"] = {f"^(?!{project}:)[^:]+:": {}}
    config["additionalProperties"] = False
    return {
        "$schema": _DRAFT,
        "title": "A stack of Ascend-vLLM services",
        "type": "object",
        "properties": {
            "config": config,
            "environment": {},
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "encryptionsalt": {"type": "string"},
        },
        "additionalProperties": False,
        "$defs": definitions,
    }


def services_schema() -> dict[str, Any]:
    """The schema of the base file."""
    definitions = _definitions()
    services = definitions.pop("StackConfig")["properties"]["services"]
    return {
        "$schema": _DRAFT,
        "title": "Services that environments share",
        "type": "object",
        "properties": {"services": services},
        "required": ["services"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _definitions() -> dict[str, Any]:
    """Every record by name.

    What a file leaves out may come from the other one and null removes, so services require nothing and take null.
    """
    _, schema = models_json_schema([(StackConfig, "validation")], by_alias=True)
    definitions: dict[str, Any] = schema["$defs"]
    for partial in (ServiceConfig, EngineArgs, Model):
        definitions[partial.__name__].pop("required", None)
    for definition in definitions.values():
        for field in definition.get("properties", {}).values():
            _say_once(field)
    for record, scalar in _SCALARS.items():
        if record.__name__ in definitions:
            whole = definitions[record.__name__]
            definitions[record.__name__] = {"description": whole.pop("description", ""), "anyOf": [scalar, whole]}
    services = definitions["StackConfig"]["properties"]["services"]
    service = {"$ref": "#/$defs/ServiceConfig"}
    services["patternProperties"] = {
        pattern: {"anyOf": [service, {"type": "null"}]} for pattern in services["patternProperties"]
    }
    services["additionalProperties"] = False
    return definitions


def _say_once(field: dict[str, Any]) -> None:
    """Drop the title that repeats the key, and fold the description into one line."""
    field.pop("title", None)
    if "description" in field:
        field["description"] = " ".join(field["description"].split())
