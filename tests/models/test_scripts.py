"""The files beside the launch script: complete, and run by whatever Python an image has."""

from __future__ import annotations

import ast
import sys

import pytest

from models.launch import scripts
from models.launch.scripts import script_text

PYTHON = (scripts.DRAIN, scripts.WARM_UP, scripts.PREFLIGHT, *scripts.FETCHING)


@pytest.mark.parametrize("name", [*PYTHON, scripts.GRAPH_CACHE])
def test_every_script_fits_into_a_launch_map_with_a_long_chat_template(name: str) -> None:
    assert 0 < len(script_text(name).encode()) < 16_000


@pytest.mark.parametrize("name", PYTHON)
def test_the_python_of_an_old_image_reads_the_scripts_and_needs_no_package(name: str) -> None:
    tree = ast.parse(script_text(name), feature_version=(3, 8))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}

    beside = {name.partition(".")[0] for name in scripts.FETCHING} | {"models"}  # its types, for who writes it

    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | beside
