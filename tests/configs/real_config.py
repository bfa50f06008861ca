"""The program that asks vLLM and its plugin for the configuration of an engine, on a machine without NPUs.

It reads a JSON list of commands, each the words after `vllm serve`, and prints a JSON list: why the engine refuses each
of them, or an empty text. vLLM, torch and the plugin's Python code are real. Modules that need an NPU are stand-ins.
The first argument is the directory with the plugin.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import os
import sys
import types
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", VLLM_LOGGING_LEVEL="ERROR", VLLM_PLUGINS="")
sys.path.insert(0, sys.argv[1])

import torch
import vllm  # noqa: F401  before the stand-ins: its torch does without Triton

ON_AN_NPU = ("torch_npu", "triton", "acl", "torchair", "tbe", "te")
VERSION_OF = importlib.metadata.version


def is_special(name: str) -> bool:
    return name.startswith("__")


class AnyClass(type):
    """The class of classes whose every attribute is such a class."""

    def __getattr__(cls, name: str) -> Any:
        if is_special(name):
            raise AttributeError(name)
        return Anything

    def __iter__(cls) -> Any:
        return iter(())

    def __or__(cls, _: Any) -> Any:
        return cls

    __ror__ = __or__


class Anything(metaclass=AnyClass):
    """An object that accepts everything."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        if len(arguments) == 1 and callable(arguments[0]):
            return arguments[0]  # a decorator
        return self

    def __getattr__(self, name: str) -> Any:
        if is_special(name):
            raise AttributeError(name)
        return Anything()

    def __getitem__(self, _: Any) -> Any:
        return self

    def __iter__(self) -> Any:
        return iter(())


class Module(types.ModuleType):
    """A module that has every name."""

    def __getattr__(self, name: str) -> Any:
        if is_special(name):
            raise AttributeError(name)
        return Anything


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules that need an NPU."""

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] in ON_AN_NPU:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = Module(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def version_of(package: str) -> str:
    """The version of a package; of one that is not installed, that of torch_npu."""
    try:
        return VERSION_OF(package)
    except importlib.metadata.PackageNotFoundError:
        return "2.10.0"


def use_plugin() -> Any:
    """Make the NPU the current platform, and return the parser of `vllm serve`."""
    sys.meta_path.insert(0, Finder())
    torch.utils.rename_privateuse1_backend("npu")
    torch.npu = sys.modules["torch.npu"] = Module("torch.npu")
    importlib.metadata.version = version_of
    import vllm.platforms  # noqa: PLC0415
    from vllm_ascend.platform import NPUPlatform  # noqa: PLC0415

    vllm.platforms._current_platform = vllm.platforms.current_platform = NPUPlatform()
    from vllm.entrypoints.openai.cli_args import make_arg_parser  # noqa: PLC0415
    from vllm.utils.argparse_utils import FlexibleArgumentParser  # noqa: PLC0415

    return make_arg_parser(FlexibleArgumentParser())


def refusal(parser: Any, words: list[str]) -> str:
    from vllm.engine.arg_utils import AsyncEngineArgs  # noqa: PLC0415
    from vllm.entrypoints.openai.cli_args import validate_parsed_serve_args  # noqa: PLC0415

    try:
        arguments = parser.parse_args(words)
        arguments.model = arguments.model_tag
        validate_parsed_serve_args(arguments)
        AsyncEngineArgs.from_cli_args(arguments).create_engine_config()
    except (Exception, SystemExit) as problem:  # noqa: BLE001  any exception ends the start
        return f"{type(problem).__name__}: {problem}"[:500]
    return ""


def main() -> None:
    parser = use_plugin()
    answers = [refusal(parser, words) for words in json.load(sys.stdin)]
    print("\n" + json.dumps(answers))


main()
