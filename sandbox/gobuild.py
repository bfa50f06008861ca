"""Builds a tool from its pinned Go module. An interrupt leaves either the whole tool or no part of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.paths import build_dir, tail
from sandbox.pins import GO_MINIMUM, MODULES, Asset, Tool
from sandbox.processes import run_to_log

_GO_VERSION = re.compile(r"go(\d+)\.(\d+)")
_PROVIDER = "pulumi-resource-kubernetes"
_PROVIDER_SCHEMA = "cmd/pulumi-resource-kubernetes/schema.json"
_PROVIDER_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"


def check_go() -> None:
    """Raise SandboxError unless a Go new enough for the modules is on PATH."""
    minimum = ".".join(str(number) for number in GO_MINIMUM)
    fix = (
        f"install Go {minimum} or newer (https://go.dev/doc/install) and put it on PATH"
    )
    program = shutil.which("go")
    if not program:
        raise SandboxError(
            f"the sandbox needs Go {minimum} to build its tools, but there is no go on PATH",
            fix,
        )
    process = subprocess.run(
        ["go", "version"],
        capture_output=True,
        text=True,
        check=False,
        env=go_environment(),
    )
    found = _GO_VERSION.search(process.stdout)
    if not found:
        output = (process.stderr or process.stdout).strip() or "nothing"
        raise SandboxError(
            f"{program} does not work: `go version` prints {output}", fix
        )
    major, minor = found.groups()
    if (int(major), int(minor)) < GO_MINIMUM:
        raise SandboxError(
            f"{program} is Go {major}.{minor}; the sandbox needs {minimum} or newer",
            fix,
        )


def go_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of every build: reproducible, nothing fetched but modules, our caches unless the caller sets his.

    The proxy and checksum settings stay the user's: go.sum decides which modules are accepted.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name not in ("GOOS", "GOARCH", "GOWORK")
    }
    flags = "-trimpath -buildvcs=false"
    # Go's module cache is read-only by default and could not be removed afterwards.
    flags += "" if environ.get("GOMODCACHE") else " -modcacherw"
    return {
        "GOCACHE": str(build_dir() / "gocache"),
        "GOMODCACHE": str(build_dir() / "gomodcache"),
        **{
            name: value
            for name, value in kept.items()
            if value or name not in ("GOCACHE", "GOMODCACHE")
        },
        "CGO_ENABLED": "0",
        "GOTMPDIR": str(build_dir() / "tmp"),
        # Go counts its runs in the configuration directory: not in the user's, but with the user's own settings.
        "GOENV": environ.get("GOENV")
        or str(_user_configuration(environ) / "go" / "env"),
        "XDG_CONFIG_HOME": str(build_dir() / "configuration"),
        "GOFLAGS": flags,
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        # The compiler collects its garbage less often: a tenth of the time, for memory that is there.
        "GOGC": environ.get("GOGC") or "400",
    }


def _user_configuration(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def clean_build_caches() -> None:
    """Remove the Go caches that are ours, and the work copies. The caller's own caches are left alone."""
    shutil.rmtree(build_dir(), ignore_errors=True)


def build(tool: Tool, tools: Path) -> None:
    """Build `tools/bin/<name>` and its assets; the program itself is written last.

    Raises:
        SandboxError: The build fails; the message has the last lines of the log and its path.
    """
    log = build_dir() / "logs" / f"{tool.name}.log"
    log.unlink(missing_ok=True)
    environment = go_environment()
    built = build_dir() / "made" / tool.name
    for directory in (built.parent, Path(environment["GOTMPDIR"])):
        directory.mkdir(parents=True, exist_ok=True)
    source = _sources(tool, environment, log)
    for asset in tool.assets:
        _copy_asset(asset, tools, environment, log)
    linker_flags = f"-w -s {tool.flags}".rstrip()
    _go(
        ["build", "-ldflags", linker_flags, "-o", str(built), tool.package],
        source,
        environment,
        log,
    )
    target = tools / "bin" / tool.name
    target.parent.mkdir(parents=True, exist_ok=True)
    built.replace(target)


def _go(
    arguments: list[str], source: Path, environment: Mapping[str, str], log: Path
) -> None:
    if run_to_log(["go", *arguments], environment, log, source) != 0:
        raise SandboxError(
            f"building {log.stem} failed; the last lines of {log}:\n{tail(log)}",
            "check the network and the space on disk, then run the same command again; finished tools are kept",
        )


def _sources(tool: Tool, environment: Mapping[str, str], log: Path) -> Path:
    """The directory of the build: the module, or for the provider a copy of it with the schema that it embeds."""
    module = MODULES / tool.module
    if tool.name != _PROVIDER:
        return module
    copy = build_dir() / tool.module
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(module, copy)
    original = (
        _module_dir(_PROVIDER_MODULE, module, environment, log) / _PROVIDER_SCHEMA
    )
    schema = {**json.loads(original.read_text()), "version": tool.version}
    (copy / "schema.json").write_text(json.dumps(schema, separators=(",", ":")))
    return copy


def _copy_asset(
    asset: Asset, tools: Path, environment: Mapping[str, str], log: Path
) -> None:
    root = _module_dir(asset.go_module, MODULES / asset.module, environment, log)
    target = tools / asset.target
    target.mkdir(parents=True, exist_ok=True)
    for pattern in asset.sources:
        for path in sorted(root.glob(pattern)):
            _replace(path, target / path.name)


def _replace(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, temporary)
    mode = 0o755 if target.parent.name == "bin" else 0o644
    temporary.chmod(mode)
    temporary.replace(target)


def _module_dir(
    module: str, source: Path, environment: Mapping[str, str], log: Path
) -> Path:
    """The directory of a dependency in the module cache, into which it is downloaded if it is missing."""
    _go(["mod", "download", module], source, environment, log)
    command = ["go", "list", "-m", "-f", "{{.Dir}}", module]
    answer = subprocess.run(
        command,
        cwd=source,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(answer.stdout.strip())
