"""From a resolved service to its launch: argument list, environment, files, and the script that starts it.

How the fields of a service become flags and variables is up to its engine release.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from models.engines.features import MindSpeedInstallation
from models.engines.group import Member, MemberFlag, MemberFlags
from models.engines.image_names import full_tag
from models.engines.server import InlineTemplate, TemplateFile
from models.launch import scripts
from models.launch.graph_cache import graph_cache_key, graph_cache_lines
from models.launch.group import (
    GROUP_LEADER,
    GROUP_NOT_SERVING,
    GROUP_WHOLE,
    form_comment,
    group_environment,
    member_lines,
    member_variables,
    runner,
)
from models.launch.init_steps import (
    MIND_SPEED_DIRECTORY,
    init_files,
    init_steps,
    script_preamble,
)
from models.record import OWN_DIRECTORY
from models.service.resolved import KV_READERS, SETTLE, ResolvedService
from models.stack_file.keys.environment import PathAddition
from models.stack_file.keys.source import ClaimSource

SCRIPT = "run_vllm.sh"
"""Name of the launch script, the manual's."""

LAUNCH_DIRECTORY = "/opt/ascend-vllm/launch"
"""Directory of the container with the script and its files; the manual's directory of the node."""

DRAIN = "drain.sh"
"""Name of the script of the preStop hook, which runs before the server gets SIGTERM."""

WARM = "/tmp/ascend-vllm-warm"  # noqa: S108  the container's own, gone with it
"""File that exists once the server is warm."""

DRAINING = "/tmp/ascend-vllm-draining"  # noqa: S108  the container's own, gone with it
"""File that exists while the pod ends and must not get new requests."""

GRAPH_CACHE_DIRECTORY = f"{OWN_DIRECTORY}/graph-cache"
"""Directory of the container with the compiled graphs of the node."""

TEMPLATE = "chat_template.jinja"
"""Name of a chat template that is written in the stack file."""


@dataclass(frozen=True)
class Launch:
    """The command, environment and files with which the container starts."""

    argv: tuple[str, ...]
    """The argument list, beginning with the program."""
    environment: Mapping[str, str]
    """Variables that the script exports, in this order."""
    init_files: tuple[str, ...]
    """Files of the image that the script sources first."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Other files in the directory of the script, by name."""
    path_additions: Mapping[str, PathAddition] = field(default_factory=dict)
    """Paths that the script adds to variables of the image, by variable."""
    python_path: str | None = None
    """Directory that Python searches first for modules."""
    before: str = ""
    """Lines of the script directly before the server's start."""
    first: str = ""
    """Lines of the script before all others."""
    runner: tuple[str, ...] = ()
    """Words of bash before the command: the program that keeps the pods of a group together."""
    member: MemberFlags | None = None
    """The flags by which the pods of a group find each other; None if a server is one pod."""
    form: str = ""
    """The form of a group's launch, with its reason."""
    of_rank: tuple[MemberFlag, ...] = ()
    """These flags of one pod, in the launch of one rank."""

    @property
    def flags_of_rank(self) -> list[str]:
        """The words of `of_rank`. The address of the pod itself is that of the variable `HCCL_IF_IP`."""
        return [flag.shell.replace('"', "") for flag in self.of_rank]


def launch(service: ResolvedService) -> Launch:
    """The launch of a service (manual, Step 3)."""
    argv = service.release.argv(service, _template_path(service))
    environment = service.release.environment(service)
    member: MemberFlags | None = None
    words: tuple[str, ...] = ()
    form = ""
    if service.group:
        environment |= group_environment(service, service.group)
        form = form_comment(service, service.group)
        words = runner(service, service.group, LAUNCH_DIRECTORY)
        member = service.release.member_flags(service, service.group)
    environment |= service.env
    additions = {name: str(paths) for name, paths in service.path_env.items()}
    before = _graph_cache(service, argv, {**environment, **additions})
    before += _warm_up(service)
    library_lines = service.release.library_lines(full_tag(service.image))
    python_path = None
    if isinstance(service.mind_speed, MindSpeedInstallation):
        python_path = MIND_SPEED_DIRECTORY
    return Launch(
        argv=argv,
        environment=environment,
        path_additions=service.path_env,
        init_files=init_files(service),
        python_path=python_path,
        before=before + library_lines,
        files=_files(service),
        first=_stale_files(service),
        runner=words,
        form=form,
        member=member,
    )


def launch_of_rank(start: Launch, member: Member) -> Launch:
    """The launch of one pod of a group, with its values in place of the variables of the LeaderWorkerSet."""
    if start.member is None:
        return start
    values = member_variables(member)
    words = []
    for word in start.runner:
        for name, value in values.items():
            word = word.replace(f'"${name}"', value)  # noqa: PLW2901
        words.append(word)
    flags = tuple(flag.of(member) for flag in start.member.of(member))
    return replace(start, runner=tuple(words), member=None, of_rank=flags)


def _files(service: ResolvedService) -> dict[str, str]:
    """The files in the directory of the launch script: chat template, init steps, checksums and helper scripts."""
    steps = list(init_steps(service))
    helpers = [scripts.DRAIN, scripts.READY]
    if service.group:
        helpers += [scripts.MEMBER, scripts.MEMBER_CONNECTION, scripts.MEMBER_SERVER]
    if service.pta_graph:
        helpers.append(scripts.GRAPH_CACHE)
        if service.pta_graph.warm_up:
            helpers.append(scripts.WARM_UP)
    for step in steps:
        helpers += step.files

    files: dict[str, str] = {}
    template = service.server.chat_template
    if isinstance(template, InlineTemplate):
        files[TEMPLATE] = template.inline
    for step in steps:
        files[step.file] = step.script
    if service.checksums:
        files[scripts.CHECKSUMS] = service.checksums.text
    files[DRAIN] = _drain(service)
    for name in helpers:
        files[name] = scripts.script_text(name)
    return files


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

    Python replaces the shell (`exec`). So it is the first process of the container and gets SIGTERM from the kubelet.
    """
    exports = [
        f"export {name}={shlex.quote(value)}\n"
        for name, value in start.environment.items()
    ]
    for name, paths in start.path_additions.items():
        exports.append(_path_export(name, paths))
    if start.python_path:
        exports.append(
            f"export PYTHONPATH={shlex.quote(start.python_path)}${{PYTHONPATH:+:$PYTHONPATH}}\n"
        )
    preamble = script_preamble(start.init_files, first=start.first)
    command = _command_line(start.argv)
    if start.runner:
        command = f"{' '.join(start.runner)} \\\n  {command}"
    for flag in start.of_rank:
        command += f" \\\n  {flag.shell}"
    if start.member:
        command += ' \\\n  "${member[@]}"'
        exports.append(f"\n{member_lines(start.form, start.member)}")
    return f"{preamble}{''.join(exports)}\n{start.before}exec {command}\n"


def _path_export(name: str, paths: PathAddition) -> str:
    """The line that adds paths to a variable, which the image may not have set."""
    if paths.prepend and paths.append:
        value = f"{shlex.quote(paths.prepend)}${{{name}:+:${name}}}:{shlex.quote(paths.append)}"
    elif paths.prepend:
        value = f"{shlex.quote(paths.prepend)}${{{name}:+:${name}}}"
    else:
        value = f"${{{name}:+${name}:}}{shlex.quote(paths.append or '')}"
    return f"export {name}={value}\n"


def _stale_files(service: ResolvedService) -> str:
    """The line that removes what an earlier container left, if `/tmp` is a volume that outlives the container.

    It is the first line. Otherwise the probes of a restarted container would read the files of the last one.
    """
    if not service.read_only_root_filesystem:
        return ""
    files = [WARM, DRAINING]
    if service.group:
        files += [GROUP_WHOLE, GROUP_NOT_SERVING, GROUP_LEADER]
    return f"rm -f -- {' '.join(files)}\n"


def _graph_cache(
    service: ResolvedService, argv: tuple[str, ...], environment: Mapping[str, str]
) -> str:
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
    return graph_cache_lines(
        GRAPH_CACHE_DIRECTORY, service.name, key, directory=LAUNCH_DIRECTORY
    )


def _weights_identity(service: ResolvedService) -> str:
    """The identity of the weights for compiled graphs: their place, and their checksums if they are verified."""
    source = service.model.source
    parts = [service.model.path]
    if source.stored_in:
        parts.append(source.stored_in.name)
    if isinstance(source, ClaimSource) and source.directory:
        parts.append(source.directory)
    if service.checksums:
        parts.append(service.checksums.digest)
    return "@".join(parts)


def _warm_up(service: ResolvedService) -> str:
    """The line that sends the first request in the background, without the lock of the graph cache (descriptor 9)."""
    if service.pta_graph is None or not service.pta_graph.warm_up:
        return ""
    options = {
        "port": service.server.port,
        "model": service.model_names[0],
        "kind": service.server.kind,
        "done": WARM,
        "timeout": service.startup,
    }
    command = _helper(scripts.WARM_UP, options)
    return f"{command} 9>&- &\n"


def _drain(service: ResolvedService) -> str:
    """The script of the preStop hook. A server that does not count its requests is given the whole drain time."""
    options = {
        "port": service.server.port,
        "cap": service.drain,
        "settle": SETTLE,
    }
    command = _helper(scripts.DRAIN, options)
    if not service.release.counts_requests(service):
        command += " --fixed"
    preamble = script_preamble(init_files(service))
    if service.keeps_kv_cache:
        return f"{preamble}: > {DRAINING}\n{command}\nexec sleep {KV_READERS}\n"
    return f"{preamble}: > {DRAINING}\nexec {command}\n"


def _helper(name: str, options: Mapping[str, Any]) -> str:
    """The command of a Python script in the directory of the launch script."""
    words = [f"{LAUNCH_DIRECTORY}/{name}"]
    words += [f"--{option}={value}" for option, value in options.items()]
    return f"python {shlex.join(words)}"


def _command_line(argv: tuple[str, ...]) -> str:
    """The command with one flag a line. Each word is quoted if bash could change it."""
    lines: list[list[str]] = [[]]
    for word in argv:
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(_quoted(word))
    return " \\\n  ".join(" ".join(line) for line in lines)


def _quoted(word: str) -> str:
    """A word for bash; of `--flag=value`, only the value is quoted."""
    flag, equals, value = word.partition("=")
    is_plain_flag = flag.startswith("--") and shlex.quote(flag) == flag
    if equals and is_plain_flag:
        return f"{flag}={shlex.quote(value)}"
    return shlex.quote(word)
