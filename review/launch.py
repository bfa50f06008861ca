"""What differs between two launches: flags, variables, and the files of the launch map."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from models.launch import scripts
from models.launch.launch import DRAIN, TEMPLATE, Launch, launch, script
from models.manifests.launch_map import content_hash
from models.service.resolved import ResolvedService, ResolvedStack
from review.origins import field_source, flag_source, variable_source
from review.record import NOT_GIVEN, Detail

_FILES = {
    TEMPLATE: "server.chatTemplate",
    "install-mindspeed.sh": "mindSpeed",
    "convert-eagle.sh": "speculative.convert",
    "fetch-model.sh": "model.source",
    "verify-model.sh": "model.verify",
    scripts.MANIFEST: "model.verify",
    scripts.WARM_UP: "graph.warmUp",
    scripts.GRAPH_CACHE: "graph.cache",
    scripts.DRAIN: "",
}
_GRAPH_KEY = re.compile(r"^use_graph_cache .* (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Pair:
    """A service before and after, each with its stack."""

    old_stack: ResolvedStack
    new_stack: ResolvedStack
    old: ResolvedService
    new: ResolvedService

    def because(self, source: Callable[[ResolvedStack, ResolvedService, str], str], name: str, *, gone: bool) -> str:
        """Why something has its new value, or is gone."""
        found = source(self.new_stack, self.new, name)
        return NOT_GIVEN if gone and found == "default" else found

    def field(self, name: str, *, gone: bool = False) -> str:
        """Why a field has its new value, or what followed from it is gone."""
        return self.because(field_source, name, gone=gone)


def launch_details(pair: Pair, old: Launch | None = None) -> Iterator[Detail]:
    """What differs between the launches; at least one detail when the launch maps differ.

    Args:
        pair: The service before and after.
        old: The launch before, where it is not that of the service: the one that runs.
    """
    old, new = old or launch(pair.old), launch(pair.new)
    found = [*_flags(pair, old, new), *_variables(pair, old, new), *_script(pair, old, new)]
    found += _files(pair, old, new, explained=bool(found))
    if not found and _map_content(old) != _map_content(new):
        found = [_detail("order of the launch script", "", "", "the same flags and variables in another order")]
    yield from found


def flags(argv: Iterable[str]) -> dict[str, str]:
    """The values of each flag, those of a repeated one together; the program under an empty name."""
    values: dict[str, list[str]] = {}
    name = ""
    for word in argv:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            values.setdefault(name, []).extend([value] if equals else [])
        else:
            values.setdefault(name, []).append(word)
    return {name: " ".join(words) for name, words in values.items()}


def _flags(pair: Pair, old: Launch, new: Launch) -> Iterator[Detail]:
    before, after = flags(old.argv), flags(new.argv)
    first, second = (_server(pair.new, named.pop("", "")) for named in (before, after))
    if first != second:
        yield _detail("server", first, second, pair.field("server.kind"))
    for name in _differing(before, after):
        because = pair.because(flag_source, name, gone=name not in after)
        yield _detail(f"--{name}", before.get(name), after.get(name), because)


def _server(service: ResolvedService, program: str) -> str:
    """The kind of server that a program is; the program itself when it is none of the release."""
    modules = service.release.modules
    return next((kind for kind, module in modules.items() if program.endswith(f" {module}")), program)


def _variables(pair: Pair, old: Launch, new: Launch) -> Iterator[Detail]:
    for name in _differing(old.environment, new.environment):
        because = pair.because(variable_source, name, gone=name not in new.environment)
        yield _detail(name, old.environment.get(name), new.environment.get(name), because)


def _script(pair: Pair, old: Launch, new: Launch) -> Iterator[Detail]:
    """The lines of the script that are neither flags nor variables."""
    if old.init_file != new.init_file:
        yield _detail("file sourced first", old.init_file, new.init_file, "cluster.platform.initFile")
    if old.python_path != new.python_path:
        because = pair.field("mindSpeed.kind", gone=not new.python_path)
        yield _detail("PYTHONPATH", old.python_path, new.python_path, because)
    before, after = _graph_key(old), _graph_key(new)
    if before != after:
        because = "compiled graphs are kept by launch" if before and after else pair.field("graph.kind", gone=not after)
        yield _detail("graph cache", before, after, because)
    if _GRAPH_KEY.sub("", old.before) != _GRAPH_KEY.sub("", new.before):
        yield from _warm_up(pair, old, new)


def _warm_up(pair: Pair, old: Launch, new: Launch) -> Iterator[Detail]:
    before, after = (scripts.WARM_UP in start.files for start in (old, new))
    if before or after:
        words = {True: "on", False: None}
        because = (
            pair.field("graph.warmUp", gone=not after)
            if before != after
            else "the server's kind, port and name, and startup"
        )
        yield _detail("warm-up", words[before], words[after], because)


def _files(pair: Pair, old: Launch, new: Launch, *, explained: bool) -> Iterator[Detail]:
    """The files beside the script; a drain script that follows from what is told already is not told again."""
    for name in _differing(old.files, new.files):
        if name == DRAIN and explained:
            continue
        if name in scripts.FETCHING and (name in old.files) != (name in new.files):
            continue  # it comes and goes with its step
        before, after = ("" if name in files else None for files in (old.files, new.files))
        field = "drain" if name == DRAIN and pair.old.drain != pair.new.drain else _FILES.get(name)
        because = pair.field(field, gone=after is None) if field else "what the server says of itself"
        yield _detail(f"file {name}", before, after, because)


def _graph_key(start: Launch) -> str | None:
    found = _GRAPH_KEY.search(start.before)
    return found[1] if found else None


def _map_content(start: Launch) -> str:
    return content_hash({"script": script(start), **start.files})


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]


_detail = partial(Detail, "launch", restarts=True)
