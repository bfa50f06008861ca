"""The tiny model as one that is sure of its answers, and broken in the ways that happen to models."""

from __future__ import annotations

import json
import struct
from array import array
from pathlib import Path

from sandbox.images import tiny_qwen2

SURE = 15
"""Factor of the weights that make the logits. With 1, all tokens are nearly as likely."""


def write(directory: Path) -> None:
    """The model that all others are compared with."""
    tiny_qwen2.write(directory)
    table, start, numbers = _tensors(directory)
    begin, end = table["lm_head.weight"]["data_offsets"]
    for index in range(begin // numbers.itemsize, end // numbers.itemsize):
        numbers[index] *= SURE
    _write_tensors(directory, start, numbers)


def lose_end_of_weights(directory: Path) -> None:
    """The last quarter of the file is zeros, as after an interrupted copy."""
    _, start, numbers = _tensors(directory)
    lost = len(numbers) // 4
    numbers[-lost:] = array("f", [0.0] * lost)
    _write_tensors(directory, start, numbers)


def flip_bits_of_weights(directory: Path) -> None:
    """One of a hundred weights has another sign."""
    _, start, numbers = _tensors(directory)
    for index in range(0, len(numbers), 100):
        numbers[index] *= -1
    _write_tensors(directory, start, numbers)


def change_template(directory: Path, template: str) -> None:
    """Another chat template."""
    file = directory / "tokenizer_config.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings["chat_template"] = template
    file.write_text(json.dumps(settings), encoding="utf-8")


def _tensors(directory: Path) -> tuple[dict[str, dict[str, list[int]]], int, array[float]]:
    """The table of the tensors, where their numbers begin in the file, and the numbers."""
    data = (directory / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    numbers = array("f")
    numbers.frombytes(data[8 + length :])
    return json.loads(data[8 : 8 + length]), 8 + length, numbers


def _write_tensors(directory: Path, start: int, numbers: array[float]) -> None:
    file = directory / "model.safetensors"
    head = file.read_bytes()[:start]
    file.write_bytes(head + numbers.tobytes())
