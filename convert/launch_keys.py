"""From a server's start to the keys of a service: flags and variables, each under the key that owns it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from convert.flags import Flags
from convert.note import Note, assumed, dropped
from convert.paths import Paths
from convert.scope import PLACEHOLDER
from convert.start import Setting, Start
from models.catalog.known import find_model
from models.engines.ascend_vllm.engine_args import EngineArgs
from models.engines.ascend_vllm.owned_keys import (
    ENGINE_FLAGS,
    OWNED_FLAGS,
    OWNED_VARIABLES,
    PICTURE_VARIABLES,
)
from models.engines.flags import Flag
from models.engines.releases import DEFAULT_VERSION, release
from models.launch.init_steps import MIND_SPEED_DIRECTORY

Values = dict[str, Any]

_TIMEOUT = "VLLM_ENGINE_ITERATION_TIMEOUT_S"
_EXPANSION = "HCCL_OP_EXPANSION_MODE"
_SEGMENTS = re.compile(r"expandable_segments:(True|False)")
_HOST = "0.0.0.0"  # noqa: S104  the manual's address, in the place of ${docker_ip}


@dataclass
class Launched:
    """A start, and what is made of it."""

    start: Start
    flags: Flags
    paths: Paths
    port: str
    """The container's port, where it gives one."""
    notes: list[Note] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Variables that a key stands for."""

    def flag(self, name: str) -> Any:
        """The value of a flag, or None."""
        return self.flags.values.get(name)

    def variable(self, name: str) -> str | None:
        """The value of a variable, or None; it is then none of `env`."""
        setting = self.start.environment.get(name)
        self.used.add(name)
        return setting.text if setting else None

    def assume(self, what: str, why: str, flag: str = "") -> None:
        """Note what was taken for something that is not given."""
        line = self.flags.lines.get(flag, 0)
        self.notes.append(assumed(what, why, self.start.file if line else "", line))

    def drop(self, what: str, why: str, flag: str = "") -> None:
        """Note what has no place."""
        line = self.flags.lines.get(flag, 0)
        self.notes.append(dropped(what, why, self.start.file if line else "", line))


def launch_values(launched: Launched) -> Values:
    """The keys of a service that its launch gives, all of them written out."""
    values: Values = {"model": _model(launched), "engine": _engine(launched), "server": _server(launched)}
    values |= _features(launched)
    groups = further_flags(launched)
    values["engine"]["extraArgs"], values["server"]["extraArgs"] = groups
    values["env"] = _env(launched)
    return values


def _model(launched: Launched) -> Values:
    given = launched.flag("model")
    found = launched.paths.model(given or "")
    if given and found.because and PLACEHOLDER.search(given):
        launched.assume(f"model {found.source}", found.because, "model")
    elif not given:
        launched.assume(f"model {found.source or '?'}", found.because or "the script names none", "")
    if found.source and found.seen != found.source and not PLACEHOLDER.search(found.source):
        why = "the container sees weights under the node's path here; requests go on naming the old one"
        launched.assume(f"model {found.source} instead of {found.seen}", why, "model")
        launched.flags.values.setdefault("served-model-name", [found.seen])
    return {"source": found.source} if found.source else {}


def _engine(launched: Launched) -> Values:
    values: Values = {"tensorParallelSize": 1}
    for name in ENGINE_FLAGS:
        value = launched.flag(name.replace("_", "-"))
        if value is not None:
            values[EngineArgs.model_fields[name].alias or name] = value
    if launched.flag("worker-use-ray"):
        values["distributedExecutorBackend"] = "ray"
    if "maxModelLen" not in values:
        name = PurePosixPath(str(launched.paths.model(launched.flag("model") or "").source)).name
        known = find_model(name)
        if known and known.facts and known.facts.longest:
            values["maxModelLen"] = known.facts.longest
            launched.assume(f"maxModelLen {known.facts.longest}", "what vLLM takes from the model without the flag")
    return values


def _server(launched: Launched) -> Values:
    host, port = launched.flag("host"), launched.flag("port")
    values: Values = {"kind": launched.start.kind, "host": host or _HOST, "port": port or 8000}
    if host is None or PLACEHOLDER.fullmatch(str(host)):
        values["host"] = _HOST
        if host:
            launched.assume(f"host {_HOST}", f"the manual has it for {host}", "host")
    if port is None or PLACEHOLDER.fullmatch(str(port)):
        own = int(launched.port) if launched.port.isdecimal() else None
        if port is not None and own:
            values["port"] = own
            launched.assume(f"port {own}", f"the container's port, for {port}", "port")
        elif port is None:
            launched.assume("port 8000", "vLLM's own without the flag")
    if template := launched.flag("chat-template"):
        values["chatTemplate"] = _template(launched, str(template))
    return values


def _template(launched: Launched, given: str) -> Values:
    """A chat template: its text, where a ConfigMap has it or it is written as the flag's value."""
    text = launched.paths.files.get(given)
    if text is not None:
        return {"inline": text}
    if "{" in given and not PLACEHOLDER.fullmatch(given):
        return {"inline": given}
    if launched.paths.host(given):
        why = "it lies on the node, and the pod sees nothing of that here: write it under server.chatTemplate.inline"
        launched.drop(f"the mount of {given}", why, "chat-template")
    return {"path": given}


def _features(launched: Launched) -> Values:
    values: Values = {"graph": _graph(launched), "multimodal": _multimodal(launched)}
    if launched.flag("enable-prefix-caching"):
        values["prefixCaching"] = True
    launched.variable("USE_PREFIX_HIGH_PRECISION_MODE")
    values["quantization"] = launched.flag("quantization")
    values["lora"] = _lora(launched)
    values["speculative"] = _speculative(launched)
    prefill, decode = (launched.variable(f"USE_{kind}_HIGH_PRECISION_MODE") for kind in ("PFA", "IFA"))
    values["precision"] = {"prefill": prefill != "0", "decode": decode == "1"}
    if launched.start.mind_speed:
        known = {key: value for key, value in launched.start.mind_speed.items() if value}
        values["mindSpeed"] = {"kind": "install", **known}
    return {key: value for key, value in values.items() if value}


def _graph(launched: Launched) -> Values:
    mode, gears = launched.variable("INFER_MODE"), launched.variable("PTA_TORCHAIR_DECODE_GEAR_LIST")
    launched.variable("PTA_TORCHAIR_DECODE_GEAR_ENABLE")
    if launched.flag("enforce-eager"):
        if mode:
            launched.drop("INFER_MODE", "--enforce-eager switches graphs off (manual, Step 3)", "enforce-eager")
        return {"kind": "eager"}
    if (mode or "").upper() != "PTA":
        return {"kind": "cann"}
    values: Values = {"kind": "pta", "warmUp": launched.start.warm_up}
    if gears:
        parts = [part.strip() for part in gears.split(",")]
        values["gears"] = [int(part) for part in parts] if all(map(str.isdecimal, parts)) else gears
    if timeout := launched.variable(_TIMEOUT):
        values["iterationTimeout"] = _seconds(timeout)
    if launched.start.environment.get(_EXPANSION, Setting("AIV")).text == "AIV":
        launched.used.add(_EXPANSION)
    return values


def _multimodal(launched: Launched) -> Values | bool | None:
    """Pictures, where a flag or the manual's variables speak of them."""
    pictures = launched.flag("limit-mm-per-prompt")
    fetch = launched.start.environment.get("VLLM_IMAGE_FETCH_TIMEOUT")
    known = find_model(PurePosixPath(str(launched.paths.model(launched.flag("model") or "").source)).name)
    if not pictures and not (fetch and "PYTORCH_NPU_ALLOC_CONF" in launched.start.environment):
        if known and known.facts and known.facts.multimodal:
            launched.assume(
                "no multimodal", "no variable or flag speaks of pictures; multimodal: true sets the manual's"
            )
        return None
    values: Values = {}
    if isinstance(pictures, dict) and set(pictures) == {"image"}:
        values["imagesPerPrompt"] = pictures["image"]
    elif pictures:
        launched.drop("--limit-mm-per-prompt", "only the number of pictures has a key", "limit-mm-per-prompt")
    if fetch:
        values["imageFetchTimeout"] = _seconds(fetch.text)
    if timeout := launched.start.environment.get(_TIMEOUT):
        values["iterationTimeout"] = _seconds(timeout.text)
    segments = launched.start.environment.get("PYTORCH_NPU_ALLOC_CONF")
    if found := _SEGMENTS.fullmatch(segments.text if segments else ""):
        values["expandableSegments"] = found[1] == "True"
    launched.used |= {*PICTURE_VARIABLES, _TIMEOUT}
    return values or True


def _lora(launched: Launched) -> Values | None:
    modules = launched.flag("lora-modules")
    if not modules:
        if launched.flag("enable-lora"):
            launched.drop("--enable-lora", "no adapter is named by --lora-modules", "enable-lora")
        return None
    adapters = {}
    for module in modules:
        name, path = lora_module(str(module))
        if name in adapters:
            launched.drop(f"the first adapter {name}", "the last one of a name counts", "lora-modules")
        adapters[name] = launched.paths.on_node(path)
    found = {"maxRank": launched.flag("max-lora-rank"), "maxLoras": launched.flag("max-loras")}
    usual = {"maxRank": 16, "maxLoras": 1}
    return {"adapters": adapters, **{key: usual[key] if value is None else value for key, value in found.items()}}


def lora_module(text: str) -> tuple[str, str]:
    """Name and path of an adapter: `name=path`, or JSON with both."""
    try:
        found = json.loads(text) if text.startswith("{") else None
    except ValueError:
        found = None
    if isinstance(found, dict):
        return str(found.get("name", "")), str(found.get("path", ""))
    name, _, path = text.partition("=")
    return name, path


def _speculative(launched: Launched) -> Values | None:
    safe, _ = launched.variable("EAGLE_USE_SAFE_AI_LAB_STYLE"), launched.variable("ENABLE_SPEC_METRIC")
    source = launched.flag("speculative-model")
    if not source:
        return None
    given = {
        "tokens": launched.flag("num-speculative-tokens"),
        "promptLookupMax": launched.flag("ngram-prompt-lookup-max"),
        "promptLookupMin": launched.flag("ngram-prompt-lookup-min"),
    }
    kept = {key: value for key, value in given.items() if value is not None}
    if source == "[ngram]":
        return {"kind": "ngram", **kept}
    eagle = safe == "1"
    if not eagle and ("eagle" in PurePosixPath(source).name.lower() or launched.start.conversion):
        eagle = True
        launched.assume(
            "speculative.kind eagle", "the draft model is named or converted like a head", "speculative-model"
        )
    values = {"kind": "eagle" if eagle else "draft", "source": launched.paths.on_node(source), **kept}
    if converted := launched.start.conversion:
        files = {"baseWeights": converted.get("base-weight-name"), "draftWeights": converted.get("draft-weight-name")}
        values["convert"] = {"tools": converted["tools"], **{key: text for key, text in files.items() if text}}
    return values


def further_flags(launched: Launched) -> tuple[Values, Values]:
    """The flags without a key of their own: the engine's, and those of the server's own."""
    flags = release(DEFAULT_VERSION).flags
    further = {name: value for name, value in launched.flags.values.items() if name not in OWNED_FLAGS}
    own = {name for name in further if _is_servers(flags[name])}
    return (
        {flags[name].key: value for name, value in further.items() if name not in own},
        {flags[name].key: value for name, value in further.items() if name in own},
    )


_FRONT = ("ssl-", "uvicorn", "root-path", "disable-log-requests")


def _is_servers(flag: Flag) -> bool:
    """Whether a flag is of the HTTP server, and not of the engine."""
    return len(flag.servers) == 1 or flag.name.startswith(_FRONT)


def _env(launched: Launched) -> Values:
    """The variables that no key stands for."""
    values = {}
    launched.used.add("ASCEND_RT_VISIBLE_DEVICES")
    for name, setting in launched.start.environment.items():
        if name in launched.used:
            continue
        text = setting.text
        if name == "PYTHONPATH" and launched.start.mind_speed:
            text = text.removeprefix(MIND_SPEED_DIRECTORY).removeprefix(":").removesuffix(f"${{{name}}}").strip(":")
            if not text:
                continue
        if name in OWNED_VARIABLES:
            why = f"{OWNED_VARIABLES[name]} stands for it"
            launched.notes.append(dropped(name, why, setting.file, setting.line))
        else:
            values[name] = text
    return values


def _seconds(text: str) -> str:
    return f"{text}s" if text.isdecimal() else text


def visible_devices(launched: Launched) -> Iterator[tuple[str, Any]]:
    """The indices of NPUs that the script exports, unless it leaves them to the container."""
    text = launched.variable("ASCEND_RT_VISIBLE_DEVICES")
    if text and not PLACEHOLDER.fullmatch(text):
        parts = [part.strip() for part in text.strip(", ").split(",")]
        yield "visibleDevices", [int(part) for part in parts] if all(map(str.isdecimal, parts)) else text
