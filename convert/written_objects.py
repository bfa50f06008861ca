"""The objects of files that are no Kubernetes objects: Compose files, `docker run` lines, scripts alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from convert.docker.compose import compose_services
from convert.docker.environment_files import (
    values_of_compose,
    variables_of_container,
)
from convert.docker.options import ContainerOptions, as_deployment
from convert.docker.reasons import reason_of
from convert.docker.run import read_docker_run
from convert.note import Notes, Place
from convert.objects import Object
from convert.server.command import is_shell
from convert.server.script_reader import read_start
from convert.server_start import File
from convert.shell.script import read_script

_WAITING = ("sleep", "tail")
"""Programs that keep a container running."""
_WAITS = re.compile(r"\b(sleep|tail -f|wait)\b")
IMAGE = "${image}"
"""The placeholder of an image that no file names."""


def compose_objects(
    document: Object,
    environment_files: Sequence[File],
    set_values: Mapping[str, str],
    notes: Notes,
) -> list[Object]:
    """The Deployments of the services of a Compose file.

    Args:
        document: The Compose file.
        environment_files: The files of variables among the input.
        set_values: The values of `--set` by name.
        notes: Gets a note for everything that is assumed or dropped.
    """
    place = Place(document.file)
    notes.assume(
        "Deployments", "this is a Docker Compose file, and pods run its services", place
    )
    for key in document.mapping():
        reason = reason_of(str(key))
        if key == "include" and reason:
            notes.drop("include", reason.why, document.at("include"))
    values = {**values_of_compose(environment_files), **set_values}
    return [
        _deployment(options, environment_files, notes)
        for options in compose_services(document, values)
    ]


def _deployment(
    options: ContainerOptions,
    environment_files: Sequence[File],
    notes: Notes,
) -> Object:
    """The Deployment of a container, with the variables of its files."""
    variables = variables_of_container(
        options.environment_files, environment_files, notes
    )
    options.environment = {**variables, **options.environment}
    return as_deployment(options, notes)


def script_objects(
    scripts: Sequence[File],
    further_files: Sequence[File],
    set_values: Mapping[str, str],
    notes: Notes,
) -> list[Object]:
    """The Deployments of scripts without objects: one for each `docker run`, or one for a script with a server.

    Args:
        scripts: The scripts.
        further_files: The files of options and of variables among the input.
        set_values: The values of `--set` by name.
        notes: Gets a note for everything that is assumed or dropped.
    """
    found = []
    for script in scripts:
        start = read_start(
            read_script(script.text, script.first_line),
            script.written_by or script.name,
            {},
            files=[*scripts, *further_files],
            set_values=set_values,
        )
        containers = [
            read_docker_run(run.words, run.place) for run in start.container_runs
        ]
        if start.kind and not _give_commands(script, containers, notes):
            found.append(_with_image_of_nobody(script, notes))
        for options in containers:
            found.append(_deployment(options, further_files, notes))
    return found


def _give_commands(
    script: File,
    containers: Sequence[ContainerOptions],
    notes: Notes,
) -> bool:
    """Give the commands of a script to the last container that starts only a shell; False if there is none."""
    for options in reversed(containers):
        if _starts_only_a_shell(options):
            options.entrypoint = []
            options.command = ["bash", script.name]
            why = "they are those of its container"
            notes.assume("the commands after docker run", why, options.place)
            return True
    return False


def _starts_only_a_shell(options: ContainerOptions) -> bool:
    """Whether a container waits for commands from elsewhere."""
    words = [*options.entrypoint, *options.command]
    if not words:
        return True
    name = PurePosixPath(words[0]).name
    is_waiting = name in _WAITING or (is_shell(words[0]) and _WAITS.search(words[-1]))
    return bool(is_waiting) or (is_shell(words[0]) and "-c" not in " ".join(words))


def _with_image_of_nobody(script: File, notes: Notes) -> Object:
    """The Deployment of a script alone, whose image only a person knows."""
    why = "the script comes without objects; give its image with --set image=NAME"
    place = Place(script.written_by or script.name)
    notes.assume("a Deployment", why, place)
    stem = PurePosixPath(script.name).stem
    container = {
        "name": "server",
        "image": IMAGE,
        "command": ["bash", script.name],
    }
    value = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": stem},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}},
    }
    return Object(value, script.written_by or script.name, {})
