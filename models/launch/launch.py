"""From a resolved service to its launch: argument list, environment, files, and the script that starts it.

The one place that knows how the fields of a service become flags and variables.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.engines.ascend_vllm.features import MindSpeedInstallation, NgramLookup, Speculative
from models.engines.ascend_vllm.owned_keys import ENGINE_FLAGS
from models.engines.flags import Flag, engine, find_flag, plain_name
from models.engines.server import InlineTemplate, TemplateFile
from models.launch import scripts
from models.launch.graph_cache import graph_cache_key, graph_cache_lines
from models.launch.init_steps import MIND_SPEED_DIRECTORY, init_steps, script_preamble
from models.record import OWN_DIRECTORY
from models.service.feature_defaults import LONG
from models.service.resolved import SETTLE, ResolvedService
from models.stack_file.source import ClaimSource

SCRIPT = "run_vllm.sh"
"""Name of the launch script, the manual's."""

LAUNCH_DIRECTORY = "/opt/ascend-vllm/launch"
"""Where the container sees the script and the files beside it; the manual's node directory."""

DRAIN = "drain.sh"
"""Name of the script that a pod runs before its server is told to end."""

WARM = "/tmp/ascend-vllm-warm"  # noqa: S108  the container's own, gone with it
"""File that says that the server is warm."""

DRAINING = "/tmp/ascend-vllm-draining"  # noqa: S108  the container's own, gone with it
"""File that says that the pod ends, and is to get no new requests."""

GRAPH_CACHE_DIRECTORY = f"{OWN_DIRECTORY}/graph-cache"
"""Where the container sees the node's directory of compiled graphs."""

TEMPLATE = "chat_template.jinja"
"""Name of a chat template that is written in the stack file."""

# Left out at the engine's own default, as the manual leaves them out.
_QUIET_DEFAULTS = {"pipeline_parallel_size": 1, "num_scheduler_steps": 1}


@dataclass(frozen=True)
class Launch:
    """What is started in the container."""

    argv: tuple[str, ...]
    """The argument list, beginning with the program."""
    environment: Mapping[str, str]
    """Variables that the script exports, in this order."""
    init_file: str
    """File of the image that the script sources first."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Further files beside the script, by name."""
    python_path: str | None = None
    """Directory that Python looks for modules in first."""
    before: str = ""
    """Lines of the script right before the server's start."""


def launch(service: ResolvedService) -> Launch:
    """The launch of a service (manual, Step 3)."""
    template = service.server.chat_template
    templates = {TEMPLATE: template.inline} if isinstance(template, InlineTemplate) else {}
    module = engine(service.engine.version).modules[service.server.kind]
    argv, environment = ("python", "-m", module, *_arguments(service)), _environment(service)
    names = [scripts.DRAIN, scripts.READY, *([scripts.GRAPH_CACHE] if service.pta_graph else [])]
    if service.pta_graph and service.pta_graph.warm_up:
        names.append(scripts.WARM_UP)
    steps = [*init_steps(service)]
    names += [name for step in steps for name in step.files]
    weights = {scripts.MANIFEST: service.weight_files.text} if service.weight_files else {}
    return Launch(
        argv=argv,
        environment=environment,
        init_file=service.cluster.platform.init_file,
        python_path=MIND_SPEED_DIRECTORY if isinstance(service.mind_speed, MindSpeedInstallation) else None,
        before=_graph_cache(service, argv, environment) + _warm_up(service),
        files={
            **templates,
            **{step.file: step.script for step in steps},
            **weights,
            DRAIN: _drain(service),
            **{name: scripts.script_text(name) for name in names},
        },
    )


def script(start: Launch) -> str:
    """The text of `run_vllm.sh`.

    Python replaces the shell (`exec`), so that it is the container's first process and gets the kubelet's SIGTERM.
    """
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in start.environment.items())
    if start.python_path:
        exports += f"export PYTHONPATH={shlex.quote(start.python_path)}${{PYTHONPATH:+:$PYTHONPATH}}\n"
    return f"{script_preamble(start.init_file)}{exports}\n{start.before}exec {_command_line(start.argv)}\n"


def _graph_cache(service: ResolvedService, argv: tuple[str, ...], environment: Mapping[str, str]) -> str:
    if service.pta_graph is None:
        return ""
    installed: dict[str, str] = {}
    if isinstance(service.mind_speed, MindSpeedInstallation):
        installed["MindSpeed"] = service.mind_speed.commit
    key = graph_cache_key(service.image, _weights_identity(service), argv, {**environment, **installed})
    return graph_cache_lines(GRAPH_CACHE_DIRECTORY, service.name, key, directory=LAUNCH_DIRECTORY)


def _weights_identity(service: ResolvedService) -> str:
    """What the compiled graphs depend on of the weights: where they are, and their checksums if they are verified."""
    source = service.model.source
    parts = [service.model.path]
    if source.stored_in:
        parts.append(source.stored_in.name)
    if isinstance(source, ClaimSource) and source.directory:
        parts.append(source.directory)
    if service.weight_files:
        parts.append(service.weight_files.digest)
    return "@".join(parts)


def _warm_up(service: ResolvedService) -> str:
    """The first request, sent beside the server's start; it must not keep the lock of the graph cache (9)."""
    if service.pta_graph is None or not service.pta_graph.warm_up:
        return ""
    asked = {"port": service.server.port, "model": service.model_names[0], "kind": service.server.kind}
    return f"{_helper(scripts.WARM_UP, {**asked, 'done': WARM, 'timeout': service.startup})} 9>&- &\n"


def _drain(service: ResolvedService) -> str:
    """What a pod does before its server is told to end; not every server says what it runs."""
    silent = service.server.kind == "api_server" or service.tls or service.further("disable-log-stats")
    fixed = " --fixed" if silent else ""
    asked = {"port": service.server.port, "cap": service.drain, "settle": SETTLE}
    draining = f"{script_preamble(service.cluster.platform.init_file)}: > {DRAINING}\n"
    return f"{draining}exec {_helper(scripts.DRAIN, asked)}{fixed}\n"


def _helper(name: str, options: Mapping[str, Any]) -> str:
    """A Python script beside the launch script, run with options."""
    words = [f"{LAUNCH_DIRECTORY}/{name}", *(f"--{option}={value}" for option, value in options.items())]
    return f"python {shlex.join(words)}"


def _arguments(service: ResolvedService) -> Iterator[str]:
    flags = engine(service.engine.version).flags
    yield from _option(flags["model"], service.model.path)
    for name in ENGINE_FLAGS:
        value = getattr(service.engine, name)
        if value not in (None, []) and value != _QUIET_DEFAULTS.get(name):
            yield from _option(flags[name.replace("_", "-")], value)
    for name, value in _features(service):
        yield from _option(flags[name], value)
    yield from _option(flags["host"], service.server.host)
    yield from _option(flags["port"], service.server.port)
    template = service.server.chat_template
    if isinstance(template, TemplateFile):
        yield from _option(flags["chat-template"], template.path)
    elif template:
        yield from _option(flags["chat-template"], f"{LAUNCH_DIRECTORY}/{TEMPLATE}")
    for key, value in {**service.engine.extra_args, **service.server.extra_args}.items():
        if flag := find_flag(key, service.engine.version):
            yield from _option(flag, value)


def _features(service: ResolvedService) -> Iterator[tuple[str, Any]]:
    """The flags of the features, in the manual's order."""
    yield "enforce-eager", service.graph.kind == "eager"
    yield "enable-prefix-caching", service.prefix_caching
    if service.quantization:
        yield "quantization", service.quantization
    if lora := service.lora:
        yield "enable-lora", True
        yield "lora-modules", [f"{name}={path}" for name, path in lora.adapters.items()]
        yield "max-lora-rank", lora.max_rank
        yield "max-loras", lora.max_loras
        yield "max-cpu-loras", lora.max_loras
    if service.speculative:
        yield from _speculation(service.speculative)
    if service.multimodal and service.multimodal.images_per_prompt:
        yield "limit-mm-per-prompt", {"image": service.multimodal.images_per_prompt}


def _speculation(guess: Speculative) -> Iterator[tuple[str, Any]]:
    if isinstance(guess, NgramLookup):
        yield "speculative-model", "[ngram]"
        yield "num-speculative-tokens", guess.tokens
        yield "ngram-prompt-lookup-max", guess.prompt_lookup_max
        yield "ngram-prompt-lookup-min", guess.prompt_lookup_min
    else:
        yield "speculative-model", guess.source
        yield "num-speculative-tokens", guess.tokens
        yield "speculative-draft-tensor-parallel-size", 1


def device_environment(devices: Sequence[int]) -> dict[str, str]:
    """The variable that names the NPUs inside the container (manual, Step 3)."""
    return {"ASCEND_RT_VISIBLE_DEVICES": ",".join(map(str, devices))}


def _environment(service: ResolvedService) -> dict[str, str]:
    environment = device_environment(service.visible_devices)
    timeouts = []
    if multimodal := service.multimodal:
        environment["VLLM_IMAGE_FETCH_TIMEOUT"] = str(multimodal.image_fetch_timeout)
        environment["PYTORCH_NPU_ALLOC_CONF"] = f"expandable_segments:{multimodal.expandable_segments}"
        timeouts.append(multimodal.iteration_timeout)
    if service.precision.prefill is False:
        environment["USE_PFA_HIGH_PRECISION_MODE"] = "0"
    if service.precision.decode:
        environment["USE_IFA_HIGH_PRECISION_MODE"] = "1"
    if service.prefix_caching and needs_precise_prefix(service):
        environment["USE_PREFIX_HIGH_PRECISION_MODE"] = "1"
    own = service.facts.longest if service.facts else None
    if own and own < service.engine.max_model_len <= service.longest_published:
        environment["VLLM_ALLOW_LONG_MAX_MODEL_LEN"] = "1"
    if service.pta_graph:
        environment["INFER_MODE"] = "PTA"
        environment["PTA_TORCHAIR_DECODE_GEAR_ENABLE"] = "1"
        environment["PTA_TORCHAIR_DECODE_GEAR_LIST"] = ",".join(map(str, service.pta_graph.gears))
        environment["HCCL_OP_EXPANSION_MODE"] = "AIV"
        timeouts.append(service.pta_graph.iteration_timeout)
    if timeouts:
        environment["VLLM_ENGINE_ITERATION_TIMEOUT_S"] = str(max(timeouts))
    if service.speculative:
        environment["ENABLE_SPEC_METRIC"] = "0"
        if service.speculative.kind == "eagle":
            environment["EAGLE_USE_SAFE_AI_LAB_STYLE"] = "1"
    return {**environment, **service.env}


def needs_precise_prefix(service: ResolvedService) -> bool:
    """Whether prefix caching needs the attention operators of high precision.

    Above 8192 tokens the others run out of memory; Qwen2-7B and Qwen2-72B answer wrongly with them (manual, Step 3).
    """
    name = plain_name(service.known.name if service.known else service.model.name)
    return service.engine.max_model_len > LONG or name.startswith(("qwen27b", "qwen272b"))


def _option(flag: Flag, value: Any) -> Iterator[str]:
    """A flag with its value as the release's parser reads it."""
    if flag.kind == "flag":
        if value:
            yield flag.option
    elif flag.kind == "list":
        yield from (flag.option, *map(str, value))
    elif flag.kind == "append":
        yield from (f"{flag.option}={item}" for item in value)
    else:
        yield f"{flag.option}={_text(flag, value)}"


def _text(flag: Flag, value: Any) -> str:
    if flag.kind == "bool":
        return "true" if value else "false"
    if flag.type == "json":
        return json.dumps(value, ensure_ascii=False)
    if flag.type == "pairs":
        return ",".join(f"{name}={count}" for name, count in value.items())
    return str(value)


def _command_line(argv: tuple[str, ...]) -> str:
    """The command, one flag a line, every word quoted where bash could read anything else into it."""
    lines: list[list[str]] = [[]]
    for word in argv:
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(_quoted(word))
    return " \\\n  ".join(" ".join(line) for line in lines)


def _quoted(word: str) -> str:
    flag, equals, value = word.partition("=")
    if equals and flag.startswith("--") and shlex.quote(flag) == flag:
        return f"{flag}={shlex.quote(value)}"
    return shlex.quote(word)
