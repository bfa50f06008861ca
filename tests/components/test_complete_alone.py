"""`InferenceDeployment` in a program that is not ours: plain typed values, no stack file, no other component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
import yaml

from cluster.api.errors import ClusterError
from components import InferenceDeployment, InferenceDeploymentArgs, inference_deployment
from models.engines.engine_args import EngineArgs
from models.service.resolved import ResolvedService
from models.stack_file.keys.cluster import ClusterConfig
from models.stack_file.keys.model import Model
from models.stack_file.keys.monitoring import Monitoring
from models.stack_file.keys.operation import DisruptionBudget
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.keys.source import ClaimSource, HostPathSource
from tests.components.harness import Plan, build

CLUSTER = ClusterConfig(context="prod", namespace="models")


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig with the context of the services."""
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": "prod"}]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.chdir(tmp_path)


def qwen(**further: Any) -> ServiceConfig:
    return ServiceConfig(
        image="registry.example.com/ascend-vllm:6.3.912",
        model="/mnt/models/Qwen2-7B-Instruct",
        npus=1,
        engine=EngineArgs(max_model_len=4096),
        **further,
    )


def planned(config: ServiceConfig, name: str = "qwen", opts: pulumi.ResourceOptions | None = None) -> Plan:
    return build(lambda: InferenceDeployment(name, InferenceDeploymentArgs(config, CLUSTER), opts))


def refused(config: ServiceConfig, name: str = "qwen") -> str:
    with pytest.raises(pulumi.RunError) as refusal:
        planned(config, name)
    return str(refusal.value)


def test_plain_values_become_all_objects_of_the_service() -> None:
    plan = planned(qwen(smoke=True, monitoring=Monitoring(), disruption_budget=DisruptionBudget(max_unavailable=1)))
    objects = {resource.name for resource in plan.resources.values() if resource.type.startswith("kubernetes:")}

    assert objects == {
        "qwen-launch-config-map",
        "qwen-deployment",
        "qwen-service",
        "qwen-poddisruptionbudget",
        "qwen-podmonitor",
        "qwen-prometheusrule",
        "qwen-smoke",
    }
    assert plan.resources["qwen-deployment"].inputs["metadata"]["namespace"] == "models"


def test_without_a_provider_the_service_goes_to_the_context_of_its_cluster() -> None:
    plan = planned(qwen())
    objects = [resource for resource in plan.resources.values() if resource.type.startswith("kubernetes:")]

    assert plan.resources["qwen-cluster"].inputs["context"] == "prod"
    assert {resource.provider for resource in objects} == {"qwen-cluster"}


def test_a_provider_of_the_program_is_used() -> None:
    def program() -> None:
        provider = k8s.Provider("mine", context="prod")
        options = pulumi.ResourceOptions(provider=provider)
        InferenceDeployment("qwen", InferenceDeploymentArgs(qwen(), CLUSTER), options)

    plan = build(program)
    objects = [resource for resource in plan.resources.values() if resource.type.startswith("kubernetes:")]

    assert {resource.provider for resource in objects} == {"mine"}
    assert "qwen-cluster" not in plan.resources


def test_the_endpoint_is_an_output_that_other_resources_can_use() -> None:
    endpoints: list[str] = []

    def program() -> None:
        component = InferenceDeployment("qwen", InferenceDeploymentArgs(qwen(), CLUSTER))
        component.endpoint.apply(endpoints.append)

    build(program)

    assert endpoints == ["http://qwen.models.svc:8080"]


def test_all_errors_are_reported_at_once_and_nothing_is_registered() -> None:
    wrong = ServiceConfig(
        image="a:1",
        model="/mnt/models/Qwen2-7B-Instruct",
        npus=3,
        engine=EngineArgs(max_model_len=8192, max_num_batched_tokens=4096),
    )
    text = refused(wrong)

    assert "error[batched-tokens-below-length]: maxNumBatchedTokens 4096 is below maxModelLen 8192" in text
    assert "  --> qwen · engine.maxNumBatchedTokens\n" in text
    assert "fix: write npus: 4" in text
    assert "1 service: 2 errors" in text


def test_warnings_are_shown_and_can_be_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    idle = {"npus": 8, "engine": EngineArgs(max_model_len=4096, tensor_parallel_size=1)}
    planned(qwen().model_copy(update=idle))
    planned(qwen().model_copy(update={**idle, "accept": {"idle-npus": "a second adapter needs them"}}))

    assert [text.partition(":")[0] for text in warnings] == ["warning[idle-npus]", "accepted"]


@pytest.mark.parametrize(
    ("config", "name", "text"),
    [
        (qwen(), "Qwen_2", "error[bad-value]: the service's name"),
        (qwen(env={"HF_TOKEN": {"config": "hub"}}), "qwen", "{config: hub} refers to a secret key of a stack file"),
        (
            ServiceConfig(
                image="a:1",
                model=Model(source=HostPathSource(path="/mnt/models/x"), config_json="absent.json"),
                engine=EngineArgs(max_model_len=4096),
            ),
            "qwen",
            "error[config-json]: absent.json cannot be read",
        ),
    ],
)
def test_what_only_a_stack_file_can_have_is_refused(config: ServiceConfig, name: str, text: str) -> None:
    assert text in refused(config, name)


def test_a_claim_with_a_size_is_created_before_the_pods_and_kept() -> None:
    claim = ClaimSource(name="models", directory="q", size="500Gi")
    plan = planned(qwen().model_copy(update={"model": Model(source=claim)}))

    assert plan.resources["qwen-claim-models"].retained
    assert "qwen-claim-models" in plan.resources["qwen-deployment"].dependencies


def test_a_context_that_the_kubeconfig_lacks_is_refused() -> None:
    elsewhere = ClusterConfig(context="elsewhere")
    with pytest.raises(pulumi.RunError, match="the kubeconfig has no context 'elsewhere'"):
        build(lambda: InferenceDeployment("qwen", InferenceDeploymentArgs(qwen(), elsewhere)))


def external(monkeypatch: pytest.MonkeyPatch, answer: int | ClusterError | None) -> Plan:
    """A service whose pods an autoscaler counts, with what the cluster answers about their number."""

    async def hand_over(_: ResolvedService) -> int | None:
        if isinstance(answer, ClusterError):
            raise answer
        return answer

    monkeypatch.setattr(inference_deployment, "hand_over_replicas", hand_over)
    return planned(qwen(replicas="external", smoke=True))


@pytest.mark.parametrize(
    ("answer", "smoke_jobs"),
    [
        pytest.param(5, ["qwen-smoke"], id="five pods"),
        pytest.param(None, ["qwen-smoke"], id="not deployed yet"),
        pytest.param(0, [], id="scaled to zero"),
    ],
)
def test_an_update_leaves_the_number_of_pods_to_their_autoscaler(
    monkeypatch: pytest.MonkeyPatch, answer: int | None, smoke_jobs: list[str]
) -> None:
    plan = external(monkeypatch, answer)

    assert "replicas" not in plan.resources["qwen-deployment"].inputs["spec"]
    assert [job.name for job in plan.of_type("Job")] == smoke_jobs


def test_an_unknown_number_of_pods_stops_the_update_before_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pulumi.RunError, match="cannot find out how many pods an autoscaler set: no answer\nfix: wait"):
        external(monkeypatch, ClusterError("no answer", "wait"))
