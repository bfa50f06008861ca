"""The program that asks the argument parser of one release of vLLM: its wheel is unpacked in the directory named first.

It reads a JSON list of commands, each the words after `vllm serve` or after the module of the server, and prints a JSON
list of answers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import io
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import stand_in

RECENT = "9.9"
_VERSION_OF = importlib.metadata.version


def version_of(package: str) -> str:
    """The version of a package; of one that is not installed, a recent one."""
    try:
        return _VERSION_OF(package)
    except importlib.metadata.PackageNotFoundError:
        return RECENT


def parser_of(wheel: Path) -> ArgumentParser:
    """The parser of `vllm serve`."""
    sys.path.insert(0, str(wheel))
    stand_in.install()
    importlib.metadata.version = version_of
    import vllm.platforms  # noqa: PLC0415

    if (wheel / "vllm" / "utils.py").exists():  # 0.6.3
        from vllm.utils import FlexibleArgumentParser  # noqa: PLC0415
    else:
        from vllm.platforms.cpu import CpuPlatform  # noqa: PLC0415

        vllm.platforms._current_platform = CpuPlatform()
        from vllm.utils.argparse_utils import FlexibleArgumentParser  # noqa: PLC0415
    try:
        from vllm.entrypoints.openai.cli_args import make_arg_parser  # noqa: PLC0415
    except ModuleNotFoundError:  # 0.30.0
        from vllm.entrypoints.launchers.cli_args import make_arg_parser  # noqa: PLC0415
    parser: ArgumentParser = make_arg_parser(FlexibleArgumentParser())
    return parser


def answer(parser: ArgumentParser, words: list[str]) -> dict[str, Any]:
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            values = vars(parser.parse_args(words))
    except SystemExit:
        return {"values": None, "error": errors.getvalue()[-500:]}
    return {"values": values, "error": ""}


def plain(value: Any) -> Any:
    """A configuration as a mapping of its fields; anything else as text."""
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return str(value)


def main() -> None:
    parser = parser_of(Path(sys.argv[1]))
    answers = [answer(parser, words) for words in json.load(sys.stdin)]
    print("\n" + json.dumps(answers, default=plain))


main()
