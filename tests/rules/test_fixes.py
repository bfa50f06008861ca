"""The fix of every finding is an edit that works when it is applied literally."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml

from models.check import check
from models.finding import Finding
from models.rules.registry import rule_ids
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.rules.edits import alternatives, apply

pytestmark = pytest.mark.slow

VERBS = ("write ", "remove ", "rename ", "move ")
FOLDERS = Path(__file__).parent

NOT_AN_EDIT = {
    "base-file": "the file that `base` names is created or moved",
    "config-json": "the model's config.json is copied next to the stack file",
    "config-secret": "a command of Pulumi encrypts the value",
    "lock-file": "the edit is one of the lock file",
    "lock-outdated": "a command writes the lock file",
    "lock-pairing": "the edit is one of the lock file",
    "lock-unused": "a command writes the lock file",
    "incomplete-weights": "a command writes the list of checksums",
    "quantization-file": "msModelSlim quantizes the weights, and a command writes the list of checksums",
    "secret-in-services": "commands of Pulumi move the encrypted value",
    "stack-size": "nothing is read of the file that an edit could name",
    "weight-files": "a command writes the list of checksums",
    "yaml-syntax": "the text has no keys yet that an edit could name",
}
"""Rules whose fix is not an edit of the stack file, with the reason."""


def findings(rule: str, text: str) -> tuple[Finding, ...]:
    """What `check` finds in the text of a stack file, read in the folder of a rule."""
    with contextlib.chdir(FOLDERS / rule):
        return check(resolve(load_text("refused", "refused.yaml", text))).findings


def problems(rule: str, text: str) -> list[str]:
    """What remains or is new after each alternative of the fix of a rule's finding, in words."""
    (finding,) = findings(rule, text)
    if not finding.fix.startswith(VERBS):
        return [f"not an edit: {finding.fix}"]
    found = []
    try:
        for edits in alternatives(finding.fix):
            after = findings(rule, apply(edits, finding, text))
            wrong = [other for other in after if other.rule == rule or other.severity == "error"]
            found += [f"after {edits}: {other.severity}[{other.rule}] {other.message}" for other in wrong]
    except (KeyError, IndexError, TypeError, ValueError, AssertionError) as problem:
        found.append(f"cannot be applied: {finding.fix} ({problem!r})")
    return found


def refused(rule: str) -> str:
    return (FOLDERS / rule / "refused.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", sorted({*rule_ids()} - NOT_AN_EDIT.keys()))
def test_a_fix_that_is_applied_literally_removes_the_finding_and_adds_no_error(rule: str) -> None:
    assert problems(rule, refused(rule)) == []


@pytest.mark.parametrize("rule", sorted(NOT_AN_EDIT))
def test_a_fix_that_became_an_edit_is_no_longer_listed(rule: str) -> None:
    (finding,) = findings(rule, refused(rule))

    assert not finding.fix.startswith(VERBS)


WELL_FORMED = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      engine: {maxModelLen: 4096}
"""
MODEL = "/mnt/models/Qwen2-7B-Instruct"

ILL_FORMED = [
    # a line of the service, and the fix
    ('npus: "1"', "write npus: 1"),
    ("npus: 0", "write npus: 1"),
    ("max-num-seqs: 8", "write engine.maxNumSeqs: 8 and remove max-num-seqs"),
    ("tp: 2", "write engine.tensorParallelSize: 2 and remove tp"),
    ("swapSpace: 8", "write engine.extraArgs.swapSpace: 8 and remove swapSpace"),
    ("enforceEager: true", "write graph: eager and remove enforceEager"),
    (f"source: {MODEL}", f"write model.source: {MODEL} and remove source"),
    ("replica: 2", "write replicas: 2"),
    ("Resources: {memory: 64Gi}", "rename Resources to resources"),
    ("expose: loadbalancer", "write expose: LoadBalancer"),
    ("env: {A-B: x}", "rename env.A-B to A_B"),
    ("env: {A: 5}", 'write env.A: "5"'),
    ("visibleDevices: [x]", "remove visibleDevices (visibleDevices has the indices 0,1, but the pod has 1 NPU)"),
    ("prefixCaching: yes", "write prefixCaching: true"),
    ("startup: 1500", "write startup: 1500s"),
    ("graph: {gears: [2]}", "write kind: pta under graph"),
    ("graph: {kind: ptaa}", "write kind: pta"),
    ("graph: {kind: eager, gears: [2]}", "remove gears"),
    (
        "speculative: {tokens: 5}",
        "write speculative: {kind: draft, source: /mnt/models/draft, tokens: 5}",
    ),
    ("lora: {adapters: {a: m/a}}", "write lora.adapters.a: /m/a"),
    ("multimodal: false", "remove multimodal"),
    ("network: {admit: [Gate]}", "write network.admit: [gate]"),
    ("disruptionBudget: {maxUnavailable: 1, minAvailable: 1}", "write disruptionBudget: {maxUnavailable: 1}"),
    ("server: {apiKey: {config: b, key: k}}", "write server.apiKey: {secret: qwen2-7b-api-key, key: key}"),
    ("server: {port: 70000}", "write port: 8080"),
    ("rollout: {maxSurge: 0, maxUnavailable: 0}", "write rollout: {maxSurge: 0}"),
    ("priorityClass: My_Class", "write priorityClass: my-class"),
    ("resources: {memory: 64GB}", "write memory: 64Gi"),
    ("startup: 1h 30m", "write startup: 1h30m"),
    (
        "tolerations: [{operator: Exists}]",
        "write podTemplate.spec.tolerations: [{operator: Exists}] and remove tolerations",
    ),
    ("labels: {team: a}", "write podTemplate.metadata.labels: {team: a} and remove labels"),
]


SHAPES = ("bad-value", "missing-key", "unknown-key")


def check_text(text: str) -> tuple[Finding, ...]:
    return check(resolve(load_text("test", "Pulumi.test.yaml", text))).findings


@pytest.mark.parametrize(("line", "fix"), ILL_FORMED)
def test_the_fix_of_a_refused_value_keeps_the_users_value_and_works(line: str, fix: str) -> None:
    text = f"{WELL_FORMED}      {line}\n"
    (finding,) = check_text(text)

    assert finding.fix == fix
    for edits in alternatives(finding.fix):
        after = check_text(apply(edits, finding, text))
        assert [found.message for found in after if found.rule in SHAPES] == []


@pytest.mark.parametrize(("short", "dtype"), [("fp16", "float16"), ("bf16", "bfloat16"), ("fp32", "float32")])
def test_a_data_type_under_a_short_name_becomes_its_own_name(short: str, dtype: str) -> None:
    (finding,) = check_text(WELL_FORMED.replace("4096}", f"4096, dtype: {short}}}"))

    assert finding.fix == f"write dtype: {dtype}"


@pytest.mark.parametrize("key", ["servces", "clustr"])
def test_a_misspelled_key_of_the_project_is_one_finding(key: str) -> None:
    known = {"servces": "services", "clustr": "cluster"}[key]
    text = WELL_FORMED.replace(f"ascend-vllm:{known}:", f"ascend-vllm:{key}:")

    (finding,) = check_text(text)

    assert finding.rule == "missing-key"
    assert finding.message == f"{known} is missing: unknown key 'ascend-vllm:{key}'"
    assert finding.fix == f"rename ascend-vllm:{key} to ascend-vllm:{known}"


@pytest.mark.parametrize("key", ["cluster", "ascend-vllm:cluster"])
def test_a_key_of_the_project_outside_of_config_is_one_finding_that_moves_it(key: str) -> None:
    text = WELL_FORMED.replace("  ascend-vllm:cluster: {context: prod}\n", "") + f"{key}: {{context: prod}}\n"

    (finding,) = check_text(text)

    assert finding.message == f"cluster is missing: unknown key '{key}'"
    assert finding.fix == f"move {key} to config.ascend-vllm:cluster"
    (edits,) = alternatives(finding.fix)
    assert check_text(apply(edits, finding, text)) == ()


def test_a_misspelled_key_next_to_the_known_one_is_removed() -> None:
    text = f"{WELL_FORMED}  ascend-vllm:clustr: {{context: prod}}\n"

    (finding,) = check_text(text)

    assert finding.rule == "unknown-key"
    assert finding.fix.startswith("remove ascend-vllm:clustr (known keys: ")


@pytest.mark.parametrize(
    ("visible_devices", "fix"),
    [
        ("", "write npus: 4, "),
        ("      visibleDevices: [0, 1, 2]\n", "write npus: 4 and remove visibleDevices, "),
    ],
)
def test_a_fix_removes_only_keys_that_the_stack_file_contains(visible_devices: str, fix: str) -> None:
    service = f"      npus: 3\n{visible_devices}"
    found = check_text(WELL_FORMED.replace("      engine:", f"{service}      engine:"))

    (finding,) = [found for found in found if found.rule == "npu-counts"]
    assert finding.fix.startswith(fix)


@pytest.mark.parametrize(
    ("old", "new", "fix"),
    [
        (f"model: {MODEL}", "model: Qwen/Qwen2-7B-Instruct", f"write model: {MODEL}"),
        (f"model: {MODEL}", "model: {source: {kind: hostPath}}", f"write path: {MODEL} under model.source"),
        (
            "  ascend-vllm:cluster: {context: prod}\n",
            "",
            "write ascend-vllm:cluster: {context: prod-guiyang} under config",
        ),
        ("{context: prod}", "{}", "write context: prod-guiyang under cluster"),
        ("{context: prod}", "{context: prod, platfrom: cce}", "write platform: cce"),
        ("    qwen:", "    Qwen_2:", "rename services.Qwen_2 to qwen-2"),
        ("    qwen:", '    "2":', "rename services.2 to model-2"),
        ("maxModelLen: 4096", "max-model-len: 16384", "write maxModelLen: 16384"),
        ("maxModelLen: 4096", 'maxModelLen: "16384"', "write maxModelLen: 16384"),
        ("maxModelLen: 4096", "maxNumSeqs: 8", "write maxModelLen: 4096 under engine"),
        ("ascend-vllm:services:", "ascend-vllm:servces:", "rename ascend-vllm:servces to ascend-vllm:services"),
        ("ascend-vllm:services:", "services:", "rename services to ascend-vllm:services"),
        ("ascend-vllm:cluster:", "ascend-vllm:clustr:", "rename ascend-vllm:clustr to ascend-vllm:cluster"),
    ],
)
def test_the_fix_of_a_changed_stack_file_works(old: str, new: str, fix: str) -> None:
    text = WELL_FORMED.replace(old, new)
    finding, *_ = [found for found in check_text(text) if found.fix.partition(" (")[0] == fix]
    (edits,) = alternatives(finding.fix)
    after = [found.message for found in check_text(apply(edits, finding, text))]

    assert finding.message not in after
    assert {*after} <= {found.message for found in check_text(text)}


POOL = "pools: {a: {nodes: 1, npusPerNode: 4, npuMemory: 64Gi}}"
SMALL_POOL = "pools: {a: {nodes: 1, npusPerNode: 1, npuMemory: 32Gi}}"
PLUGIN = "image: quay.io/ascend/vllm-ascend:v0.18.0"

SIDE_EFFECTS = [
    # the cluster, the service, the rule, and its fix
    ("", f"{{{PLUGIN}, mindSpeed: install}}", "key-of-another-release", "remove mindSpeed"),
    (
        "",
        "engine: {maxModelLen: 4096, kvCacheDtype: fp8}",
        "key-of-another-release",
        "write engine.extraArgs.kvCacheDtype: fp8 and remove engine.kvCacheDtype",
    ),
    (
        "",
        "engine: {maxModelLen: 4096, asyncScheduling: true}",
        "key-of-another-release",
        "write engine.numSchedulerSteps: 8 and remove engine.asyncScheduling",
    ),
    ("", f"{{{PLUGIN}, quantization: gptq}}", "bad-value", "remove quantization"),
    ("", "engine: {maxModelLen: 32K}", "bad-value", "write maxModelLen: 32768"),
    ("", "engine: {maxModelLen: 32k}", "bad-value", "write maxModelLen: 32000"),
    (
        "",
        "engine: {maxModelLen: 4096, maxNumBatchedTokens: 100}",
        "batched-tokens-below-sequences",
        "write engine.maxNumBatchedTokens: 4096, or remove engine.maxNumBatchedTokens",
    ),
    (
        "",
        f"{{{PLUGIN}, engine: {{maxModelLen: 4096, maxNumSeqs: 256, maxNumBatchedTokens: 100,"
        " enableChunkedPrefill: false}}",
        "engine-limit",
        "write engine.maxNumBatchedTokens: 4096, or remove engine.maxNumBatchedTokens",
    ),
    (
        "",
        "{npus: 4, engine: {maxModelLen: 4096, tensorParallelSize: 4, pipelineParallelSize: 3}}",
        "parallel-size-above-npus",
        "write engine.pipelineParallelSize: 1",
    ),
    (
        "",
        f"{{{PLUGIN}, npus: 4, engine: {{maxModelLen: 4096, tensorParallelSize: 2, dataParallelSize: 3}}}}",
        "parallel-size-above-npus",
        "write engine.dataParallelSize: 2",
    ),
    (
        SMALL_POOL,
        "engine: {maxModelLen: 4096, gpuMemoryUtilization: 0.01}",
        "does-not-fit",
        "write engine.gpuMemoryUtilization: 0.9",
    ),
    (
        "pools: {a: {nodes: 1, npusPerNode: 8, npuMemory: 64Gi, nodeMemory: 1Gi}}",
        "{npus: 4, engine: {maxModelLen: 4096, tensorParallelSize: 4}}",
        "memory-below-processes",
        "remove cluster.pools.a.nodeMemory, or correct it",
    ),
    (POOL, "npus: 3", "npu-counts", "write npus: 4, or correct cluster.platform.npuCounts"),
    (POOL, "npus: 6", "npu-counts", "write npus: 4, or correct cluster.platform.npuCounts"),
    (
        "",
        "{npus: 2, engine: {maxModelLen: 4096, tensorParallelSize: 32}}",
        "parallel-size-above-npus",
        "write engine.tensorParallelSize: 2",
    ),
    (
        POOL,
        "{npus: 8, engine: {maxModelLen: 4096, tensorParallelSize: 8}}",
        "npus-above-node",
        "write engine.tensorParallelSize: 4 and write npus: 4, or add the pool with larger nodes to cluster.pools",
    ),
    (
        "",
        "{npus: 4, engine: {maxModelLen: 4096, tensorParallelSize: 3}}",
        "idle-npus",
        "raise engine.tensorParallelSize",
    ),
    (
        SMALL_POOL,
        f"{{{PLUGIN}, model: /mnt/models/Qwen3-8B, engine: {{maxModelLen: 131072}}}}",
        "does-not-fit",
        "write engine.maxModelLen: 40960",
    ),
]


@pytest.mark.parametrize(("cluster", "service", "rule", "fix"), SIDE_EFFECTS)
def test_a_fix_does_not_lead_to_another_error(cluster: str, service: str, rule: str, fix: str) -> None:
    document = yaml.safe_load(WELL_FORMED)
    document["config"]["ascend-vllm:cluster"].update(yaml.safe_load(cluster or "{}"))
    document["config"]["ascend-vllm:services"]["qwen"].update(yaml.safe_load(service))
    text = yaml.safe_dump(document, sort_keys=False)
    finding, *_ = [found for found in check_text(text) if found.rule == rule]

    assert finding.fix == fix
    known = {found.message for found in check_text(text)}
    for edits in alternatives(finding.fix):
        after = check_text(apply(edits, finding, text))
        new_errors = [found.message for found in after if found.severity == "error" and found.message not in known]
        assert new_errors == []
