"""Follows a script to the start of its server: nothing is run, but assignments, exports and calls are understood."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from convert.control_flow import Step, read_flow
from convert.note import Place
from convert.placeholder import PLACEHOLDER, placeholder_name
from convert.preparation import Preparations
from convert.server_command import HARMLESS, inline_script, is_shell, server_command, unwrapped
from convert.server_start import Argument, File, Setting, SourcedFile, Start
from convert.shell import read_script
from convert.shell_words import Command, Script, Word
from convert.variables import Scope, Value, assigned, assignment, expand, expand_one
from models.launch import scripts

_DECLARATIONS = ("export", "declare", "typeset", "local", "readonly", "unset")
_NAME = re.compile(r"[A-Za-z_]\w*")
_DEEPEST = 5
"""How many scripts and functions may call each other."""


def read_start(
    script: Script,
    file: str,
    environment: Mapping[str, Setting],
    files: Sequence[File] = (),
) -> Start:
    """The start of the server that a script describes.

    Args:
        script: The script of the container.
        file: Its file, for the notes.
        environment: The variables of the container.
        files: Scripts that the script may run.
    """
    reader = _Reader(environment, files)
    reader.read(script, file)
    return reader.start


class _Reader:
    def __init__(self, environment: Mapping[str, Setting], files: Sequence[File]) -> None:
        self.start = Start(environment=dict(environment))
        self.preparations = Preparations(self.start)
        self.files = [*files]
        self.functions: dict[str, list[Step]] = {}
        self.noted_branches: set[Place] = set()
        self.calls: list[str] = []
        """The scripts and functions that are being read, the innermost last."""
        self.scope = Scope()
        for name, setting in environment.items():
            self.scope.assign(name, setting.text, setting.place.line)

    def read(self, script: Script, file: str) -> None:
        """Read the commands of a script in the order in which they run."""
        for line, difference in script.slips.items():
            self.start.notes.assume("the command continues", difference, Place(file, line))
        flow = read_flow(script.commands)
        self.functions |= flow.functions
        self._read_steps(flow.steps, file)

    def _read_steps(self, steps: Sequence[Step], file: str) -> None:
        for step in steps:
            before = self._state()
            self._read_command(step.command, file)
            if step.branch and self._state() != before:
                self._note_branch(Place(file, step.branch))

    def _state(self) -> object:
        """The part of the state that a branch may change."""
        values = dict(self.scope.values)
        exported = dict(self.scope.exported)
        return values, exported, self.start.kind

    def _note_branch(self, place: Place) -> None:
        if place in self.noted_branches:
            return
        self.noted_branches.add(place)
        why = "only the running script knows whether it is taken; convert reads it, and the last value counts"
        self.start.notes.assume("the branch", why, place)

    def _read_command(self, command: Command, file: str) -> None:
        if self.start.kind:
            self._note_after_server(command, file)
            return
        words = [*command.words]
        assignments: list[tuple[str, Value, Place]] = []
        while words:
            found = assignment(words[0])
            if not found:
                break
            place = Place(file, words[0].line)
            assignments.append((found.name, assigned(found, self.scope), place))
            del words[0]
        arguments = self._expanded(words)
        if not words:
            for name, value, place in assignments:
                self._assign(name, value, place)
        elif arguments and arguments[0].text in _DECLARATIONS:
            self._declare(words, arguments[0].text, file)
        elif arguments:
            self._run_with(assignments, arguments, command, file)

    def _expanded(self, words: Sequence[Word]) -> list[Argument]:
        arguments = []
        for word in words:
            arguments += [Argument(text, word.line) for text in expand(word, self.scope)]
        return arguments

    def _note_after_server(self, command: Command, file: str) -> None:
        """Note a command after the start of the server, if it is another server or a lost flag."""
        arguments = self._expanded(command.words)
        if not arguments:
            return
        place = Place(file, arguments[0].line)
        if server_command(arguments):
            why = "a service starts one server: write a service for each"
            self.start.notes.drop("a second server", why, place)
        elif arguments[0].text.startswith("-"):
            why = "bash runs it as a separate command after the server has ended"
            self.start.notes.drop("a flag after the end of the command", why, place)

    def _assign(self, name: str, value: Value, place: Place, *, export: bool = False) -> None:
        if value == f"${{{name}}}" and name not in self.scope.values:
            return  # the manual's export NAME=${NAME} changes nothing
        self.scope.assign(name, value, place.line)
        if export or name in self.scope.exported or name in self.start.environment:
            self._export(name, place)

    def _export(self, name: str, place: Place) -> None:
        self.scope.exported[name] = place.line
        text = self.scope.text(name)
        if name in self.scope.secrets or self._contains_secret(text or ""):
            self.start.environment.pop(name, None)
            self.start.notes.drop_credential(name, place)
        elif text is not None:
            self.start.environment[name] = Setting(text, place)

    def _contains_secret(self, text: str) -> bool:
        """Whether a text contains the placeholder of a variable whose value looks like a credential."""
        names = {placeholder_name(placeholder) for placeholder in PLACEHOLDER.findall(text)}
        return not names.isdisjoint(self.scope.secrets)

    def _declare(self, words: Sequence[Word], declaration: str, file: str) -> None:
        """Read `export NAME=value`, `declare -x NAME`, `unset NAME` and the like."""
        texts = [expand_one(word, self.scope) for word in words[1:]]
        options = [text for text in texts if text.startswith("-")]
        exports = declaration == "export" or any("x" in option for option in options)
        for word in words[1:]:
            place = Place(file, word.line)
            name = expand_one(word, self.scope)
            found = assignment(word)
            if found:
                self._assign(found.name, assigned(found, self.scope), place, export=exports)
            elif declaration == "unset" and not name.startswith("-"):
                self.scope.unset(name)
                self.start.environment.pop(name, None)
            elif exports and _NAME.fullmatch(name):
                self._export(name, place)

    def _run_with(
        self,
        assignments: Sequence[tuple[str, Value, Place]],
        arguments: list[Argument],
        command: Command,
        file: str,
    ) -> None:
        """Run a command with `NAME=value` before it; the variables last as long as the command."""
        values = dict(self.scope.values)
        exported = dict(self.scope.exported)
        environment = dict(self.start.environment)
        for name, value, place in assignments:
            self._assign(name, value, place, export=True)
        self._run(arguments, command, file)
        if assignments and not self.start.kind:
            self.scope.values = values
            self.scope.exported = exported
            self.start.environment = environment

    def _run(self, arguments: list[Argument], command: Command, file: str) -> None:
        """Read a command that runs: a server, a script, a function or a preparation."""
        wrapped = unwrapped(arguments)
        for name, value in wrapped.settings:
            self._assign(name, value.text, Place(file, value.line), export=True)
        if not wrapped.words:
            return
        program, *words = (word.text for word in wrapped.words)
        place = Place(file, wrapped.words[0].line)
        server = server_command(wrapped.words)
        script = inline_script(program, words)
        known_file = self._known_file(program, words)
        if server:
            self.start.kind = server.kind
            self.start.arguments = server.arguments
            self.start.file = file
            self._note_output(command, place)
        elif program in ("source", "."):
            self._source(words[:1], place)
        elif script:
            self._call(file, read_script(script, place.line), file)
        elif known_file:
            self._call_file(known_file)
        elif program in self.functions:
            self._call_function(program, file)
        elif command.document and program in ("cat", "tee"):
            self._write_file(program, words, command, file)
        elif not self.preparations.read(program, words):
            self._drop_command(program, place)

    def _note_output(self, command: Command, place: Place) -> None:
        if command.redirected or command.end == "|":
            why = "the server writes to the container's log, which kubectl logs shows"
            self.start.notes.drop("the output to a file", why, place)

    def _source(self, paths: Sequence[str], place: Place) -> None:
        for path in paths:
            known_file = self._known_file(path, [])
            if PurePosixPath(path).name == scripts.GRAPH_CACHE:
                continue
            if known_file:
                self._call_file(known_file)
            else:
                self.start.sources.append(SourcedFile(path, place))

    def _known_file(self, program: str, words: Sequence[str]) -> File | None:
        """The known script that a command runs: the program itself, or the first argument of a shell."""
        path = program
        if is_shell(program):
            path = next((word for word in words if not word.startswith("-")), "")
        name = PurePosixPath(path).name
        for file in self.files:
            if PurePosixPath(file.name).name == name:
                return file if file.name not in self.calls else None
        return None

    def _call_file(self, file: File) -> None:
        script = read_script(file.text, file.first_line)
        self._call(file.name, script, file.written_by or file.name)

    def _call(self, name: str, script: Script, file: str) -> None:
        if len(self.calls) < _DEEPEST:
            self.calls.append(name)
            self.read(script, file)
            self.calls.pop()

    def _call_function(self, name: str, file: str) -> None:
        if len(self.calls) < _DEEPEST and name not in self.calls:
            self.calls.append(name)
            self._read_steps(self.functions[name], file)
            self.calls.pop()

    def _write_file(self, program: str, words: Sequence[str], command: Command, file: str) -> None:
        """Read `cat > NAME <<EOF` or `tee NAME <<EOF`, which writes a script that may run later."""
        name = ""
        if program == "tee" and words:
            name = words[-1]
        elif command.target:
            name = expand_one(command.target, self.scope)
        self.files.insert(0, File(name, command.document, command.document_line, file))

    def _drop_command(self, program: str, place: Place) -> None:
        """Note a command that the stack file cannot express, without its arguments, which may be credentials."""
        if program in HARMLESS or not re.search(r"\w", program):
            return
        name = PurePosixPath(program).name[:40]
        why = "convert keeps only the start of the server: prepare the rest in the image"
        self.start.notes.drop(f"the command {name}", why, place)
