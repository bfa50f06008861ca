"""The manual's pair of files with edits, and the results of its conversion."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import yaml

from convert import Comparison, Conversion, File, Options, compared, convert
from models.launch.launch import Launch, launch
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.load import load_text
from tests.conftest import ROOT

MANUAL = ROOT / "tests" / "manual"
FILLED = {"image_name": "registry.example.com/ascend-vllm:6.3.912", "model-path": "/mnt/models/Qwen2-7B-Instruct"}
IMAGE = FILLED["image_name"]
MODEL = FILLED["model-path"]
CONFIG = (MANUAL / "config.yaml").read_text(encoding="utf-8")
SCRIPT = (MANUAL / "openai-text.sh").read_text(encoding="utf-8")
PYTHON = "python -m vllm.entrypoints.openai.api_server"


def manual(way: str = "openai-text") -> str:
    """A script of the manual's."""
    return (MANUAL / f"{way}.sh").read_text(encoding="utf-8")


def config(**edits: str) -> str:
    """The manual's objects, filled in; each edit puts a text before the field of a name, at its own depth."""
    text = CONFIG
    for name, value in FILLED.items():
        text = text.replace(f"${{{name}}}", value)
    for field, added in edits.items():
        line = next(one for one in text.splitlines() if one.strip().startswith(f"{field}:"))
        indent = re.match(r"[ -]*", line)
        assert indent
        text = text.replace(line, textwrap.indent(textwrap.dedent(added), " " * len(indent[0])) + "\n" + line, 1)
    return text


def made(
    script: str = SCRIPT, objects: str | None = None, *, filled: dict[str, str] | None = None, **wanted: Any
) -> Conversion:
    """The conversion of a script with the manual's objects, or with others."""
    given = {"context": "prod", "filled": FILLED if filled is None else filled, **wanted}
    scripts = [File("run_vllm.sh", script)] if script else []
    return convert(File("config.yaml", config() if objects is None else objects), scripts, Options(**given))


def services(conversion: Conversion) -> dict[str, Any]:
    """The services as they are written."""
    found: dict[str, Any] = yaml.safe_load(conversion.text)["config"]["ascend-vllm:services"]
    return found


def cluster(conversion: Conversion) -> dict[str, Any]:
    """The cluster as it is written."""
    found: dict[str, Any] = yaml.safe_load(conversion.text)["config"]["ascend-vllm:cluster"]
    return found


def service(conversion: Conversion) -> dict[str, Any]:
    """The only service as it is written."""
    (found,) = services(conversion).values()
    return dict(found)


def resolved(conversion: Conversion) -> ResolvedService:
    """The only service as the written file has it."""
    (found,) = resolve(load_text("converted", "-", conversion.text)).services
    return found


def started(conversion: Conversion) -> Launch:
    """The launch of the only service."""
    return launch(resolved(conversion))


def said(conversion: Conversion, kind: str) -> dict[str, str]:
    """What was assumed or dropped, with the reasons."""
    return {note.subject: note.why for note in conversion.notes if note.kind == kind}


def places(conversion: Conversion) -> dict[str, str]:
    """Where what was assumed or dropped stands."""
    return {note.subject: note.place for note in conversion.notes}


def rules(conversion: Conversion) -> list[str]:
    """The rules that find something."""
    return [finding.rule for finding in conversion.report.findings]


def comparison(conversion: Conversion) -> Comparison:
    """The launch of the only service before and after."""
    return compared(conversion.drafts[0], conversion.cluster)


def changes(conversion: Conversion) -> dict[str, tuple[str | None, str | None]]:
    """The flags and variables that are not as they were, before and after."""
    return {one.name: (one.old, one.new) for one in comparison(conversion).differences}


def command(*flags: str, exports: str = "") -> str:
    """A script with these flags beside the model's."""
    lines = [f"{PYTHON} --model {MODEL}", "--max-model-len=4096", "--port=8080", *flags]
    return f"source /home/ma-user/.bashrc\n{exports}\n" + " \\\n".join(lines) + "\n"


def replaced(*pairs: tuple[str, str]) -> str:
    """The manual's objects with texts in the place of others, each of which is there."""
    text = config()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


PLAIN = {
    "image": IMAGE,
    "model": MODEL,
    "npus": 8,
    "engine": {"tensorParallelSize": 1, "maxModelLen": 4096},
}
START = f"{PYTHON} --model {MODEL} --max-model-len 4096 --port 8080"


def limits(**asked: str) -> str:
    lines = "".join(f"            {name}: {amount}\n" for name, amount in asked.items())
    return replaced(
        ("          limits:\n", f"          limits:\n{lines}"),
        ("          requests:\n", f"          requests:\n{lines}"),
    )
