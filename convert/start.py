"""From the commands of a script to the start of a server: its arguments, its environment, and what is done before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from convert.flow import Step, read_flow
from convert.note import Note, assumed, dropped
from convert.scope import PLACEHOLDER, Scope, assigned, assignment, expand, expand_one
from convert.secret import advice
from convert.shell import Command, Script, Word, read_script
from models.engines.releases import DEFAULT_VERSION, release
from models.launch import scripts

_MODULES = {module: kind for kind, module in release(DEFAULT_VERSION).modules.items()}
_FILES = {f"{module.replace('.', '/')}.py": kind for module, kind in _MODULES.items()}
_SILENT = {"set", "echo", "printf", "wait", "true", "test", "sleep", "exit", "shopt", "date", "umask", "chmod"}
_SHELLS = re.compile(r"(ba|da|z|k)?sh")
_DEEPEST = 5


@dataclass(frozen=True)
class Argument:
    """A word of the server's command line, and the line that it stands on."""

    text: str
    line: int


@dataclass(frozen=True)
class Setting:
    """The value of an exported variable, and where it stands."""

    text: str
    file: str = ""
    line: int = 0


@dataclass
class Start:
    """How a container starts its server."""

    kind: str = ""
    """`openai`, `api_server`, or nothing when no server is started."""
    file: str = ""
    line: int = 0
    arguments: list[Argument] = field(default_factory=list)
    environment: dict[str, Setting] = field(default_factory=dict)
    sources: list[tuple[str, str, int]] = field(default_factory=list)
    """Files that are sourced first: path, file and line."""
    mind_speed: dict[str, str] = field(default_factory=dict)
    """`repository` and `commit` that MindSpeed is fetched from."""
    conversion: dict[str, str] = field(default_factory=dict)
    """Where an Eagle head is converted, and the options of the conversion."""
    warm_up: bool = False
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class File:
    """A script by the name under which the container or the command line knows it."""

    name: str
    text: str
    first_line: int = 1
    stands_in: str = ""
    """The script that writes it, with `cat > NAME <<EOF`; its lines are then that script's."""


def read_start(script: Script, file: str, environment: Mapping[str, Setting], files: Sequence[File] = ()) -> Start:
    """The start of the server that commands describe.

    Args:
        script: What the container runs.
        file: Its file, for the notes.
        environment: The variables of the container.
        files: Scripts that the commands may run.
    """
    return _Reader(environment, files).read(script, file)


class _Reader:
    def __init__(self, environment: Mapping[str, Setting], files: Sequence[File]) -> None:
        self.start = Start(environment=dict(environment))
        self.files = [*files]
        self.functions: dict[str, list[Step]] = {}
        self.branches: set[tuple[str, int]] = set()
        self.open: list[str] = []
        self.scope = Scope()
        for name, setting in environment.items():
            self.scope.assign(name, setting.text, setting.line)
        self.directory = ""

    def read(self, script: Script, file: str) -> Start:
        self._commands(script, file)
        return self.start

    def _commands(self, script: Script, file: str) -> None:
        for line, slip in script.slips.items():
            self.start.notes.append(assumed("the command goes on", slip, file, line))
        flow = read_flow(script.commands)
        self.functions |= flow.functions
        self._steps(flow.steps, file)

    def _steps(self, steps: Sequence[Step], file: str) -> None:
        for step in steps:
            before = self._known_so_far()
            self._command(step.command, file)
            if step.branch and before != self._known_so_far() and (file, step.branch) not in self.branches:
                self.branches.add((file, step.branch))
                why = "whether it is taken is known only when it runs; it is read, and what comes last counts"
                self.start.notes.append(assumed("the branch", why, file, step.branch))

    def _known_so_far(self) -> object:
        return dict(self.scope.values), dict(self.scope.exported), self.start.kind

    def _command(self, command: Command, file: str) -> None:
        words = [*command.words]
        if self._is_late(words, command, file):
            return
        own: list[tuple[str, str | list[str], int]] = []
        while words and (found := assignment(words[0])):
            name, append, value = found
            own.append((name, assigned(value, append, name, self.scope), words.pop(0).line))
        if not words:
            for name, text, line in own:
                self._assign(name, text, line, file)
            return
        texts = [(text, word.line) for word in words for text in expand(word, self.scope)]
        if texts and not self._declares(words, texts[0][0], file):
            before = dict(self.scope.values), dict(self.scope.exported), dict(self.start.environment)
            for name, text, line in own:
                self._assign(name, text, line, file, export=True)
            self._runs([Argument(*text) for text in texts], command, file)
            if own and not self.start.kind:
                self.scope.values, self.scope.exported, self.start.environment = before

    def _is_late(self, words: list[Word], command: Command, file: str) -> bool:
        """Whether the server has started already; only that another one is started is then worth a word."""
        if self.start.kind:
            late = [Argument(text, word.line) for word in words for text in expand(word, self.scope)]
            if late and _server(late)[0]:
                self._server_starts("", [], command, file, late[0].line)
            elif late and late[0].text.startswith("-"):
                why = "bash runs it as a command of its own, once the server has ended"
                self.start.notes.append(dropped("a flag behind the end of the command", why, file, late[0].line))
        return bool(self.start.kind)

    def _assign(self, name: str, value: str | list[str], line: int, file: str, *, export: bool = False) -> None:
        if value == f"${{{name}}}" and name not in self.scope.values:
            return  # the manual's export NAME=${NAME} changes nothing
        self.scope.assign(name, value, line)
        if export or name in self.scope.exported or name in self.start.environment:
            self.scope.exported[name] = line
            self._export(name, line, file)

    def _export(self, name: str, line: int, file: str) -> None:
        text = self.scope.text(name)
        copied = {found[2:-1] for found in PLACEHOLDER.findall(text or "")} & self.scope.secrets.keys()
        if name in self.scope.secrets or copied:
            self.start.environment.pop(name, None)
            self.start.notes.append(dropped(name, advice(name), file, line))
        elif text is not None:
            self.start.environment[name] = Setting(text, file, line)

    def _declares(self, words: list[Word], command: str, file: str) -> bool:
        """Whether a command is a declaration, which is then read."""
        if command not in ("export", "declare", "typeset", "local", "readonly", "unset"):
            return False
        options = [text for word in words[1:] if (text := expand_one(word, self.scope)).startswith("-")]
        exports = command == "export" or any("x" in option for option in options)
        for word in words[1:]:
            name = expand_one(word, self.scope)
            if found := assignment(word):
                self._assign(
                    found[0], assigned(found[2], found[1], found[0], self.scope), word.line, file, export=exports
                )
            elif command == "unset" and not name.startswith("-"):
                self.scope.unset(name)
                self.start.environment.pop(name, None)
            elif exports and re.fullmatch(r"[A-Za-z_]\w*", name):
                self.scope.exported[name] = word.line
                self._export(name, word.line, file)
        return True

    def _runs(self, words: list[Argument], command: Command, file: str) -> None:
        """Read a command that is run."""
        words = _unwrapped(words, lambda name, text, line: self._assign(name, text, line, file, export=True))
        if not words:
            return
        kind, arguments = _server(words)
        program, rest = words[0].text, [word.text for word in words[1:]]
        if kind:
            self._server_starts(kind, arguments, command, file, words[0].line)
        elif program in ("source", "."):
            self._sources(rest[:1], words[0].line, file)
        elif text := _inline(program, rest):
            self._nested(read_script(text, words[0].line), file)
        elif found := self._known(program, rest):
            self._nested(read_script(found.text, found.first_line), found.stands_in or found.name, found.name)
        elif program in self.functions:
            self._calls(program, file)
        elif command.document and program in ("cat", "tee"):
            into = expand_one(command.target, self.scope) if command.target else ""
            target = rest[-1] if program == "tee" and rest else into
            self.files.insert(0, File(target, command.document, command.document_line, file))
        elif not self._prepares(program, rest):
            self._leaves(program, words[0].line, file)

    def _server_starts(self, kind: str, arguments: list[Argument], command: Command, file: str, line: int) -> None:
        if self.start.kind:
            what = "a second server"
            self.start.notes.append(dropped(what, "a service starts one; write a service for each", file, line))
            return
        self.start.kind, self.start.arguments = kind, arguments
        self.start.file, self.start.line = file, line
        if command.redirected or command.end == "|":
            why = "the server writes to the container's log, where kubectl logs finds it"
            self.start.notes.append(dropped("the output to a file", why, file, line))

    def _sources(self, paths: list[str], line: int, file: str) -> None:
        for path in paths:
            if PurePosixPath(path).name == scripts.GRAPH_CACHE:
                continue
            if found := self._known(path, []):
                self._nested(read_script(found.text, found.first_line), found.stands_in or found.name, found.name)
            else:
                self.start.sources.append((path, file, line))

    def _nested(self, script: Script, file: str, name: str = "") -> None:
        if len(self.open) < _DEEPEST:
            self.open.append(name or file)
            self._commands(script, file)
            self.open.pop()

    def _calls(self, function: str, file: str) -> None:
        if len(self.open) < _DEEPEST and function not in self.open:
            self.open.append(function)
            self._steps(self.functions[function], file)
            self.open.pop()

    def _known(self, program: str, rest: Sequence[str]) -> File | None:
        """The script among the files that a command runs: itself, or the first argument of a shell."""
        if _SHELLS.fullmatch(PurePosixPath(program).name):
            program = next((word for word in rest if not word.startswith("-")), "")
        name = PurePosixPath(program).name
        found = next((file for file in self.files if PurePosixPath(file.name).name == name), None)
        return found if found and found.name not in self.open else None

    def _prepares(self, program: str, rest: Sequence[str]) -> bool:
        """Read what the program does by keys of its own: MindSpeed, an Eagle head, its warm-up and its cache."""
        text = " ".join(rest)
        if program == "cd":
            self.directory = rest[0] if rest else ""
            return True
        if program == "git" and "clone" in rest and "mindspeed" in f"{self.directory} {text}".lower():
            words = rest[rest.index("clone") + 1 :]
            self.start.mind_speed["repository"] = next((word for word in words if not word.startswith("-")), "")
        elif program == "git" and "checkout" in rest and self.start.mind_speed:
            self.start.mind_speed["commit"] = rest[-1]
        elif "convert_eagle_ckpt_to_vllm_compatible.py" in text:
            script = next(word for word in rest if word.endswith("compatible.py"))
            tools = str(PurePosixPath(self.directory, script).parent) if "/" in script else self.directory
            self.start.conversion = {"tools": tools, **dict(_options(rest))}
        elif scripts.WARM_UP in text:
            self.start.warm_up = True
        elif program not in ("use_graph_cache", "flock") and not (self.start.mind_speed and "install" in rest):
            return False
        return True

    def _leaves(self, program: str, line: int, file: str) -> None:
        """Name a command that has no place; its arguments may be secret."""
        if program not in _SILENT and re.search(r"\w", program):
            name = PurePosixPath(program).name[:40]
            why = "only the server is started; what has to be done before belongs in the image"
            self.start.notes.append(dropped(f"the command {name}", why, file, line))


def _unwrapped(words: list[Argument], export: object) -> list[Argument]:
    """A command without what only runs it: `exec`, `nohup`, `env A=1`, `numactl …`, `timeout 10`."""
    while words and PurePosixPath(words[0].text).name in ("exec", "nohup", "env", "command", "time", "sudo", "stdbuf"):
        words = words[1:]
        while words and (words[0].text.startswith("-") or re.match(r"[A-Za-z_]\w*=", words[0].text)):
            name, equals, text = words[0].text.partition("=")
            if equals and not name.startswith("-") and callable(export):
                export(name, text, words[0].line)
            words = words[1:]
    return words


def _server(words: Sequence[Argument]) -> tuple[str, list[Argument]]:
    """The kind of server that a command starts, with its arguments; an empty kind when it starts none."""
    if words[0].text in _SILENT:
        return "", []
    for index, word in enumerate(words):
        before = words[index - 1].text if index else ""
        if before == "-m" and word.text in _MODULES:
            return _MODULES[word.text], [*words[index + 1 :]]
        if kind := next((kind for end, kind in _FILES.items() if word.text.endswith(f"/{end}")), ""):
            return kind, [*words[index + 1 :]]
        if PurePosixPath(before).name == "vllm" and word.text == "serve":
            return "openai", [*_with_model(words[index + 1 :])]
    return "", []


def _with_model(words: Sequence[Argument]) -> Iterator[Argument]:
    """The arguments of `vllm serve`, whose model has no flag."""
    if words and not words[0].text.startswith("-"):
        yield replace(words[0], text=f"--model={words[0].text}")
        words = words[1:]
    yield from words


def _inline(program: str, rest: Sequence[str]) -> str:
    """The text of `bash -c TEXT`."""
    if not _SHELLS.fullmatch(PurePosixPath(program).name):
        return ""
    option = next((index for index, word in enumerate(rest) if re.fullmatch(r"-\w*c", word)), None)
    return rest[option + 1] if option is not None and option + 1 < len(rest) else ""


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`--name value` and `--name=value`."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--"):
            yield name, value if equals else following
