"""The example on the page about components, under Pulumi's mocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.components.harness import run_file
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "components.md"


def test_the_example_of_the_page_registers_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": "prod"}]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    program = tmp_path / "__main__.py"
    program.write_text(example, encoding="utf-8")

    plan = run_file(program, "dev", {})

    assert plan.outputs == {"endpoint": "http://qwen.models.svc:8080"}
    assert {"qwen-cluster", "qwen-deployment", "qwen-service", "qwen-smoke"} < plan.resources.keys()
