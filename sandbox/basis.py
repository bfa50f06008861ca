"""Files of this machine that an image is made of: programs with their libraries, and a Python with its packages."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sandbox.errors import SandboxError

SEARCH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

SHELL = (
    "bash",
    "sh",
    "env",
    "cat",
    "cp",
    "date",
    "df",
    "flock",
    "grep",
    "head",
    "id",
    "kill",
    "ls",
    "mkdir",
    "mv",
    "rm",
    "sleep",
    "tail",
    "test",
    "touch",
)
"""What scripts of a pod call, and people who look into it."""

_MERGED = ("bin", "lib", "lib64", "sbin")
"""Directories that are links into /usr, in the image too."""

_UNUSED = ("site-packages", "test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3")


def programs(names: Iterable[str] = SHELL) -> dict[str, Path | str]:
    """Programs, found where distributions have them, with their shared libraries: where each lies in an image.

    Raises SandboxError for a program that is not here.
    """
    files: dict[str, Path | str] = {directory: f"usr/{directory}" for directory in _MERGED}
    for name in names:
        found = shutil.which(name, path=SEARCH)
        if found is None:
            raise SandboxError(f"there is no program {name!r} to put into an image", f"install it: {name}")
        files[f"usr/bin/{name}"] = Path(found).resolve()
        files.update(libraries([Path(found)]))
    return files


def python(packages: Iterable[Path] = ()) -> dict[str, Path | str]:
    """The Python that runs this, as `python`, with its standard library and packages: files or directories.

    The packages are found in /opt/packages, which PYTHONPATH has to name.
    """
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    base, standard = Path(sys.base_prefix), Path(sysconfig.get_path("stdlib"))
    interpreter = (base / "bin" / version).resolve()
    files: dict[str, Path | str] = {_inside(interpreter): interpreter, "usr/bin/python": str(interpreter)}
    files["usr/bin/python3"] = "python"
    for file in tree(standard):
        if not any(part in _UNUSED or part.startswith("config-") for part in file.relative_to(standard).parts):
            files[_inside(file)] = file
    for package in packages:
        found = tree(package) if package.is_dir() else [package]
        files.update({f"opt/packages/{file.relative_to(package.parent)}": file for file in found})
    extensions = [file for file in files.values() if isinstance(file, Path) and ".so" in file.suffixes]
    return {**files, **libraries([interpreter, *extensions])}


def tree(directory: Path) -> Iterator[Path]:
    """Everything below a directory that is no directory."""
    return (file for file in sorted(directory.rglob("*")) if file.is_symlink() or not file.is_dir())


def libraries(programs: Iterable[Path]) -> Mapping[str, Path]:
    """The shared libraries that programs and extensions are loaded with, by where they are looked for."""
    asked = [str(program) for program in programs]
    said = subprocess.run(["ldd", *asked], capture_output=True, text=True, check=False).stdout if asked else ""
    found = re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", said, re.MULTILINE)
    return {_inside(Path(library)): Path(library).resolve() for library in found}


def _inside(file: Path) -> str:
    """Where a file lies in an image: at its own path, and below /usr what only seems to lie beside it."""
    path = str(file).lstrip("/")
    return f"usr/{path}" if path.partition("/")[0] in _MERGED else path
