"""Values in the form of Kubernetes, Helm or vLLM get a fix that keeps them."""

from __future__ import annotations

import pytest
import yaml

from models.check import check
from models.finding import Finding
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.rules.edits import alternatives, apply

SERVICE = {
    "image": "quay.io/ascend/vllm-ascend:v0.23.0",
    "model": "/mnt/models/Qwen3-32B-W8A8",
    "npus": 4,
    "engine": {"maxModelLen": 8192},
}

FORMS = [
    ("graph: FULL_DECODE_ONLY", "write graph: {mode: FULL_DECODE_ONLY}"),
    ("graph: {kind: full-decode-only}", "write graph: {mode: FULL_DECODE_ONLY}"),
    ("graph: {mode: PIECEWISE, sizes: '1,2'}", "write graph: {mode: PIECEWISE, captureSizes: [1, 2]}"),
    ("graph: {cudagraph_mode: FULL}", "write graph: {mode: FULL}"),
    ("graph: {enabled: false}", "write graph: eager"),
    ("graph: npugraph", "write graph: cann"),
    ("graph: [1, 2]", "write graph: {captureSizes: [1, 2]}"),
    ("speculative: eagle3", "write speculative: {kind: eagle3, source: /mnt/models/Qwen3-32B-eagle3, tokens: 3}"),
    (
        "speculative: {method: eagle3, model: org/head, num_speculative_tokens: 2, draft_tensor_parallel_size: 1}",
        "write speculative: {config: {draftTensorParallelSize: 1}, kind: eagle3, source: /mnt/models/head, tokens: 2}",
    ),
    (
        "speculative: {method: ngram, num_speculative_tokens: 3, prompt_lookup_max: 4}",
        "write speculative: {kind: ngram, tokens: 3, promptLookupMax: 4}",
    ),
    (
        'speculative_config: \'{"model": "/mnt/models/Qwen3-0.6B", "num_speculative_tokens": 5}\'',
        "write speculative: {kind: draft, source: /mnt/models/Qwen3-0.6B, tokens: 5} and remove speculative_config",
    ),
    ("speculative: {enabled: false, method: ngram}", "remove speculative"),
    ("quantization: W8A8", "write quantization: ascend"),
    ("quantization: {method: ascend}", "write quantization: ascend"),
    ("quantization: {quant_method: w4a8}", "write quantization: ascend"),
    ("quantization: none", "remove quantization"),
    ("quantize: modelslim", "write quantization: ascend and remove quantize"),
    ("priority: high", "write priorityClass: high and remove priority"),
    ("priority: {className: production}", "write priorityClass: production and remove priority"),
    ("resources: {limits: {memory: 192Gi, cpu: 8}, requests: {cpu: 4}}", "write resources: {cpu: 4, memory: 192Gi}"),
    ("resources: {requests: {cpu: 500m, memory: 192GB}}", "write resources: {cpu: 500m, memory: 192Gi}"),
    ("resources: {limits: {huawei.com/Ascend910: 4}}", "remove resources"),
    ("resources: {cpu: 8 cores}", "write cpu: 8"),
    ("limits: {cpu: 8 vCPU}", "write resources: {cpu: 8} and remove limits"),
    ("cpus: 8", "write resources.cpu: 8 and remove cpus"),
    ("memory: 192", "write resources.memory: 192Gi and remove memory"),
    ("server: {port: 80800}", "write port: 8080"),
    ("server: {apiKey: {secretKeyRef: {name: s, key: k}}}", "write server.apiKey: {secret: s, key: k}"),
    ("toolCallParser: hermes", "write server.toolCallParser: hermes and remove toolCallParser"),
    (
        "kvTransfer: {kvConnector: MooncakeConnectorV1, kvRole: kv_producer}",
        "write engine.extraArgs.kvTransferConfig: {kv_connector: MooncakeConnectorV1, kv_role: kv_producer}"
        " and remove kvTransfer",
    ),
    (
        "kvTransfer: {prefill: a, decode: b}",
        "remove kvTransfer (the stack's own key ascend-vllm:kvTransfer names both services of a pair)",
    ),
    ("env: {A: {value: 5}}", 'write env.A: "5"'),
    ("env: {A: {valueFrom: {fieldRef: {fieldPath: status.podIP}}}}", "write env.A: {field: status.podIP}"),
    ("env: {A: {valueFrom: {secretKeyRef: {name: s, key: k}}}}", "write env.A: {secret: s, key: k}"),
    ("env: {A: {valueFrom: {configMapKeyRef: {name: c, key: k}}}}", "remove env.A"),
    ("env: [{name: A, value: b}, {name: C, value: 1}]", 'write env: {A: b, C: "1"}'),
    ("env: ['A=b', 'C=d e']", 'write env: {A: b, C: "d e"}'),
    ("environment: [{A: b}]", "write env: {A: b} and remove environment"),
    ("extraArgs: {max-model-len: 4096}", "remove extraArgs"),
    (
        "args: ['--seed=1', '--tensor-parallel-size', '4']",
        "write engine.tensorParallelSize: 4 and write engine.extraArgs: {seed: 1} and remove args",
    ),
    (
        "model: {source: {claim: models, subPath: a}}",
        "write model: {source: {kind: claim, name: models, directory: a}}",
    ),
    (
        "model: {source: {pvc: models, subPath: ./team/a/}}",
        "write model: {source: {kind: claim, name: models, directory: team/a}}",
    ),
    ("model: {source: {pvc: models, subPath: /}}", "write model: {source: {kind: claim, name: models}}"),
    ("model: {source: {hostPath: {path: /mnt/models/a}}}", "write model: /mnt/models/a"),
    ("model: {hostPath: {path: /mnt/models/a}}", "write model: /mnt/models/a"),
    ("model: {id: Qwen/Qwen3-8B}", "write model: /mnt/models/Qwen3-8B"),
    (
        "image: {registry: quay.io, repository: ascend/vllm-ascend, tag: v0.23.0, pullPolicy: Always}",
        "write image: quay.io/ascend/vllm-ascend:v0.23.0",
    ),
    ("imagePullSecrets: [{name: registry}]", "write pullSecrets: [registry] and remove imagePullSecrets"),
    (
        "rollout: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%}}",
        "write rollout: {kind: rollingUpdate, maxSurge: 1}",
    ),
    ("strategy: {type: Recreate}", "write rollout: recreate and remove strategy"),
    (
        "lora: {modules: [{name: a, path: /mnt/models/a}], max_lora_rank: 64}",
        "write lora: {adapters: {a: /mnt/models/a}, maxRank: 64}",
    ),
    ("lora: [/mnt/models/adapters/a]", "write lora: {adapters: {a: /mnt/models/adapters/a}}"),
    ("podTemplate: {nodeSelector: {a: b}}", "write podTemplate: {spec: {nodeSelector: {a: b}}}"),
    ("monitoring: {enabled: false}", "remove monitoring"),
    ("visibleDevices: all", "remove visibleDevices"),
    ("readinessProbe: {periodSeconds: 5}", "remove readinessProbe (the probes follow from startup)"),
    ("graphMode: piecewise", "write graph: {mode: PIECEWISE} and remove graphMode"),
    ("lora: {enabled: false}", "remove lora"),
    ("terminationGracePeriodSeconds: 300", "write drain: 300s and remove terminationGracePeriodSeconds"),
    ("podTemplate: {annotations: {a: b}}", "write podTemplate: {metadata: {annotations: {a: b}}}"),
    ("extraEnv: [{name: A, value: b}]", "write env: {A: b} and remove extraEnv"),
    ("env: 5", "remove env"),
    ("startup: '600'", "write startup: 600s"),
    ("startup: {timeout: 20m}", "write startup: 20m"),
]
"""Keys of a service as people write them, and the fix."""


def findings(text: str) -> tuple[Finding, ...]:
    return check(resolve(load_text("test", "Pulumi.test.yaml", text))).findings


def stack(line: str) -> str:
    service = {**SERVICE, **yaml.safe_load(line)}
    config = {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"qwen": service}}
    return yaml.safe_dump({"config": config}, sort_keys=False)


@pytest.mark.parametrize(("line", "fix"), FORMS)
def test_the_fix_of_another_form_keeps_its_meaning_and_works(line: str, fix: str) -> None:
    text = stack(line)
    errors = [finding for finding in findings(text) if finding.severity == "error"]

    assert [finding.fix for finding in errors] == [fix]
    (edits,) = alternatives(fix)
    after = findings(apply(edits, errors[0], text))
    assert [finding.message for finding in after if finding.severity == "error"] == []


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        ("['--seed=1', '--max-model-len', '4096']", "write engine.extraArgs: {seed: 1}"),
        ("[seed=1]", "write engine.extraArgs: {seed: 1}"),
        ("[{seed: 1}, {disableLogStats: true}]", "write engine.extraArgs: {seed: 1, disableLogStats: true}"),
        (
            "['vllm', 'serve', '/m', '--additional-config', '{\"enable_cpu_binding\": true}']",
            "write engine.additionalConfig: {enable_cpu_binding: true} and remove engine.extraArgs",
        ),
        ("--enforce-eager --seed 1", "write graph: eager and write engine.extraArgs: {seed: 1}"),
        ("5", "remove engine.extraArgs"),
    ],
)
def test_flags_that_are_no_mapping_become_the_keys_that_set_them(arguments: str, fix: str) -> None:
    document = yaml.safe_load(stack("npus: 4"))
    document["config"]["ascend-vllm:services"]["qwen"]["engine"]["extraArgs"] = yaml.safe_load(arguments)
    text = yaml.safe_dump(document, sort_keys=False)

    (finding,) = findings(text)

    assert finding.fix == fix
    (edits,) = alternatives(fix)
    assert [found.message for found in findings(apply(edits, finding, text))] == []


def test_a_method_that_the_weights_do_not_have_is_removed() -> None:
    text = stack("quantization: W8A8").replace("Qwen3-32B-W8A8", "Qwen3-32B")

    assert [finding.fix for finding in findings(text)] == ["remove quantization"]


def test_a_value_that_may_be_a_credential_is_not_repeated() -> None:
    secret = "sk-live-0123456789abcdef0123456789abcdef"
    text = stack(f"env: [{{name: OPENAI_API_KEY, value: {secret}}}]")

    assert [finding.fix for finding in findings(text) if secret in finding.fix + finding.message] == []


def test_a_pair_that_lacks_a_service_gets_the_name_of_another_one() -> None:
    document = yaml.safe_load(stack("npus: 4"))
    config = document["config"]
    config["ascend-vllm:services"]["glm"] = dict(SERVICE)
    config["ascend-vllm:kvTransfer"] = {"prefill": "qwen"}
    text = yaml.safe_dump(document, sort_keys=False)

    finding, *_ = findings(text)

    assert finding.fix == "write decode: glm under kvTransfer"


@pytest.mark.parametrize(
    ("pools", "fix"),
    [
        (
            "[{name: a, nodes: 2, npusPerNode: 8, npuMemory: 64Gi}]",
            "write pools: {a: {nodes: 2, npuMemory: 64Gi, npusPerNode: 8}}",
        ),
        ("{a: {nodes: 2, npus: 8, npuMemory: 64Gi}}", "write npusPerNode: 8"),
        ("{a: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi, soc: 910B}}", "write soc: a2"),
    ],
)
def test_pools_in_another_form_keep_their_values(pools: str, fix: str) -> None:
    text = stack("npus: 4").replace("context: prod", f"context: prod\n    pools: {pools}")
    finding, *_ = findings(text)

    assert finding.fix == fix
    (edits,) = alternatives(fix)
    assert [found.message for found in findings(apply(edits, finding, text))] == []


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("gpuMemoryUtilization: 95%", "write gpuMemoryUtilization: 0.95"),
        ("gpuMemoryUtilization: 95", "write gpuMemoryUtilization: 0.95"),
        ("gpuMemoryUtilization: 0,85", "write gpuMemoryUtilization: 0.85"),
        ("maxModelLen: 32,768", "write maxModelLen: 32768"),
        ("trustRemoteCode: '1'", "write trustRemoteCode: true"),
        ("asyncScheduling: enabled", "write asyncScheduling: true"),
    ],
)
def test_a_number_in_another_form_keeps_its_value(line: str, fix: str) -> None:
    document = yaml.safe_load(stack("npus: 4"))
    document["config"]["ascend-vllm:services"]["qwen"]["engine"].update(yaml.safe_load(line))

    assert findings(yaml.safe_dump(document, sort_keys=False))[0].fix == fix
