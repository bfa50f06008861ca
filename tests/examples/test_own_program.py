"""The example of a program of somebody else, under Pulumi's mocks. tests/e2e/test_own_program.py runs it for real."""

from __future__ import annotations

import re
from pathlib import Path

import pulumi
import pytest
import yaml

from cluster.update.wait import NotReadyError
from components import readiness
from models.manifests.namespace import ENFORCE
from tests.components.harness import Plan, run_file
from tests.components.test_readiness import ClusterOfTheTest, cluster
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

__all__ = ["cluster"]

EXAMPLE = ROOT / "examples" / "own-program"


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig with the context of the program."""
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": "prod"}]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


def run(program: Path = EXAMPLE / "__main__.py", *, preview: bool = False) -> Plan:
    return run_file(program, "dev", {"own-program:context": "prod"}, project="own-program", preview=preview)


def changed(directory: Path, *changes: tuple[str, str]) -> Path:
    """The example with changes, each of a text and what replaces it."""
    text = (EXAMPLE / "__main__.py").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    program = directory / "__main__.py"
    program.write_text(text, encoding="utf-8")
    return program


def test_the_program_registers_two_services_and_a_gateway_that_knows_them() -> None:
    plan = run()
    services = plan.of_type("InferenceDeployment")

    assert [service.name for service in services] == ["chat", "reasoning"]
    assert [service.inputs["npus"] for service in services] == [1, 4]
    assert plan.resources["gateway"].inputs["data"] == plan.outputs
    assert plan.outputs == {
        "chat": "http://chat.models.svc:8080",
        "reasoning": "http://reasoning.models.svc:8080",
    }
    assert {"chat-smoke", "reasoning-smoke", "chat-poddisruptionbudget"} < plan.resources.keys()


def test_every_object_goes_through_the_programs_provider_to_its_namespace() -> None:
    plan = run()
    objects = [resource for resource in plan.resources.values() if resource.type.startswith("kubernetes:")]

    assert {resource.provider for resource in objects} == {"cluster"}
    assert {resource.inputs["metadata"].get("namespace", "models") for resource in objects} == {"models"}
    assert plan.resources["models"].inputs["metadata"]["labels"] == {ENFORCE: "privileged"}


def test_a_preview_shows_the_same_resources() -> None:
    assert run(preview=True).resources == run().resources


def test_the_example_has_no_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    run()

    assert warnings == []


def test_the_error_that_the_readme_suggests_lists_all_findings_of_the_service(tmp_path: Path) -> None:
    program = changed(tmp_path, ("npus=1", "npus=3"), ("max_model_len=4096", "max_model_len=4000000"))
    with pytest.raises(pulumi.RunError) as refusal:
        run(program)
    text = str(refusal.value)

    assert "error[npu-counts]" in text
    assert "error[length-above-model]" in text


def test_a_service_that_cannot_start_fails_the_program_in_words(
    cluster: ClusterOfTheTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(*_: object) -> None:
        raise NotReadyError([], "chat cannot start")

    cluster.available = {"chat": 0, "reasoning": 1}
    monkeypatch.setattr(readiness, "wait_until_ready", wait)
    with pytest.raises(pulumi.RunError, match="chat cannot start"):
        run()


def test_the_readme_has_two_commands() -> None:
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")

    assert re.findall(r"^    (.*)$", text, re.M) == [
        "pulumi install",
        "pulumi up --stack dev --config context=YOUR-CONTEXT",
    ]
