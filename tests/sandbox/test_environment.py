"""Commands in a sandbox see the sandbox, and nothing of the user's clusters and Pulumi."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from sandbox import command, paths
from sandbox.environment import environment
from sandbox.errors import SandboxError


@pytest.fixture
def home(cache: Path) -> Path:
    """The home of a sandbox that was started, with our provider."""
    home = paths.home("dev")
    (home / "bin").mkdir(parents=True)
    provider = cache / "tools" / "key" / "bin" / "pulumi-resource-kubernetes"
    provider.parent.mkdir(parents=True)
    provider.touch()
    (home / "bin" / provider.name).symlink_to(provider)
    return home


def test_the_sandboxs_tools_come_first_then_this_python(home: Path) -> None:
    path = environment("dev", {"PATH": "/usr/bin:/bin"})["PATH"]

    assert path.split(":") == [str(home / "bin"), str(Path(sys.executable).parent), "/usr/bin", "/bin"]


def test_the_users_own_cluster_and_pulumi_are_out_of_reach(home: Path) -> None:
    users = {
        "KUBECONFIG": "/u/config",
        "PULUMI_ACCESS_TOKEN": "t",
        "PULUMI_CONFIG_PASSPHRASE_FILE": "/u/p",
        "LANG": "C",
    }

    variables = environment("dev", {**users, "PULUMI_BACKEND_URL": "s3://u", "PULUMI_HOME": "/u"})

    assert variables["LANG"] == "C"
    assert variables["KUBECONFIG"] == str(home / "kubeconfig")
    assert variables["PULUMI_BACKEND_URL"] == f"file://{home}/pulumi/state"
    assert variables["PULUMI_HOME"] == str(home / "pulumi" / "home")
    assert variables["TMPDIR"] == str(home / "tmp")
    assert not {"PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(variables)


def test_our_provider_is_never_replaced_by_a_download(home: Path) -> None:
    assert environment("dev", {})["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"


def test_our_provider_is_the_version_that_the_package_asks_for_and_pulumi_warns_of_nothing(home: Path) -> None:
    variables = environment("dev", {})
    environment("dev", {})
    plugins = home / "pulumi" / "home" / "plugins"
    plugin = plugins / f"resource-kubernetes-v{version('pulumi-kubernetes')}" / "pulumi-resource-kubernetes"

    assert plugin.resolve() == (home / "bin" / "pulumi-resource-kubernetes").resolve()
    assert variables["PULUMI_IGNORE_AMBIENT_PLUGINS"] == variables["PULUMI_DEV"] == "true"


def test_with_the_users_provider_plugins_are_found_as_he_is_used_to(home: Path, tmp_path: Path) -> None:
    (home / "bin" / "pulumi-resource-kubernetes").unlink()
    (tmp_path / "provider").touch()
    (home / "bin" / "pulumi-resource-kubernetes").symlink_to(tmp_path / "provider")

    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in environment("dev", {})


def test_a_sandbox_that_is_not_up_has_no_environment() -> None:
    with pytest.raises(SandboxError, match="sandbox dev is not up"):
        environment("dev")


@pytest.mark.usefixtures("home")
def test_a_command_gets_the_environment_and_gives_its_exit_code(tmp_path: Path) -> None:
    code = command.run("dev", "dev", tmp_path, ["sh", "-c", 'echo "$KUBECONFIG" > seen; exit 7'])

    assert code == 7
    assert (tmp_path / "seen").read_text() == f"{paths.home('dev')}/kubeconfig\n"


@pytest.mark.usefixtures("home")
def test_an_unknown_command_is_told_with_the_dashes(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no command 'nope'") as refused:
        command.run("dev", "dev", tmp_path, ["nope"])

    assert "--" in refused.value.fix


def test_importing_the_sandbox_is_cheap() -> None:
    script = "import sys, sandbox.cluster, sandbox.deployment; print({'pulumi', 'rich', 'grpc'} & set(sys.modules))"

    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    )

    assert answer.stdout == "set()\n"


def test_the_sandbox_imports_nothing_of_the_rest() -> None:
    text = "".join(file.read_text() for file in Path(paths.__file__).parent.glob("*.py"))

    assert not any(f"from {package}" in text for package in ("cli", "models", "components"))
