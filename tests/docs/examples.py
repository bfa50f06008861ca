"""Examples of the documentation: commands with their output, and pieces of stack files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sybil import Example

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import disk, load_text
from tests.client.comparison.model_server import Model, Served
from tests.client.comparison.model_server import serving as serving_model
from tests.client.vllm_server import Vllm, serving
from tests.conftest import HEAD, ROOT

SERVICES = """\
  ascend-vllm:services:
    one: {image: a:1, model: /mnt/models/Qwen2-7B-Instruct, engine: {maxModelLen: 4096}}
"""
"""The services of an example that has none."""

ONLINE = ("make ", "ascend-vllm sandbox ")
"""Commands that need the engine; tests/e2e/test_docs.py runs the pages that have them."""

ASKING = ("ascend-vllm smoke ", "ascend-vllm request ", "ascend-vllm bench ")
"""Commands that need a service."""


PROGRESS = re.compile(r"^\w+ +\d+ s: .*\n", re.MULTILINE)
"""Lines that only a slow machine shows: `pulumi    10 s: …`."""


@dataclass(frozen=True)
class Command:
    """A command of a console block and the output that the page shows; `…` stands for anything.

    The width of columns does not count.
    """

    line: str
    output: str

    def matches(self, actual: str) -> bool:
        pattern = re.sub(r"(\\ ){2,}", " +", re.escape(self.output.strip())).replace("…", ".*")
        without_progress = PROGRESS.sub("", actual)
        return re.fullmatch(pattern, without_progress.strip(), re.DOTALL) is not None


def commands(block: str) -> list[Command]:
    """The commands of a console block: lines that begin with `$`."""
    parts = re.split(r"^\$ (.*)\n?", block, flags=re.MULTILINE)[1:]
    return [Command(line, output) for line, output in zip(parts[::2], parts[1::2], strict=True)]


def wanted_code(command: Command) -> int:
    """How a command of a page has to end: `diff` and `convert` find something, and `drift` what the page says."""
    if "ascend-vllm drift " in command.line:
        return 0 if command.output.startswith("no drift") else 1
    if "ascend-vllm convert " in command.line and "|" not in command.line:
        return 1
    return 1 if "ascend-vllm diff " in command.line and "--matrix" not in command.line else 0


def run(line: str, directory: Path, code: int = 0) -> str:
    """What a command prints to both outputs; fails the test when the command ends otherwise."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # A make that runs the tests tells the makes below it so, and they would say more than they do for a user.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["/bin/bash", "-c", line],
        cwd=directory,
        env={**inherited, "PATH": path, "NO_COLOR": "1", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{line}\n{done.stdout}"
    return done.stdout


def run_comparison(line: str, code: int) -> str:
    """What `compare` prints about two servers, which are equal if it has to promote the second."""
    weights = 1 + code
    with serving_model(Served(Model(), pace=0.001)) as a, serving_model(Served(Model(weights), pace=0.001)) as b:
        line = line.replace("http://10.1.0.4:8080", a.url).replace("http://10.1.0.9:8080", b.url)
        if a.url not in line:
            line = f"{line} --url-a {a.url} --url-b {b.url}"
        return run(line, ROOT, code)


def run_console(example: Example) -> None:
    """Run the commands of a block in the repository, but for those that need the engine.

    Those that ask a service ask a server that is as strict as vLLM.
    """
    for command in commands(example.parsed):
        if command.line.startswith(ONLINE):
            continue
        if command.line.startswith("ascend-vllm compare "):
            actual = run_comparison(command.line, int("hold B" in command.output))
        elif command.line.startswith(ASKING) and not any(word in command.line for word in ("--curl", "--url", ";")):
            with serving(Vllm(names=("/mnt/models/Qwen2-7B-Instruct",), steps=8, pace=0.002)) as server:
                actual = run(f"{command.line} --url {server.url}", ROOT)
        else:
            actual = run(command.line, ROOT, wanted_code(command))

        assert command.matches(actual), actual


def run_yaml(example: Example) -> None:
    """A piece of a stack file is accepted in the place where it belongs."""
    text = str(example.parsed)
    if text.startswith("config:"):
        stack = text if "ascend-vllm:services:" in text else text + SERVICES
    elif text.startswith("ascend-vllm:cluster:"):
        stack = "config:\n" + _indented(text, 2) + SERVICES
    else:
        name, rest = text.split("\n", 1)
        keys = {line.partition(":")[0] for line in rest.splitlines()}
        model = "" if "  model" in keys else "  model: /mnt/models/Qwen2-72B-Instruct\n"
        image = "" if "  image" in keys else "  image: a:1\n"
        stack = HEAD + _indented(f"{name}\n{image}{model}{rest}", 4)
    report = check(resolve(load_text("example", "example.yaml", stack, read=_read)))

    assert report.findings == ()


def _read(file: Path) -> str:
    """The text of a file; the checksums that pages name are of a model."""
    if file.parent.name != "checksums":
        return disk(file)
    files = {name: {"size": 663, "sha256": "0" * 64} for name in ("config.json", "model.safetensors")}
    return json.dumps({"files": files})


def _indented(text: str, columns: int) -> str:
    return "".join(" " * columns + line for line in text.splitlines(keepends=True))
