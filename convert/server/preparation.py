"""Recognises commands before the server that keys of the stack file stand for: MindSpeed, Eagle heads, warm-up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from convert.server_start import Start
from models.launch import scripts
from models.launch.launch import DRAINING, WARM

_EAGLE_CONVERTER = "convert_eagle_ckpt_to_vllm_compatible.py"
_GRAPH_CACHE_PROGRAMS = ("use_graph_cache", "flock")


class Preparations:
    """Reads the preparations of a script into its start.

    Args:
        start: The start that gets the preparations.
    """

    def __init__(self, start: Start) -> None:
        self.start = start
        self.directory = ""

    def read(self, program: str, arguments: Sequence[str]) -> bool:
        """Read a command; False if it is no preparation that a key stands for."""
        if program == "cd":
            self.directory = arguments[0] if arguments else ""
            return True
        if program == "git" and self._is_mind_speed(arguments):
            return True
        converter = next((word for word in arguments if _EAGLE_CONVERTER in word), None)
        if converter:
            self.start.conversion = {
                "tools": self._directory_of(converter),
                **_options(arguments),
            }
            return True
        if scripts.WARM_UP in " ".join(arguments):
            self.start.warm_up = True
            return True
        if program == "rm" and {*arguments} <= {"-f", "--", WARM, DRAINING}:
            return True
        installs_mind_speed = bool(self.start.mind_speed) and "install" in arguments
        return installs_mind_speed or program in _GRAPH_CACHE_PROGRAMS

    def _directory_of(self, file: str) -> str:
        if "/" not in file:
            return self.directory
        return str(PurePosixPath(self.directory, file).parent)

    def _is_mind_speed(self, arguments: Sequence[str]) -> bool:
        """Read the clone of MindSpeed and its checkout; False for any other git command."""
        context = f"{self.directory} {' '.join(arguments)}"
        if "clone" in arguments and "mindspeed" in context.lower():
            after_clone = arguments[arguments.index("clone") + 1 :]
            addresses = [word for word in after_clone if not word.startswith("-")]
            repository = addresses[0] if addresses else ""
            self.start.mind_speed["repository"] = repository
            return True
        if "checkout" in arguments and self.start.mind_speed:
            self.start.mind_speed["commit"] = arguments[-1]
            return True
        return False


def _options(words: Sequence[str]) -> dict[str, str]:
    """The options of a command: `--name value` and `--name=value`."""
    options = {}
    for index, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name, equals, value = word.removeprefix("--").partition("=")
        if not equals and index + 1 < len(words):
            value = words[index + 1]
        options[name] = value
    return options
