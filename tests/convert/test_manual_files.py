"""The manual's own files: its pod, its three ways to start, and every feature of its Step 3."""

from __future__ import annotations

from typing import Any

import pytest

from convert import Options, convert
from convert.server_start import File
from models.launch.launch import script
from tests.convert.pairs import (
    CONFIG,
    FILLED,
    IMAGE,
    MODEL,
    SCRIPT,
    changes,
    cluster,
    command,
    comparison,
    config,
    made,
    manual,
    resolved,
    rules,
    said,
    service,
    services,
    started,
)
from tests.models.test_manual import parse_script

pytestmark = pytest.mark.slow

NAMESPACE = "namespace inference, created with the stack"
COMMON = {"image": IMAGE, "model": MODEL, "npus": 8}


def untouched(way: str = "openai-text", **wanted: Any) -> Any:
    """The conversion of the manual's files as they are, without any value filled in."""
    return convert(File("config.yaml", CONFIG), [File("run_vllm.sh", manual(way))], Options(**wanted))


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (
            "openai-text",
            {
                "engine": {
                    "tensorParallelSize": 1,
                    "maxModelLen": 4096,
                    "numSchedulerSteps": 8,
                    "trustRemoteCode": True,
                },
                "graph": "eager",
            },
        ),
        (
            "openai-multimodal",
            {
                "engine": {"tensorParallelSize": 1, "maxModelLen": 4096, "dtype": "float16", "trustRemoteCode": True},
                "server": {"chatTemplate": "/opt/vllm/examples/template_llava.jinja"},
                "multimodal": True,
            },
        ),
        (
            "plain",
            {
                "engine": {"tensorParallelSize": 1, "maxModelLen": 4096, "trustRemoteCode": True},
                "server": "api_server",
                "graph": "eager",
            },
        ),
    ],
)
def test_each_way_to_start_becomes_a_small_service(way: str, expected: dict[str, Any]) -> None:
    filled = {**FILLED, "dtype": "float16", "chat_template_path": "/opt/vllm/examples/template_llava.jinja"}
    done = made(manual(way), CONFIG, filled=filled)

    assert services(done) == {"yourapp": {**COMMON, **expected}}
    assert cluster(done) == {"context": "prod"}


@pytest.mark.parametrize("way", ["openai-text", "openai-multimodal", "plain"])
def test_each_way_starts_again_with_the_manuals_module_flags_values_and_exports(way: str) -> None:
    values = {
        "container_model_path": MODEL,
        "docker_ip": "0.0.0.0",
        "port": "8080",
        "dtype": "float16",
        "chat_template_path": "/opt/template.jinja",
        "ASCEND_RT_VISIBLE_DEVICES": "0,1,2,3,4,5,6,7",
    }
    filled = manual(way)
    for name, value in values.items():
        filled = filled.replace(f"${{{name}}}", value)
    done = made(filled)

    assert parse_script(script(started(done))) == parse_script(filled)
    assert changes(done) == {}


def test_the_manuals_pod_with_eight_npus_of_which_it_uses_one_is_a_finding() -> None:
    for done in (made(), untouched(context="prod")):
        (finding,) = [one for one in done.report.findings if one.rule == "idle-npus"]

        assert finding.message == "yourapp requests 8 NPUs but uses 1: 7 idle"
        assert finding.span
        assert finding.span.text.strip() == "npus: 8"


def test_each_placeholder_without_a_value_is_a_finding_with_its_line_and_a_fix() -> None:
    done = untouched("openai-multimodal", context="prod")
    found = {one.marks[0].field: one for one in done.report.findings if one.rule == "placeholder"}

    assert {field: one.message for field, one in found.items()} == {
        "image": "image contains the placeholder ${image_name}",
        "model": "model contains the placeholder ${container_model_path}",
        "engine.dtype": "engine.dtype contains the placeholder ${dtype}",
        "server.chatTemplate": "server.chatTemplate contains the placeholder ${chat_template_path}",
    }
    assert all(one.span and "${" in one.span.text for one in found.values())
    assert "--set image_name=VALUE" in found["image"].fix
    assert "leaves the choice to the model" in found["engine.dtype"].fix


def test_the_manuals_value_of_a_placeholder_is_assumed() -> None:
    done = untouched("openai-multimodal", context="prod")

    assert said(done, "assumed") == {
        NAMESPACE: "config.yaml names no namespace; use --namespace NAME for a namespace that exists",
        "host 0.0.0.0": "the manual's value for ${docker_ip}",
        "port 8080": "the port of the container, for ${port}",
    }
    assert said(done, "dropped") == {}


def test_a_missing_context_is_not_replaced_by_the_current_one() -> None:
    done = untouched()

    assert "context" not in cluster(done)
    assert "missing-key" in rules(done)


def test_the_mount_of_the_weights_stands_for_the_models_path() -> None:
    done = made(SCRIPT, CONFIG)

    assert service(done)["model"] == MODEL
    assert said(done, "assumed")[f"model {MODEL}"] == "the mount of the weights"


def test_kept_values_are_listed() -> None:
    assert comparison(made()).kept[:6] == (
        "image",
        "8 NPUs",
        "1 replica",
        "--max-num-seqs",
        "--max-model-len",
        "--max-num-batched-tokens",
    )


EAGLE = """\
cd /home/ma-user/AscendCloud/llm_tools/spec_decode/EAGLE
python convert_eagle_ckpt_to_vllm_compatible.py --base-path 大模型权重地址 --draft-path /mnt/eagle \\
  --base-weight-name model-00004.safetensors --draft-weight-name pytorch_model.bin
"""
MINDSPEED = """\
git clone https://gitee.com/ascend/MindSpeed.git
cd MindSpeed
git checkout a956b907ef3b0787d2a38577eb5b702f5b7e715d #推荐commit
pip install -e .
"""
PTA = """\
export INFER_MODE=PTA  # 开启PTA模式,如果不使用图模式,请关闭该环境变量
export PTA_TORCHAIR_DECODE_GEAR_ENABLE=1   # 开启动态分档功能
export PTA_TORCHAIR_DECODE_GEAR_LIST=2,4,8    # 设置动态分档的档位
export VLLM_ENGINE_ITERATION_TIMEOUT_S=1600    # 设置vllm请求超时时间
export HCCL_OP_EXPANSION_MODE=AIV    #可选
"""
LORA = [
    "--enable-lora",
    "--lora-modules lora1=/path/to/lora/adapter1/ lora2=/path/to/lora/adapter2/",
    "--max-lora-rank=32",
    "--max-loras=32",
    "--max-cpu-loras=32",
    "--enforce-eager",
]
DRAFT = [
    "--speculative-model /mnt/Qwen2-0.5B",
    "--num-speculative-tokens=5",
    "--speculative-draft-tensor-parallel-size=1",
]
HEAD = ["--speculative-model /mnt/eagle", "--num-speculative-tokens 3", "--speculative-draft-tensor-parallel-size 1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            command("--enable-prefix-caching", exports="export USE_PREFIX_HIGH_PRECISION_MODE=1"),
            {"prefixCaching": True},
            id="prefix caching",
        ),
        pytest.param(
            command(*LORA),
            {
                "graph": "eager",
                "lora": {
                    "adapters": {"lora1": "/path/to/lora/adapter1/", "lora2": "/path/to/lora/adapter2/"},
                    "maxRank": 32,
                    "maxLoras": 32,
                },
            },
            id="lora",
        ),
        pytest.param(command("--quantization=awq"), {"quantization": "awq"}, id="awq"),
        pytest.param(command("--quantization smoothquant"), {"quantization": "smoothquant"}, id="smoothquant"),
        pytest.param(
            command(*DRAFT), {"speculative": {"kind": "draft", "source": "/mnt/Qwen2-0.5B", "tokens": 5}}, id="draft"
        ),
        pytest.param(
            command("--speculative-model '[ngram]'", "--num-speculative-tokens 5", "--ngram-prompt-lookup-max=4"),
            {"speculative": {"kind": "ngram", "tokens": 5, "promptLookupMax": 4}},
            id="ngram",
        ),
        pytest.param(
            EAGLE + command(*HEAD, exports="export EAGLE_USE_SAFE_AI_LAB_STYLE=1\nexport ENABLE_SPEC_METRIC=0"),
            {
                "speculative": {
                    "kind": "eagle",
                    "source": "/mnt/eagle",
                    "tokens": 3,
                    "convert": {
                        "tools": "/home/ma-user/AscendCloud/llm_tools/spec_decode/EAGLE",
                        "baseWeights": "model-00004.safetensors",
                    },
                }
            },
            id="eagle",
        ),
        pytest.param(
            command(exports=PTA), {"graph": {"kind": "pta", "gears": [2, 4, 8], "iterationTimeout": "1600s"}}, id="pta"
        ),
        pytest.param(MINDSPEED + command(), {"mindSpeed": "install"}, id="mindspeed"),
        pytest.param(
            command(exports="export USE_PFA_HIGH_PRECISION_MODE=0\nexport USE_IFA_HIGH_PRECISION_MODE=1"),
            {"precision": {"prefill": False, "decode": True}},
            id="precision",
        ),
        pytest.param(command("--enforce-eager"), {"graph": "eager"}, id="eager"),
        pytest.param(
            command("--limit-mm-per-prompt image=2", exports="export VLLM_IMAGE_FETCH_TIMEOUT=30"),
            {"multimodal": {"imageFetchTimeout": "30s", "imagesPerPrompt": 2}},
            id="pictures",
        ),
    ],
)
def test_every_feature_becomes_its_typed_key(text: str, expected: dict[str, Any]) -> None:
    found = service(made(text))
    wanted = {**COMMON, "engine": {"tensorParallelSize": 1, "maxModelLen": 4096}, **expected}

    assert found == wanted


@pytest.mark.parametrize(
    ("flag", "key", "value"),
    [
        ("--distributed-executor-backend=ray", "distributedExecutorBackend", "ray"),
        ("--distributed-executor-backend mp", "distributedExecutorBackend", "mp"),
        ("--worker-use-ray", "distributedExecutorBackend", "ray"),
        ("--num-scheduler-steps=8", "numSchedulerSteps", 8),
        ("--multi-step-stream-outputs=false", "multiStepStreamOutputs", False),
        ("--disable-async-output-proc", "disableAsyncOutputProc", True),
        ("--served-model-name qwen2-7b", "servedModelName", "qwen2-7b"),
        ("--served-model-name a b", "servedModelName", ["a", "b"]),
        ("--block-size=64", "blockSize", 64),
        ("--gpu-memory-utilization=0.95", "gpuMemoryUtilization", 0.95),
        ("--dtype bfloat16", "dtype", "bfloat16"),
        ("--max-num-batched-tokens=8192", "maxNumBatchedTokens", 8192),
        ("--pipeline-parallel-size 2", "pipelineParallelSize", 2),
        ("--swap-space 8", "extraArgs", {"swapSpace": 8}),
    ],
)
def test_an_engine_flag_that_differs_from_its_default_becomes_a_key(flag: str, key: str, value: Any) -> None:
    engine = service(made(command(flag)))["engine"]

    assert engine.pop(key) == value
    assert engine == {"tensorParallelSize": 1, "maxModelLen": 4096}


@pytest.mark.parametrize(
    "flag",
    [
        *("--max-num-seqs=256", "--block-size=128", "--gpu-memory-utilization=0.9", "--num-scheduler-steps=1"),
        *("--max-num-batched-tokens=4096", "--pipeline-parallel-size=1", "--host=0.0.0.0", "--port=8080"),
    ],
)
def test_a_flag_with_its_default_is_left_out(flag: str) -> None:
    assert service(made(command(flag))) == {**COMMON, "engine": {"tensorParallelSize": 1, "maxModelLen": 4096}}


def test_npus_that_the_engine_uses_all_need_no_parallel_size() -> None:
    text = command("--tensor-parallel-size=4").replace(MODEL, "/mnt/models/Qwen2-72B-Instruct")
    objects = config().replace('"8"', '"4"')
    found = service(made(text, objects))

    assert (found["npus"], found["engine"]) == (4, {"maxModelLen": 4096})
    assert resolved(made(text, objects)).engine.tensor_parallel_size == 4


def test_a_server_that_answers_elsewhere_keeps_its_address() -> None:
    found = service(made(command("--port=9000", "--host=10.0.0.1", "--uvicorn-log-level=warning")))

    assert found["server"] == {"host": "10.0.0.1", "port": 9000, "extraArgs": {"uvicornLogLevel": "warning"}}
