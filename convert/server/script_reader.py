"""Follows a script to the start of its server: nothing is run, but assignments, exports and calls are understood."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from convert.docker.environment_files import settings_of
from convert.docker.run import is_container_run
from convert.note import Place, dropped
from convert.placeholder import filled
from convert.server.after_server import note_after_server
from convert.server.command import (
    HARMLESS,
    ServerCommand,
    inline_script,
    is_shell,
    server_command,
)
from convert.server.distributed import WAY, launcher_of, reason_against
from convert.server.launchers import launched
from convert.server.loops import steps_of_loop, turns
from convert.server.option_files import with_option_files
from convert.server.preparation import Preparations
from convert.server.rank_tests import is_met, is_taken
from convert.server.script_calls import arguments_of_script, starts_ray
from convert.server.systemd_unit import UNIT_FILE
from convert.server_start import (
    Argument,
    ContainerRun,
    File,
    Setting,
    SourcedFile,
    Start,
)
from convert.shell.control_flow import Step, read_flow
from convert.shell.environment import DECLARATIONS, Assigned, ShellEnvironment
from convert.shell.script import read_script
from convert.shell.words import Command, Script
from models.launch import scripts

_WORD_CHARACTER = re.compile(r"\w")
_LONGEST_COMMAND = 40
"""How many characters of an unknown command a note shows."""
_DEEPEST = 5
"""How many scripts and functions may call each other."""


def read_start(
    script: Script,
    file: str,
    environment: Mapping[str, Setting],
    files: Sequence[File] = (),
    set_values: Mapping[str, str] | None = None,
    rank: Mapping[str, str] | None = None,
) -> Start:
    """The start of the server that a script describes.

    Args:
        script: The script of the container.
        file: Its file, for the notes.
        environment: The variables of the container.
        files: Scripts that the script may run.
        set_values: The values of `--set` by name.
        rank: The variables by which a script knows the pod of a group that it runs in. With them, tests decide which
            branches are read; without them, all are.
    """
    values = set_values or {}
    reader = _Reader(environment, files, {**values, **(rank or {})}, decides=bool(rank))
    reader.read(script, file)
    start = reader.start
    start.environment = {
        name: Setting(filled(setting.text, values), setting.place)
        for name, setting in reader.environment.settings.items()
    }
    start.arguments = [
        replace(argument, text=filled(argument.text, values))
        for argument in start.arguments
    ]
    return start


class _Reader:
    def __init__(
        self,
        environment: Mapping[str, Setting],
        files: Sequence[File],
        set_values: Mapping[str, str],
        *,
        decides: bool,
    ) -> None:
        self.start = Start()
        self.decides = decides
        """Whether tests decide which branches are read."""
        self.notes = self.start.notes
        self.environment = ShellEnvironment(environment, self.notes, set_values)
        self.preparations = Preparations(self.start)
        self.files = [*files]
        self.functions: dict[str, list[Step]] = {}
        self.noted_branches: set[Place] = set()
        self.calls: list[str] = []
        """The scripts and functions that are being read, the innermost last."""

    def read(self, script: Script, file: str) -> None:
        """Read the commands of a script in the order in which they run."""
        for line, difference in script.slips.items():
            self.notes.assume("the command continues", difference, Place(file, line))
        flow = read_flow(script.commands)
        self.functions |= flow.functions
        self._read_steps(flow.steps, file)

    def _read_steps(self, steps: Sequence[Step], file: str, depth: int = 0) -> None:
        """Read steps; those of a loop as often as it runs.

        Args:
            steps: The steps.
            file: Their file.
            depth: How many loops around the steps are being read already.
        """
        remaining = [*steps]
        while remaining:
            loops = remaining[0].loops[depth:]
            if not loops:
                self._read_step(remaining.pop(0), file)
                continue
            body = steps_of_loop(remaining, loops[0], depth)
            del remaining[: len(body)]
            for turn in turns(loops[0], self.environment, file):
                if turn:
                    self.environment.set(turn)
                self._read_steps(body, file, depth + 1)

    def _read_step(self, step: Step, file: str) -> None:
        results = self._results(step)
        if False in results:
            return
        before = self._state()
        self._read_command(step.command, file)
        is_decided = bool(results) and None not in results
        if step.branch and not is_decided and self._state() != before:
            self._note_branch(Place(file, step.branch))

    def _results(self, step: Step) -> list[bool | None]:
        """Whether each test around a command lets it run; None if only the running script knows."""
        guards = [is_met(guard, self.environment) for guard in step.guards]
        cases = [is_taken(case, self.environment) for case in step.cases]
        return [*guards, *cases]

    def _state(self) -> object:
        """The part of the state that a branch may change."""
        snapshot = self.environment.snapshot()
        return snapshot.values, snapshot.exported, self.start.kind

    def _note_branch(self, place: Place) -> None:
        if place in self.noted_branches:
            return
        self.noted_branches.add(place)
        why = "only the running script knows whether it is taken; convert reads it, and the last value counts"
        self.notes.assume("the branch", why, place)

    def _read_command(self, command: Command, file: str) -> None:
        if self.start.kind:
            self._note_after_server(command, file)
            return
        words = [*command.words]
        assignments = []
        while words:
            variable = self.environment.assigned(words[0], file)
            if not variable:
                break
            assignments.append(variable)
            del words[0]
        arguments = self.environment.expanded(words)
        if not words:
            for variable in assignments:
                self.environment.set(variable)
        elif arguments and arguments[0].text in DECLARATIONS:
            self.environment.declare(words, file)
        elif arguments:
            self._run_with(assignments, arguments, command, file)

    def _note_after_server(self, command: Command, file: str) -> None:
        """Note a command after the start of the server, if something is lost with it."""
        words = [*command.words]
        while words and self.environment.assigned(words[0], file):
            del words[0]
        arguments = self.environment.expanded(words)
        if arguments:
            place = Place(file, arguments[0].line)
            note_after_server(self.start, arguments, place, self.files)

    def _run_with(
        self,
        assignments: Sequence[Assigned],
        arguments: Sequence[Argument],
        command: Command,
        file: str,
    ) -> None:
        """Run a command with `NAME=value` before it; the variables last as long as the command."""
        before = self.environment.snapshot()
        for variable in assignments:
            self.environment.set(variable, export=True)
        self._run(arguments, command, file)
        if assignments and not self.start.kind:
            self.environment.restore(before)

    def _run(
        self,
        arguments: Sequence[Argument],
        command: Command,
        file: str,
    ) -> None:
        """Read a command that runs: a server, a script, a function or a preparation."""
        found = launched(arguments, file)
        for name, value in found.settings:
            variable = Assigned(name, value.text, Place(file, value.line))
            self.environment.set(variable, export=True)
        if found.text:
            line = arguments[0].line
            self._call(file, read_script(found.text, line), file)
        elif found.words and is_container_run(found.words):
            place = Place(file, found.words[0].line)
            run = ContainerRun(tuple(found.words), place)
            self.start.container_runs.append(run)
            self.environment.enter_container()
        elif found.words:
            self._run_program(found.words, command, file)
        if self.start.kind:
            self.notes += found.notes

    def _run_program(
        self,
        words_of_program: Sequence[Argument],
        command: Command,
        file: str,
    ) -> None:
        """Read a program with its arguments: a server, a script, a function or a preparation."""
        program, *words = (word.text for word in words_of_program)
        place = Place(file, words_of_program[0].line)
        server = server_command(words_of_program)
        script = inline_script(program, words)
        known_file = self._known_file(program, words)
        if server and program not in self.functions:
            self._start_server(server, command, place)
        elif program in ("source", ".", UNIT_FILE):
            self._read_file(program, words, place)
        elif script:
            self._call(file, read_script(script, place.line), file)
        elif known_file:
            self._call_file(known_file, arguments_of_script(program, words))
        elif program in self.functions:
            self._call_function(program, words, file)
        elif program == "shift":
            count = int(words[0]) if words and words[0].isdecimal() else 1
            self.environment.set_arguments(self.environment.arguments()[count:])
        elif program == "set":
            self.environment.set_options(words)
        elif command.document and program in ("cat", "tee"):
            self._write_file(program, words, command, file)
        elif not self.preparations.read(program, words):
            self._drop_command(program, words, place)

    def _start_server(
        self,
        server: ServerCommand,
        command: Command,
        place: Place,
    ) -> None:
        launcher = launcher_of(server.before)
        if launcher:
            why = f"{reason_against(launcher)}: {WAY}"
            self.notes.drop(f"the command {launcher}", why, place)
            return
        self.start.kind = server.kind
        self.start.arguments = with_option_files(
            server.arguments, place, self.files, self.notes
        )
        self.start.file = place.file
        self.start.in_background = command.end == "&"
        if server.program:
            self._drop_command(server.program, [], place)
        if command.redirected or command.end == "|":
            why = "the server writes to the container's log, which kubectl logs shows"
            self.notes.replace("the output to a file", why, place)

    def _read_file(self, program: str, words: Sequence[str], place: Place) -> None:
        """Read a script that this one sources, or a file of variables that a unit of systemd names."""
        if program == UNIT_FILE:
            self._export_file(words, place)
        else:
            self._source(words[:1], place)

    def _source(self, paths: Sequence[str], place: Place) -> None:
        for path in paths:
            known_file = self._known_file(path, [])
            if PurePosixPath(path).name == scripts.GRAPH_CACHE:
                continue
            if known_file:
                self._call_file(known_file, self.environment.arguments())
            else:
                self.start.sources.append(SourcedFile(path, place))

    def _export_file(self, paths: Sequence[str], place: Place) -> None:
        """Read a file of variables that a unit of systemd names; each becomes one of the server."""
        for path in paths:
            file = self._known_file(path, [])
            if file is None:
                why = "its variables are not among the files: name it on the command line too"
                self.notes.drop(f"EnvironmentFile {path}", why, place)
                continue
            for name, setting in settings_of(file).items():
                variable = Assigned(name, setting.text, setting.place)
                self.environment.set(variable, export=True)

    def _known_file(self, program: str, words: Sequence[str]) -> File | None:
        """The known script that a command runs: the program itself, or the first argument of a shell."""
        path = program
        if is_shell(program):
            paths = [word for word in words if not word.startswith("-")]
            path = paths[0] if paths else ""
        name = PurePosixPath(path).name
        for file in self.files:
            if PurePosixPath(file.name).name == name:
                is_running = file.name in self.calls
                return None if is_running else file
        return None

    def _call_file(self, file: File, arguments: Sequence[str]) -> None:
        script = read_script(file.text, file.first_line)
        before = self.environment.arguments()
        self.environment.set_arguments(arguments)
        self._call(file.name, script, file.written_by or file.name)
        self.environment.set_arguments(before)

    def _call(
        self,
        name: str,
        script: Script,
        file: str,
    ) -> None:
        if len(self.calls) < _DEEPEST:
            self.calls.append(name)
            self.read(script, file)
            self.calls.pop()

    def _call_function(self, name: str, words: Sequence[str], file: str) -> None:
        if len(self.calls) < _DEEPEST and name not in self.calls:
            before = self.environment.arguments()
            self.environment.set_arguments(words)
            self.calls.append(name)
            self._read_steps(self.functions[name], file)
            self.calls.pop()
            self.environment.set_arguments(before)

    def _write_file(
        self,
        program: str,
        words: Sequence[str],
        command: Command,
        file: str,
    ) -> None:
        """Read `cat > NAME <<EOF` or `tee NAME <<EOF`, which writes a script that may run later."""
        name = ""
        if program == "tee" and words:
            name = words[-1]
        elif command.target:
            name = self.environment.text(command.target)
        script = File(
            name=name,
            text=command.document,
            first_line=command.document_line,
            written_by=file,
        )
        self.files.insert(0, script)

    def _drop_command(self, program: str, words: Sequence[str], place: Place) -> None:
        """Note a command that the stack file cannot express, without its arguments, which may be credentials."""
        if program in HARMLESS or not _WORD_CHARACTER.search(program):
            return
        name = PurePosixPath(program).name[:_LONGEST_COMMAND]
        why = (
            "convert keeps only the start of the server: prepare the rest in the image"
        )
        note = dropped(f"the command {name}", why, place)
        self.notes.append(note)
        if starts_ray([program, *words]):
            self.start.notes_of_ray.append(note)
