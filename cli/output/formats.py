"""Finds the module that writes an output format: the module of a package with the name of the format."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from typing import Any


def render_as(form: StrEnum, package: str, content: Any) -> str:
    """A content as a text of a format. Only the module of this format is imported.

    Args:
        form: The format.
        package: The package with one module for each format. The module has a function `render`.
        content: What the function takes.
    """
    module = import_module(f"{package}.{form.value}")
    render: Callable[[Any], str] = module.render
    return render(content)
