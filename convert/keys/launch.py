"""The keys of a service that the command line and the environment of its server determine."""

from __future__ import annotations

import re
from typing import Any

from convert.keys.features import feature_values
from convert.keys.launched import Launched, note_download
from convert.keys.plugin import additional_config, compilation_config
from convert.minimal import Values
from convert.node_paths import Weights
from convert.number_list import number_list
from convert.placeholder import PLACEHOLDER
from models.engines.engine_args import EngineArgs
from models.engines.flags import Flag
from models.launch.init_steps import MIND_SPEED_DIRECTORY
from models.stack_file.shell_text import value_without_shell

_HOST = "0.0.0.0"  # noqa: S104  the manual's address, instead of ${docker_ip}
_PORT = 8000
"""vLLM's port without the flag."""
_LENGTH = "max-model-len"
"""The name under which `--set` gives the length if neither the command nor the catalogue names one."""
_LENGTH_OF_MODEL = ("auto", "-1", -1)
"""Values of `--max-model-len` that leave the length to the model."""
_ENGINE_KEYS = {info.alias for info in EngineArgs.model_fields.values()}
_JSON_KEYS = ("compilationConfig", "additionalConfig")
"""Keys whose fields have other names on the command line."""
_SERVER_FLAGS = ("ssl-", "uvicorn", "root-path", "disable-log-requests")
"""Beginnings of flags that both servers have, and that do not concern the engine."""


_OWN_ADDRESSES = ("HCCL_IF_IP", "VLLM_HOST_IP")
"""Variables with the address of the machine itself."""
_ADDRESS = re.compile(r"(?!127\.)\d{1,3}(\.\d{1,3}){3}")
_POD_FIELD_OF_OUTPUT = {
    "${output-of-hostname-i}": "status.podIP",
    "${output-of-hostname-I}": "status.podIP",
    "${output-of-hostname}": "metadata.name",
}
"""Fields of the pod that have the output of a command, by the placeholder of the output."""


def launch_values(launched: Launched) -> Values:
    """The keys of a service that its launch determines, defaults included."""
    values: Values = {
        "model": _model(launched),
        "engine": _engine(launched),
        "server": _server(launched),
        **feature_values(launched),
    }
    _add_further_flags(values, launched)
    devices = _visible_devices(launched)
    if devices is not None:
        values["visibleDevices"] = devices
    values["env"] = _env(launched)
    return values


def _model(launched: Launched) -> Values:
    model = launched.flag("model") or ""
    weights = launched.weights()
    if weights.claim:
        return _model_in_claim(launched, weights)
    path = launched.directory(weights.node_path) if weights.node_path else ""
    if not model:
        launched.assume(
            f"model {path or '?'}", weights.reason or "the script names no model"
        )
    elif weights.reason and PLACEHOLDER.search(model):
        launched.assume(f"model {path}", weights.reason, "model")
    if not path:
        return {}
    old_path = weights.container_path
    note_download(launched, old_path, "model")
    if path != old_path and not PLACEHOLDER.search(path):
        why = "weights are mounted at the node's path"
        if not launched.flag("served-model-name"):
            launched.flags.values["served-model-name"] = [old_path]
            why += "; servedModelName keeps the old name for requests"
        launched.assume(f"model {path} instead of {old_path}", why, "model")
    if launched.model_name:
        return {"name": launched.model_name, "source": path}
    return {"source": path}


def _model_in_claim(launched: Launched, weights: Weights) -> Values:
    """The model in a PersistentVolumeClaim, under the same path in the container."""
    if weights.reason:
        launched.assume(f"model {weights.container_path}", weights.reason, "model")
    source: Values = {"kind": "claim", "name": weights.claim}
    if weights.directory:
        source["directory"] = weights.directory
    source |= launched.claims.get(weights.claim, {})
    return {
        "name": launched.model_name or weights.name,
        "source": source,
        "mountPath": weights.container_path,
    }


def _version(launched: Launched) -> Values:
    """The version of the engine, if the image does not name it."""
    version = launched.release.version
    if launched.engine.written:
        launched.assume(f"engine.version {version}", launched.engine.reason)
        return {"version": version}
    if launched.engine.reason:
        launched.assume(f"rules of vLLM {version}", launched.engine.reason)
    return {}


def _engine(launched: Launched) -> Values:
    values = _version(launched)
    values["tensorParallelSize"] = 1
    for flag, key in _engine_keys(launched).items():
        value = launched.flag(flag)
        if value is not None:
            values[key] = value
    if launched.flag("worker-use-ray"):
        values["distributedExecutorBackend"] = "ray"
    if launched.takes_json:
        values["compilationConfig"] = compilation_config(launched)
        values["additionalConfig"] = additional_config(launched)
    if values.get("maxModelLen") in _LENGTH_OF_MODEL:
        del values["maxModelLen"]
    facts = launched.model_facts()
    if "maxModelLen" in values:
        return values
    length = launched.settings.get(_LENGTH)
    if length:
        values["maxModelLen"] = int(length) if length.isdecimal() else length
    elif facts and facts.longest:
        values["maxModelLen"] = facts.longest
        launched.assume(
            f"maxModelLen {facts.longest}",
            "vLLM reads it from the model if the flag is missing",
        )
    return values


def _engine_keys(launched: Launched) -> dict[str, str]:
    """The keys of the engine by their flags, in the order of the command that the program writes."""
    keys = {}
    for flag, key in launched.release.owned_flags.items():
        section, _, name = key.partition(".")
        if section == "engine" and name in _ENGINE_KEYS and name not in _JSON_KEYS:
            keys[flag] = name
    return keys


def _server(launched: Launched) -> Values:
    values: Values = {
        "kind": launched.start.kind,
        "host": _host(launched),
        "port": _port(launched),
    }
    template = launched.flag("chat-template")
    if template:
        values["chatTemplate"] = _chat_template(launched, str(template))
    values |= _parsers(launched)
    return values


def _parsers(launched: Launched) -> Values:
    """The parsers of reasoning and of tool calls, where the release has keys for them."""
    values: Values = {}
    owned_flags = launched.release.owned_flags
    if "reasoning-parser" in owned_flags:
        values["reasoningParser"] = launched.flag("reasoning-parser")
    if "tool-call-parser" not in owned_flags:
        return values
    parser = launched.flag("tool-call-parser")
    values["toolCallParser"] = parser
    is_on = launched.flag("enable-auto-tool-choice")
    if parser and not is_on:
        launched.assume(
            "--enable-auto-tool-choice",
            "server.toolCallParser turns it on; without it, the parser has no effect",
            "tool-call-parser",
        )
    if is_on and not parser:
        launched.drop(
            "--enable-auto-tool-choice",
            "vLLM does not start with it and without --tool-call-parser",
            "enable-auto-tool-choice",
        )
    return {key: value for key, value in values.items() if value}


def _host(launched: Launched) -> Any:
    host = launched.flag("host")
    if not host:
        return _HOST
    if PLACEHOLDER.fullmatch(str(host)):
        launched.assume(f"host {_HOST}", f"the manual's value for {host}", "host")
        return _HOST
    return host


def _port(launched: Launched) -> Any:
    port = launched.flag("port")
    if port is None:
        launched.assume(f"port {_PORT}", "vLLM's default without the flag")
        return _PORT
    is_placeholder = PLACEHOLDER.fullmatch(str(port))
    of_container = int(launched.port) if launched.port.isdecimal() else 0
    if is_placeholder and of_container:
        launched.assume(
            f"port {of_container}", f"the port of the container, for {port}", "port"
        )
        return of_container
    return port or _PORT


def _chat_template(launched: Launched, template: str) -> Values:
    """A chat template: its text if a ConfigMap or the flag contains it, else its path in the image."""
    text = launched.paths.files.get(template)
    if text is not None:
        return {"inline": text}
    if "{" in template and not PLACEHOLDER.fullmatch(template):
        return {"inline": template}
    if launched.paths.find(template):
        why = "the file is on the node, and the pod does not mount it: write it under server.chatTemplate.inline"
        launched.drop(f"the mount of {template}", why, "chat-template")
    return {"path": template}


def _add_further_flags(values: Values, launched: Launched) -> None:
    """Add the flags without a key under `extraArgs` of the engine and of the server."""
    flags = launched.release.flags
    of_engine: Values = {}
    of_server: Values = {}
    for name, value in launched.flags.values.items():
        if name in launched.release.owned_flags:
            continue
        flag = flags[name]
        if _is_of_server(flag):
            of_server[flag.key] = value
        else:
            of_engine[flag.key] = value
    values["engine"]["extraArgs"] = of_engine
    values["server"]["extraArgs"] = of_server


def _is_of_server(flag: Flag) -> bool:
    """Whether a flag concerns the HTTP server and not the engine."""
    return len(flag.servers) == 1 or flag.name.startswith(_SERVER_FLAGS)


def _visible_devices(launched: Launched) -> list[int] | str | None:
    """The indices of NPUs that the script exports; None if it leaves them to the container."""
    text = launched.variable("ASCEND_RT_VISIBLE_DEVICES")
    if not text or PLACEHOLDER.fullmatch(text):
        return None
    return number_list(text, surrounded_by=", ")


def _env(launched: Launched) -> dict[str, str | dict[str, str]]:
    """The variables that no key stands for."""
    values: dict[str, str | dict[str, str]] = {}
    owned_variables = launched.release.owned_variables
    for name, setting in launched.start.environment.items():
        text = setting.text
        if name in launched.used_variables:
            continue
        if name == "PYTHONPATH" and launched.start.mind_speed:
            text = _without_mind_speed(text)
            if not text:
                continue
        if name in owned_variables:
            why = f"the stack file sets it by {owned_variables[name]}"
            launched.notes.drop(name, why, setting.place)
        else:
            values[name] = _env_value(name, text)
            _note_address(launched, name, text)
    return values


def _note_address(launched: Launched, name: str, text: str) -> None:
    """Note an address of a machine, in place of which a pod has its own."""
    if name in _OWN_ADDRESSES and _ADDRESS.fullmatch(text):
        place = launched.start.environment[name].place
        why = "it is the address of a machine, and each pod has its own address"
        launched.notes.replace(f"{name} {text}", why, place)


def _env_value(name: str, text: str) -> str | dict[str, str]:
    """A value for `env`: a field of the pod or an added path in place of text that only a shell expands."""
    field = _POD_FIELD_OF_OUTPUT.get(text)
    if name in _OWN_ADDRESSES and _ADDRESS.fullmatch(text):
        field = "status.podIP"
    if field:
        return {"field": field}
    if PLACEHOLDER.fullmatch(text) and "-" in text:
        return text
    return value_without_shell(name, text) or text


def _without_mind_speed(python_path: str) -> str:
    """The PYTHONPATH without MindSpeed, which `mindSpeed` adds."""
    rest = python_path.removeprefix(MIND_SPEED_DIRECTORY).removeprefix(":")
    return rest.removesuffix("${PYTHONPATH}").strip(":")
