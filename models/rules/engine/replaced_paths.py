"""The rule on variables of the image that `env` replaces as a whole, such as the search path of the loader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.credentials import is_hidden
from models.finding import Finding, at, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.shell_text import shell_part
from models.yaml_scalar import as_yaml

_CANN = "/usr/local/Ascend/"
"""The directory of CANN in the images (Ascend/cann-container-image)."""

_DRIVER = "/usr/local/Ascend/driver"
"""The directory of the node's driver. A path in it does not lead to CANN."""


@dataclass(frozen=True)
class _PathVariable:
    """A variable that the image and its set_env.sh files set."""

    lost: str
    """The consequence of another value."""
    own: tuple[str, ...] = (_CANN,)
    """Parts of the image's own paths. A value with one of them was written out as a whole."""
    is_list: bool = True
    """Whether the value is a list of paths, to which others can be added."""


_CANN_DIRECTORY = _PathVariable(
    "CANN looks for its operators and libraries there", is_list=False
)

_VARIABLES = {
    "PATH": _PathVariable(
        "the shell finds neither python nor vllm", own=("python", "conda", "venv")
    ),
    "LD_LIBRARY_PATH": _PathVariable("the loader does not find the libraries of CANN"),
    "PYTHONPATH": _PathVariable("Python does not find the modules of CANN"),
    "ASCEND_AICPU_PATH": _CANN_DIRECTORY,
    "ASCEND_HOME_PATH": _CANN_DIRECTORY,
    "ASCEND_OPP_PATH": _CANN_DIRECTORY,
    "ASCEND_TOOLKIT_HOME": _CANN_DIRECTORY,
    "ATB_HOME_PATH": _CANN_DIRECTORY,
}
"""The variables that ENV of the images and set_env.sh of CANN and of ATB set. The server needs their values."""


@rule("warning")
def replaced_paths(service: ResolvedService) -> Iterator[Finding]:
    """No variable with the paths of CANN and Python gets another value as a whole.

    The launch script exports `env` after the files that set up CANN in the image. `LD_LIBRARY_PATH: /opt/lib` replaces
    the paths of CANN, and `PATH: /opt/bin` those of Python. The forms `prepend` and `append` add paths to them.
    """
    for name, value in service.env.items():
        variable = _VARIABLES.get(name)
        if variable is None or shell_part(value) or _is_written_out(variable, value):
            continue
        yield warning(
            f"env.{name} replaces the image's {name}",
            why=f"{variable.lost}: the launch script sets it after the image's files that set up CANN",
            fix=_edit(name, value, variable),
            marks=[at("env", key=name)],
        )


def _is_written_out(variable: _PathVariable, value: str) -> bool:
    """Whether a value has paths of the image itself."""
    paths = [path for path in value.split(":") if not path.startswith(_DRIVER)]
    return any(part in path for path in paths for part in variable.own)


def _edit(name: str, value: str, variable: _PathVariable) -> str:
    paths = [path.strip() for path in value.split(":") if path.strip()]
    is_shown = not is_hidden(("env", name), value)
    if not variable.is_list or not paths or not is_shown:
        return f"remove env.{name}"
    addition = {"prepend": ":".join(paths)}
    return f"write env.{name}: {as_yaml(addition)}"
