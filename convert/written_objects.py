"""The objects of files that are no Kubernetes objects: Compose files, `docker run` lines, scripts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from convert.docker.compose import compose_services
from convert.docker.options import as_deployment
from convert.docker.run import read_docker_run
from convert.note import Notes, Place
from convert.objects import Object
from convert.server.script_reader import read_start
from convert.server_start import ContainerRun, File
from convert.shell.script import read_script

IMAGE = "${image}"
"""The placeholder of an image that no file names."""


def compose_objects(
    document: Object,
    set_values: Mapping[str, str],
    notes: Notes,
) -> list[Object]:
    """The Deployments of the services of a Compose file."""
    place = Place(document.file)
    notes.assume(
        "Deployments", "this is a Docker Compose file, and pods run its services", place
    )
    return [
        as_deployment(options, notes)
        for options in compose_services(document, set_values)
    ]


def script_objects(
    scripts: Sequence[File],
    set_values: Mapping[str, str],
    notes: Notes,
) -> list[Object]:
    """The Deployments of scripts without objects: one for each `docker run`, or one for a script with a server."""
    runs: list[ContainerRun] = []
    servers = []
    for script in scripts:
        start = read_start(
            read_script(script.text),
            script.name,
            {},
            files=scripts,
            set_values=set_values,
        )
        runs += start.container_runs
        if start.kind:
            servers.append(script)
    if runs:
        return [
            as_deployment(read_docker_run(run.words, run.place), notes) for run in runs
        ]
    return [_with_image_of_nobody(script, notes) for script in servers]


def _with_image_of_nobody(script: File, notes: Notes) -> Object:
    """The Deployment of a script alone, whose image only a person knows."""
    why = "the script comes without objects; give its image with --set image=NAME"
    place = Place(script.name)
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
    return Object(value, script.name, {})
