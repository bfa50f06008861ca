"""What `check` says of generated patches of pods, held against the dry run of the real API server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import httpx
import pytest

from models.finding import Finding
from models.kubernetes.schema import pod_schema
from models.manifests import Manifest, service_objects
from models.rules.registry import judge
from models.service.resolved import ResolvedService
from models.stack_file.keys.cluster import DEFAULT_KUBERNETES, minor_of
from models.stack_file.keys.pod_template import PodTemplate
from sandbox.plan import Plan
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes
from tests.models.kubernetes.patches import ACCEPTED, random_patch
from tests.review.stacks import stack
from tools.pod_schema import Types, collect, entries

PATCHES = 300
LISTS = ("containers", "initContainers", "volumes")
OFF = "fileKeyRef|podCertificate|clusterTrustBundle|stopSignal|hostnameOverride|restartPolicyRules|restartPolicy"
"""Fields of features that are off by default in the sandbox's release; the API server drops them."""

STRICTER = re.compile(
    rf"must not be empty|emptyDir\.medium|\b({OFF})\b|is missing \(.*OpenAPI schema|volumes\.\d+\.image\."
)
"""Findings about what the API server accepts, by their words. docs/decisions.md has the reasons."""

STATE = re.compile(r"service account .* not found|RuntimeClass .* not found|forbidden: .*PriorityClass")
"""Refusals because of what the cluster has."""


class ApiServer:
    """Asks the API server whether it would create an object."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def refusal(self, path: str, manifest: Manifest) -> str:
        """Why it refuses the object; empty if it accepts it."""
        query = {"dryRun": "All", "fieldValidation": "Strict"}
        answer = self.client.post(path, params=query, json=manifest)
        message = "" if answer.status_code == 201 else str(answer.json()["message"])
        return "" if STATE.search(message) else message

    def refusal_of_pods(self, deployment: Manifest) -> str:
        """Why it refuses a Deployment, or a pod of it."""
        refusal = self.refusal("/apis/apps/v1/namespaces/default/deployments", deployment)
        if refusal:
            return refusal
        template = deployment["spec"]["template"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": "qwen"},
            "spec": template["spec"],
        }
        return self.refusal("/api/v1/namespaces/default/pods", pod)


@pytest.fixture(scope="module")
def api_server(sandbox: SandboxFactory) -> Iterator[ApiServer]:
    environment = sandbox(Plan("beside", ascend_nodes(4))).env
    command = ["kubectl", "proxy", "--port=0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout
        address = proxy.stdout.readline().rpartition(" ")[2].strip()
        try:
            with httpx.Client(base_url=f"http://{address}", timeout=30, trust_env=False) as client:
                yield ApiServer(client)
        finally:
            proxy.terminate()


def with_patch(service: ResolvedService, spec: dict[str, Any]) -> ResolvedService:
    return replace(service, pod_template=PodTemplate(spec=spec))


def deployment_of(service: ResolvedService) -> Manifest:
    (deployment,) = [manifest for manifest in service_objects(service) if manifest["kind"] == "Deployment"]
    metadata = {**deployment["metadata"], "namespace": "default"}
    return {**deployment, "metadata": metadata}


def findings_of(service: ResolvedService) -> list[str]:
    """The findings about the patch; those about fields that a patch may not set come first."""
    found = [finding for finding in judge(service) if is_about_the_patch(finding)]
    found.sort(key=lambda finding: finding.rule != "pod-template-owned")
    return [f"{finding.rule}: {finding.message} ({finding.why})" for finding in found]


def is_about_the_patch(finding: Finding) -> bool:
    return finding.severity == "error" and finding.rule.startswith("pod-template-")


def test_the_api_server_accepts_a_patch_of_every_family(api_server: ApiServer) -> None:
    (service,) = stack({"qwen": {}}).services
    refusals = [(spec, api_server.refusal_of_pods(deployment_of(with_patch(service, spec)))) for spec in ACCEPTED]

    assert [(spec, refusal) for spec, refusal in refusals if refusal] == []


def test_check_and_the_api_server_agree_on_generated_patches(api_server: ApiServer) -> None:
    (service,) = stack({"qwen": {}}).services
    random = Random(2026)  # noqa: S311  patches are not secrets
    missed: list[Any] = []
    too_strict: list[Any] = []
    refused = 0
    for _ in range(PATCHES):
        spec = random_patch(random, changes=random.choice([0, 1, 1, 2]))
        if not all(isinstance(spec.get(key, []), list) for key in LISTS):
            continue  # the program does not merge it
        patched = with_patch(service, spec)
        found = findings_of(patched)
        if found and found[0].startswith("pod-template-owned"):
            continue
        refusal = api_server.refusal_of_pods(deployment_of(patched))
        refused += bool(refusal)
        if refusal and not found:
            missed.append((spec, refusal))
        elif found and not refusal and not all(STRICTER.search(text) for text in found):
            too_strict.append((spec, found))

    assert missed == []
    assert too_strict == []
    assert PATCHES / 5 < refused < PATCHES * 4 / 5


def test_the_table_of_fields_is_that_of_the_api_server(api_server: ApiServer) -> None:
    document = api_server.client.get("/openapi/v3/api/v1").json()
    minor = minor_of(DEFAULT_KUBERNETES)
    types: Types = {}
    collect(types, minor, document["components"]["schemas"], "io.k8s.api.core.v1.PodTemplateSpec")

    schema = pod_schema(minor)
    published = {name: sorted(fields) for name, fields in entries(types, [minor]).items()}
    assert published == {name: sorted(schema.fields(name)) for name in published}
