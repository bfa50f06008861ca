"""The claims that a program registers: there before the services, and left in the cluster."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.components.harness import Plan, run_program

CLUSTER = {"context": "prod"}


def plan_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, cluster: dict[str, Any], size: str | None) -> Plan:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump({"contexts": [{"name": "prod"}]}))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    source = {"kind": "claim", "name": "models", "directory": "q", **({"size": size} if size else {})}
    service = {"image": "a:1", "model": {"source": source}, "engine": {"maxModelLen": 4096}}
    config = {"ascend-vllm:cluster": cluster, "ascend-vllm:services": {"qwen": service, "other": service}}
    return run_program("test", config)


def test_a_claim_is_made_once_before_the_services_that_share_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    plan = plan_of(monkeypatch, tmp_path, CLUSTER, "500Gi")
    (claim,) = plan.of_type("PersistentVolumeClaim")

    assert (claim.name, claim.dependencies, claim.provider) == ("claim-models", ("namespace",), "cluster")
    assert claim.inputs["spec"]["resources"]["requests"] == {"storage": "500Gi"}
    assert all("claim-models" in plan.resources[name].dependencies for name in ("qwen", "other"))


def test_pulumi_never_deletes_a_claim(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (claim,) = plan_of(monkeypatch, tmp_path, CLUSTER, "500Gi").of_type("PersistentVolumeClaim")

    assert claim.retained
    assert claim.deleted_with == ""


def test_a_claim_that_exists_is_not_registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    assert plan_of(monkeypatch, tmp_path, CLUSTER, None).of_type("PersistentVolumeClaim") == []
