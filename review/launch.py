"""Differences between two launches: flags, variables, and the files of the launch ConfigMap."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from models.launch import scripts
from models.launch.launch import DRAIN, TEMPLATE, Launch, launch, script
from models.manifests.launch_map import content_hash
from models.service.resolved import ResolvedService
from review.changes import Detail
from review.launch_group import group_values
from review.origins import flag_source, variable_source
from review.service_pair import ServicePair

_FILE_FIELDS = {
    TEMPLATE: "server.chatTemplate",
    "install-mindspeed.sh": "mindSpeed",
    "convert-eagle.sh": "speculative.convert",
    "fetch-model.sh": "model.source",
    "verify-model.sh": "model.verify",
    scripts.CHECKSUMS: "model.verify",
    scripts.WARM_UP: "graph.warmUp",
    scripts.GRAPH_CACHE: "graph.cache",
}
"""Name of a file and the field of the stack file that sets its content."""

_SERVE = ["vllm", "serve"]
"""The command of the OpenAI server in later releases."""

_GRAPH_CACHE_LINE = re.compile(r"^use_graph_cache .* (\S+)$", re.MULTILINE)


def launch_details(pair: ServicePair, old: Launch | None = None) -> Iterator[Detail]:
    """The differences between two launches. If their ConfigMaps differ, there is at least one detail.

    Args:
        pair: The old and the new service.
        old: The old launch. Default: that of the old service. A comparison with a cluster passes the running launch.
    """
    if old is None:
        old = launch(pair.old)
    new = launch(pair.new)
    details = [
        *_flag_details(pair, old, new),
        *_group_details(pair, old, new),
        *_variable_details(pair, old, new),
        *_script_details(pair, old, new),
    ]
    details += _file_details(pair, old, new, has_details=bool(details))
    if not details and _content_hash(old) != _content_hash(new):
        details.append(_order_detail())
    yield from details


def flags(argv: Iterable[str]) -> dict[str, str]:
    """The values of each flag, separated by spaces. The empty name has the words before the first flag.

    The model of `vllm serve MODEL` is the value of the flag `model`, as in other commands.
    """
    values: dict[str, list[str]] = {}
    name = ""
    words = list(argv)
    if words[:2] == _SERVE and len(words) > len(_SERVE):
        values["model"] = [words.pop(2)]
    for word in words:
        if not word.startswith("--"):
            values.setdefault(name, []).append(word)
            continue
        name, equals, value = word.removeprefix("--").partition("=")
        flag_values = values.setdefault(name, [])
        if equals:
            flag_values.append(value)
    return {name: " ".join(words) for name, words in values.items()}


def _flag_details(pair: ServicePair, old: Launch, new: Launch) -> Iterator[Detail]:
    old_flags = flags(old.argv)
    new_flags = flags(new.argv)
    old_server = _server_kind(pair.new, old_flags.pop("", ""))
    new_server = _server_kind(pair.new, new_flags.pop("", ""))
    if old_server != new_server:
        yield _detail(
            "server", old_server, new_server, because=pair.field("server.kind")
        )
    for name in _differing_names(old_flags, new_flags):
        yield _detail(
            name=f"--{name}",
            old=old_flags.get(name),
            new=new_flags.get(name),
            because=pair.because(flag_source, name, gone=name not in new_flags),
        )


def _group_details(pair: ServicePair, old: Launch, new: Launch) -> Iterator[Detail]:
    """The keys by which the pods of a server find each other, and the flags of the leader alone."""
    old_values, new_values = group_values(old), group_values(new)
    for name in _differing_names(old_values, new_values):
        gone = name not in new_values
        if name.startswith("--"):
            because = pair.because(flag_source, name.removeprefix("--"), gone=gone)
        else:
            because = pair.field(name, gone=gone)
        yield _detail(name, old_values.get(name), new_values.get(name), because=because)


def _init_files_reason(pair: ServicePair) -> str:
    """The key of the stack file because of which the init files changed."""
    if pair.old.cluster.platform.init_file != pair.new.cluster.platform.init_file:
        return "cluster.platform.initFile"
    return pair.field("engine.version")


def _server_kind(service: ResolvedService, program: str) -> str:
    """The kind of the server that a program starts. A program that the release does not have is returned unchanged."""
    if program == " ".join(_SERVE):
        return "openai"
    for kind, module in service.release.modules.items():
        if program.endswith(f" {module}"):
            return kind
    return program


def _variable_details(pair: ServicePair, old: Launch, new: Launch) -> Iterator[Detail]:
    old_variables, new_variables = _variables(old), _variables(new)
    for name in _differing_names(old_variables, new_variables):
        gone = name not in new_variables
        yield _detail(
            name=name,
            old=old_variables.get(name),
            new=new_variables.get(name),
            because=pair.because(variable_source, name, gone=gone),
        )


def _variables(start: Launch) -> dict[str, str]:
    """The variables that the script exports; added paths in words."""
    added = {name: str(paths) for name, paths in start.path_additions.items()}
    return {**start.environment, **added}


def _script_details(pair: ServicePair, old: Launch, new: Launch) -> Iterator[Detail]:
    """Differences in the lines of the script that are neither flags nor variables."""
    if old.init_files != new.init_files:
        yield _detail(
            name="init files",
            old=", ".join(old.init_files),
            new=", ".join(new.init_files),
            because=_init_files_reason(pair),
        )
    if old.first != new.first:
        yield _detail(
            name="removal of old files in /tmp",
            old="" if old.first else None,
            new="" if new.first else None,
            because=pair.field("readOnlyRootFilesystem", gone=not new.first),
        )
    if old.python_path != new.python_path:
        yield _detail(
            name="PYTHONPATH",
            old=old.python_path,
            new=new.python_path,
            because=pair.field("mindSpeed.kind", gone=not new.python_path),
        )
    if _graph_cache_key(old) != _graph_cache_key(new):
        yield _graph_cache_detail(pair, old, new)
    if _without_graph_cache(old) != _without_graph_cache(new):
        yield from _warm_up_details(pair, old, new)
    if _library_lines(old) != _library_lines(new):
        yield _detail(
            name="libraries of the image",
            old="" if _library_lines(old) else None,
            new="" if _library_lines(new) else None,
            because=pair.field("image"),
        )


def _graph_cache_detail(pair: ServicePair, old: Launch, new: Launch) -> Detail:
    before = _graph_cache_key(old)
    after = _graph_cache_key(new)
    if before and after:
        because = "each launch has its own compiled graphs"
    else:
        because = pair.field("graph.kind", gone=after is None)
    return _detail("graph cache", before, after, because=because)


def _warm_up_details(pair: ServicePair, old: Launch, new: Launch) -> Iterator[Detail]:
    before = _warm_up(old)
    after = _warm_up(new)
    if before != after:
        because = pair.field("graph.warmUp", gone=after is None)
        yield _detail("warm-up", before, after, because=because)
    elif after:
        because = "the server's kind, port and model name, and startup"
        yield _detail("warm-up", before, after, because=because)


def _file_details(
    pair: ServicePair,
    old: Launch,
    new: Launch,
    *,
    has_details: bool,
) -> Iterator[Detail]:
    """Differences between the files next to the script. Other details explain a changed drain script already."""
    for name in _differing_names(old.files, new.files):
        if name == DRAIN and has_details:
            continue
        is_old = name in old.files
        is_new = name in new.files
        if name in scripts.FETCHING and is_old != is_new:
            continue  # The detail of its init container covers it.
        yield _detail(
            name=f"file {name}",
            old="" if is_old else None,
            new="" if is_new else None,
            because=_file_reason(pair, name, gone=not is_new),
        )


def _file_reason(pair: ServicePair, name: str, *, gone: bool) -> str:
    if name == DRAIN and pair.old.drain != pair.new.drain:
        return pair.field("drain", gone=gone)
    if name in _FILE_FIELDS:
        return pair.field(_FILE_FIELDS[name], gone=gone)
    return "other fields of the server"


def _order_detail() -> Detail:
    return _detail(
        name="order of the launch script",
        old="",
        new="",
        because="the flags and variables are the same, only their order changed",
    )


def _detail(
    name: str,
    old: str | None,
    new: str | None,
    *,
    because: str,
) -> Detail:
    return Detail(
        part="launch",
        name=name,
        old=old,
        new=new,
        because=because,
        restarts=True,
    )


def _differing_names(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    names = dict.fromkeys([*old, *new])
    return [name for name in names if old.get(name) != new.get(name)]


def _graph_cache_key(start: Launch) -> str | None:
    line = _GRAPH_CACHE_LINE.search(start.before)
    if line is None:
        return None
    return line[1]


def _without_graph_cache(start: Launch) -> str:
    return _GRAPH_CACHE_LINE.sub("", start.before)


def _library_lines(start: Launch) -> list[str]:
    """The lines that set the libraries of the image; the other lines before the start are those of PTA graphs."""
    lines = start.before.splitlines()
    is_library = any("LD_LIBRARY_PATH" in line for line in lines)
    return lines if is_library else []


def _warm_up(start: Launch) -> str | None:
    if scripts.WARM_UP in start.files:
        return "on"
    return None


def _content_hash(start: Launch) -> str:
    return content_hash({"script": script(start), **start.files})
