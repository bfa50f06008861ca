"""A Qwen2 model with two layers and random weights, 2 MB. vLLM loads its files like those of a large model.

Its tokenizer has one token for each byte, and a thousand words. So its answers are nonsense of an exact length. The
files are written without torch: their formats are JSON, and a sequence of floats.

    python -m sandbox.images.tiny_qwen2 DIRECTORY
"""

from __future__ import annotations

import json
import math
import random
import struct
import sys
from array import array
from collections.abc import Iterator, Mapping
from itertools import repeat
from pathlib import Path

NAME = "tiny-qwen2"

CONFIG: Mapping[str, object] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "dtype": "float32",
    "vocab_size": 1280,  # bench sends ids up to 1099
    "hidden_size": 128,  # heads of 64, the smallest that vLLM's CPU kernels have
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 1024,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "use_sliding_window": False,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
"""The model's config.json."""

_VOCABULARY, _HIDDEN, _INNER, _LAYERS, _KEYS = 1280, 128, 128, 2, 64
_END = "<end>"
_TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
_SPREAD = 0.02


def write(directory: Path) -> None:
    """Write weights, configuration and tokenizer. The bytes are always the same."""
    directory.mkdir(parents=True, exist_ok=True)
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": _END,
        "pad_token": _END,
    }
    files: dict[str, Mapping[str, object]] = {
        "config.json": CONFIG,
        "generation_config.json": ends,
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {**settings, "chat_template": _TEMPLATE},
    }
    for name, content in files.items():
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (directory / name).write_text(f"{text}\n", encoding="utf-8")
    _write_weights(directory / "model.safetensors")


def shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name and the sizes of every tensor of the model."""
    yield "lm_head.weight", (_VOCABULARY, _HIDDEN)
    yield "model.embed_tokens.weight", (_VOCABULARY, _HIDDEN)
    yield "model.norm.weight", (_HIDDEN,)
    for number in range(_LAYERS):
        layer = f"model.layers.{number}"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{layer}.{norm}.weight", (_HIDDEN,)
        for name, sizes in {
            "gate": (_INNER, _HIDDEN),
            "up": (_INNER, _HIDDEN),
            "down": (_HIDDEN, _INNER),
        }.items():
            yield f"{layer}.mlp.{name}_proj.weight", sizes
        for name, width in {"q": _HIDDEN, "k": _KEYS, "v": _KEYS}.items():
            yield f"{layer}.self_attn.{name}_proj.weight", (width, _HIDDEN)
            yield f"{layer}.self_attn.{name}_proj.bias", (width,)
        yield f"{layer}.self_attn.o_proj.weight", (_HIDDEN, _HIDDEN)


def _write_weights(file: Path) -> None:
    """Write a safetensors file: the length of a table, the table as JSON, and the numbers of all tensors."""
    chance = random.Random(1)  # noqa: S311  nothing is secret
    table: dict[str, object] = {"__metadata__": {"format": "pt"}}
    numbers = array("f")
    for name, sizes in shapes():
        began = len(numbers) * numbers.itemsize
        numbers.extend(_values(name, sizes, chance))
        table[name] = {
            "dtype": "F32",
            "shape": sizes,
            "data_offsets": [began, len(numbers) * numbers.itemsize],
        }
    head = json.dumps(table).encode()
    head += b" " * (-len(head) % 8)
    file.write_bytes(struct.pack("<Q", len(head)) + head + numbers.tobytes())


def _values(
    name: str, sizes: tuple[int, ...], chance: random.Random
) -> Iterator[float]:
    count = math.prod(sizes)
    if name.endswith("norm.weight"):
        return repeat(1.0, count)
    if name.endswith("bias"):
        return repeat(0.0, count)
    return (chance.gauss(0, _SPREAD) for _ in range(count))


def _tokenizer() -> dict[str, object]:
    """A tokenizer of bytes, in the format of Hugging Face's tokenizers."""
    letters = sorted(_letters().values())
    words = [f"Ġword{number}" for number in range(_VOCABULARY - len(letters) - 1)]
    bytes_ = {"type": "ByteLevel", "trim_offsets": True, "use_regex": True}
    end = {"id": 0, "content": _END, "special": True}
    never = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "added_tokens": [{**end, **never}],
        "pre_tokenizer": {**bytes_, "add_prefix_space": False},
        "decoder": {**bytes_, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "vocab": {
                token: number for number, token in enumerate([_END, *letters, *words])
            },
            "merges": [],
        },
    }


def _letters() -> dict[int, str]:
    """A printable letter for each byte, as in GPT-2: the byte's own letter, or one from 256 on if it has none."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    letters = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in printable:
            letters[byte] = chr(256 + len(letters) - len(printable))
    return letters


if __name__ == "__main__":
    write(Path(sys.argv[1]))
