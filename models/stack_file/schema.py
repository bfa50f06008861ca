"""JSON Schemas of the stack file and the base file, made of the configuration records themselves."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic.json_schema import models_json_schema

from models.engines.ascend_vllm.features import Multimodal
from models.engines.server import Server
from models.record import NAMESPACE, Record
from models.stack_file.cluster import ClusterConfig, HostMount, NamespaceConfig, PlatformConfig, Pool
from models.stack_file.exposure import Destination, Expose
from models.stack_file.model import Model
from models.stack_file.monitoring import Monitoring
from models.stack_file.operation import Queue
from models.stack_file.stack import StackConfig

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

# Records beside `services`; in all others null removes what the base file gives.
_ABOVE_SERVICES = {
    record.__name__ for record in (StackConfig, ClusterConfig, NamespaceConfig, PlatformConfig, HostMount, Pool, Queue)
}

_SECRET = {
    "description": "A secret key: `pulumi config set --secret NAME`; services refer to it as `{config: NAME}`.",
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}

# Records that a scalar may stand for, and what that scalar is.
_SCALARS: dict[type[Record], dict[str, Any]] = {
    Model: {"type": "string", "pattern": "^/"},
    HostMount: {"type": "string", "pattern": "^/"},
    NamespaceConfig: {"type": "string", "pattern": NAMESPACE},
    PlatformConfig: {"enum": ["cce", "mindcluster"]},
    Server: {"enum": ["openai", "api_server"]},
    Multimodal: {"const": True},
    Monitoring: {"const": True},
    Expose: {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    Destination: {"type": "string"},
}


def stack_schema(project: str = "ascend-vllm") -> dict[str, Any]:
    """The schema of `Pulumi.<stack>.yaml`."""
    definitions = _definitions()
    keys = definitions.pop("StackConfig")["properties"]
    config: dict[str, Any] = {
        "type": "object",
        "properties": {f"{project}:{key}": value for key, value in keys.items()},
    }
    others = "|".join(keys)
    config["patternProperties"] = {
        f"^(?!{project}:)[^:]+:": {},
        f"^{project}:(?!({others})$)[a-z]([-a-z0-9]*[a-z0-9])?$": _SECRET,
    }
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
    while unused := definitions.keys() - set(re.findall(r"#/\$defs/(\w+)", json.dumps([services, definitions]))):
        definitions = {name: record for name, record in definitions.items() if name not in unused}
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
    for name, definition in definitions.items():
        if name not in _ABOVE_SERVICES:
            definition.pop("required", None)
        fields = definition.get("properties", {})
        for key, field in fields.items():
            _say_once(field)
            _close(field)
            if name not in _ABOVE_SERVICES:
                fields[key] = _nullable(field)
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


def _close(field: dict[str, Any]) -> None:
    """Refuse keys that do not have the form that the keys of a mapping must have."""
    for schema in (field, *field.get("anyOf", [])):
        if "patternProperties" in schema:
            schema["additionalProperties"] = False


def _nullable(field: dict[str, Any]) -> dict[str, Any]:
    """A field that may also be null, and so may the values of a mapping in it."""
    for schema in (field, *field.get("anyOf", [])):
        for pattern, value in schema.get("patternProperties", {}).items():
            schema["patternProperties"][pattern] = _nullable(value)
    if {"type": "null"} in field.get("anyOf", []):
        return field
    kept: dict[str, Any] = {key: field.pop(key) for key in ("description", "default", "examples") if key in field}
    return {"anyOf": [field, {"type": "null"}], **kept}


def _say_once(field: dict[str, Any]) -> None:
    """Drop the title that repeats the key and the bounds of texts, and fold the description into one line."""
    field.pop("title", None)
    for schema in (field, *field.get("anyOf", [])):
        for bound in ("ge", "le"):
            schema.pop(bound, None)
    if "description" in field:
        field["description"] = " ".join(field["description"].split())
