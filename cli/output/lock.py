"""The lock of a stack as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cli.output.terminal import paragraph
from models.stack_file.keys.locked import LockedService


def locked_text(stack: str, services: Mapping[str, LockedService]) -> str:
    """The locked services of a stack: a line with the image of each, and one with what belongs to it."""
    lines = [f"{stack}: locked"]
    for name, locked in services.items():
        digest = locked.digest or "digest not known"
        lines += paragraph(f"  {name}  ", locked.image)
        lines.append(f"    {digest}")
        lines += paragraph("    ", ", ".join(_parts(locked)))
    return "\n".join(lines)


def _parts(locked: LockedService) -> Iterator[str]:
    """The versions that belong to the image, in words."""
    yield f"vLLM {locked.release}"
    if locked.cann:
        yield f"CANN {locked.cann}"
    if locked.torch:
        yield f"torch {locked.torch}"
    if locked.python:
        yield f"Python {locked.python}"
    if locked.driver:
        yield f"driver {locked.driver} or later"
    if locked.soc:
        yield f"NPU {locked.soc}"
    if locked.weights.quantization:
        yield f"weights {locked.weights.quantization}"
