"""The program that reads texts with the functions of an envs.py, the file named first.

It reads a JSON list of pairs, a variable and a text, and prints a JSON list of answers: `true` or `false` as the value
counts, or the name of the exception.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from typing import Any

import stand_in


def functions_of(file: str) -> dict[str, Any]:
    specification = importlib.util.spec_from_file_location("envs", file)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules["envs"] = module
    specification.loader.exec_module(module)
    functions: dict[str, Any] = getattr(module, "environment_variables", None) or module.env_variables
    return functions


def answer(functions: dict[str, Any], name: str, text: str) -> bool | str:
    os.environ[name] = text
    try:
        return bool(functions[name]())
    except ValueError as problem:
        return type(problem).__name__
    finally:
        del os.environ[name]


def main() -> None:
    stand_in.install()
    functions = functions_of(sys.argv[1])
    pairs = json.load(sys.stdin)
    print("\n" + json.dumps([answer(functions, name, text) for name, text in pairs]))


main()
