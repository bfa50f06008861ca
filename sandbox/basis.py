"""Collects the files of an image from this machine: programs with their libraries, and a Python with packages."""

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
"""The programs for the scripts of a pod, and for people who look into it."""

_MERGED = ("bin", "lib", "lib64", "sbin")
"""Directories that are links into /usr, on the machine and in the image."""

_LIBRARY = re.compile(r"^\s+(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)
_UNUSED = (
    "site-packages",
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
)


def programs(names: Iterable[str] = SHELL) -> dict[str, Path | str]:
    """Programs with their shared libraries, by their paths in an image.

    Args:
        names: The programs.

    Raises:
        SandboxError: The machine does not have a program.
    """
    files: dict[str, Path | str] = {
        directory: f"usr/{directory}" for directory in _MERGED
    }
    for name in names:
        found = shutil.which(name, path=SEARCH)
        if found is None:
            raise SandboxError(
                f"there is no program {name!r} to put into an image",
                f"install it: {name}",
            )
        files[f"usr/bin/{name}"] = Path(found).resolve()
        files.update(libraries([Path(found)]))
    return files


def python(packages: Iterable[Path] = ()) -> dict[str, Path | str]:
    """The running Python with its standard library and with packages, by the paths in an image.

    Args:
        packages: Files or directories; they are in /opt/packages, which PYTHONPATH has to name.
    """
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    base, standard = Path(sys.base_prefix), Path(sysconfig.get_path("stdlib"))
    interpreter = (base / "bin" / version).resolve()
    files: dict[str, Path | str] = {
        _inside(interpreter): interpreter,
        "usr/bin/python": str(interpreter),
    }
    files["usr/bin/python3"] = "python"
    for file in tree(standard):
        if not any(
            part in _UNUSED or part.startswith("config-")
            for part in file.relative_to(standard).parts
        ):
            files[_inside(file)] = file
    for package in packages:
        found = tree(package) if package.is_dir() else [package]
        files.update(
            {f"opt/packages/{file.relative_to(package.parent)}": file for file in found}
        )
    extensions = [
        file
        for file in files.values()
        if isinstance(file, Path) and ".so" in file.suffixes
    ]
    return {**files, **libraries([interpreter, *extensions])}


def tree(directory: Path) -> Iterator[Path]:
    """All files and symbolic links below a directory."""
    return (
        file
        for file in sorted(directory.rglob("*"))
        if file.is_symlink() or not file.is_dir()
    )


def libraries(programs: Iterable[Path]) -> Mapping[str, Path]:
    """The shared libraries of programs and extensions, by the paths at which the loader looks for them."""
    files = [str(program) for program in programs]
    if not files:
        return {}
    process = subprocess.run(
        ["ldd", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    found = _LIBRARY.findall(process.stdout)
    return {_inside(Path(library)): Path(library).resolve() for library in found}


def _inside(file: Path) -> str:
    """The path of a file in an image: its own path, but below /usr if its directory is a link into /usr."""
    path = str(file).lstrip("/")
    directory, _, _ = path.partition("/")
    if directory in _MERGED:
        return f"usr/{path}"
    return path
