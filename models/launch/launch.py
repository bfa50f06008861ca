"""From a resolved service to its launch: argument list, environment, files, and the script that starts it.

How the fields of a service become flags and variables is up to its engine release.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.engines.ascend_vllm.features import MindSpeedInstallation
from models.engines.server import InlineTemplate, TemplateFile
from models.launch import scripts
from models.launch.graph_cache import graph_cache_key, graph_cache_lines
from models.launch.init_steps import MIND_SPEED_DIRECTORY, init_steps, script_preamble
from models.record import OWN_DIRECTORY
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
    argv = service.release.argv(service, _template_path(service))
    environment = {**service.release.environment(service), **service.env}
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


def _template_path(service: ResolvedService) -> str | None:
    """Where the container has the chat template."""
    template = service.server.chat_template
    if template is None:
        return None
    if isinstance(template, TemplateFile):
        return template.path
    return f"{LAUNCH_DIRECTORY}/{TEMPLATE}"


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
    key = graph_cache_key(
        image=service.image,
        model_source=_weights_identity(service),
        argv=argv,
        environment={**environment, **installed},
        neutral_flags=service.release.graph_neutral_flags,
        neutral_variables=service.release.graph_neutral_variables,
    )
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
    fixed = "" if service.release.counts_requests(service) else " --fixed"
    asked = {"port": service.server.port, "cap": service.drain, "settle": SETTLE}
    draining = f"{script_preamble(service.cluster.platform.init_file)}: > {DRAINING}\n"
    return f"{draining}exec {_helper(scripts.DRAIN, asked)}{fixed}\n"


def _helper(name: str, options: Mapping[str, Any]) -> str:
    """A Python script beside the launch script, run with options."""
    words = [f"{LAUNCH_DIRECTORY}/{name}", *(f"--{option}={value}" for option, value in options.items())]
    return f"python {shlex.join(words)}"


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
