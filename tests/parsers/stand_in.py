"""Stand-ins for torch and every other package that vLLM imports and its parser does not need.

Any attribute of a stand-in is a class that accepts everything. Only vLLM itself and the standard library are real.
"""

from __future__ import annotations

import abc
import importlib.abc
import importlib.machinery
import re
import sys
import types
from typing import Any, ClassVar

from pydantic_core import core_schema

REAL = {"vllm"}
ABSENT = {"java", "msvcrt", "nt", "org", "vllm_ascend", "vms_lib", "winreg", "_winapi", "_winreg"}
"""Modules whose absence the standard library and vLLM rely on."""

UNARY_AND_BINARY = "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod pow rpow and rand neg invert"
VERSION = "2.10.0"


def is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def decorated(function: Any) -> Any:
    """The function itself. What torch.library.custom_op returns can be a decorator in its turn."""
    function.register_fake = itself
    return function


def itself(value: Any, *_: Any) -> Any:
    return value


class AnyClass(abc.ABCMeta):
    """The class of classes whose every attribute is another such class."""

    def __getattr__(cls, name: str) -> Any:
        if is_special(name):
            raise AttributeError(name)
        value = AnyClass(name, (Anything,), {})
        setattr(cls, name, value)
        return value

    def __call__(cls, *arguments: Any, **_: Any) -> Any:
        if len(arguments) == 1 and isinstance(arguments[0], types.FunctionType):
            return decorated(arguments[0])
        return type.__call__(cls)

    def __getitem__(cls, _: Any) -> Any:
        return cls

    def __or__(cls, _: Any) -> Any:
        return cls

    def __ror__(cls, _: Any) -> Any:
        return cls

    def __iter__(cls) -> Any:
        return iter(())

    def __contains__(cls, _: Any) -> bool:
        return False

    def __lt__(cls, _: Any) -> bool:
        return False

    def __ge__(cls, _: Any) -> bool:
        return True

    def __gt__(cls, _: Any) -> bool:
        return True

    def __le__(cls, _: Any) -> bool:
        return True

    def __int__(cls) -> int:
        return 0

    __index__ = __len__ = __int__


class Anything(metaclass=AnyClass):
    """An object that accepts everything."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __init_subclass__(cls, **_: Any) -> None:
        pass

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: Any) -> Any:
        return core_schema.any_schema()

    def __getattr__(self, name: str) -> Any:
        if is_special(name):
            raise AttributeError(name)
        return AnyClass(name, (Anything,), {})

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        if len(arguments) == 1 and isinstance(arguments[0], types.FunctionType):
            return decorated(arguments[0])
        if len(arguments) == 1 and isinstance(arguments[0], type):
            return arguments[0]
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def __or__(self, _: Any) -> Any:
        return self

    __ror__ = __getitem__ = __or__

    def __lt__(self, _: Any) -> bool:
        return False

    def __ge__(self, _: Any) -> bool:
        return True

    __le__ = __gt__ = __ge__

    def __iter__(self) -> Any:
        return iter(())

    def __int__(self) -> int:
        return 0

    __index__ = __len__ = __int__

    def __float__(self) -> float:
        return 0.0

    def __hash__(self) -> int:
        return id(self)


for operator in UNARY_AND_BINARY.split():
    setattr(Anything, f"__{operator}__", itself)
    setattr(AnyClass, f"__{operator}__", itself)


class AnyModule(types.ModuleType):
    """A module whose every attribute is a class that accepts everything."""

    __path__: ClassVar[list[str]] = []
    __version__ = VERSION

    def __getattr__(self, name: str) -> Any:
        if is_special(name):
            raise AttributeError(name)
        value = AnyClass(name, (Anything,), {"__module__": self.__name__})
        setattr(self, name, value)
        return value


def infer_schema(function: Any, *_: Any, **__: Any) -> str:
    """The schema of an operator, as far as vLLM reads it: the number of its outputs."""
    outputs = str(function.__annotations__.get("return", "")).count("Tensor")
    return f"() -> ({', '.join(['Tensor'] * outputs)})"


def integer_limits(_: Any) -> types.SimpleNamespace:
    """The limits of an integer type, as vLLM reads them: those of 64 bits."""
    return types.SimpleNamespace(min=-(2**63), max=2**63 - 1)


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for each module that no other finder has found."""

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        package = name.partition(".")[0]
        is_compiled = name.startswith(("vllm._C", "vllm.vllm_flash_attn"))
        if package in ABSENT or (package in REAL and not is_compiled):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = AnyModule(spec.name)
        if spec.name == "torch":
            module.iinfo = integer_limits  # type: ignore[attr-defined]
        if spec.name == "torch.library":
            module.infer_schema = infer_schema  # type: ignore[attr-defined]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def install() -> None:
    """Give a stand-in to each import that fails. `regex` is close enough to `re`."""
    sys.modules.setdefault("regex", re)
    sys.meta_path.append(StandIns())
