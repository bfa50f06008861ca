"""Commands of vllm-ascend are read by the parser of the release in the image, and come back as typed keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from convert import Conversion, File, Options, convert
from models.engines.engine_args import Version
from models.engines.releases import release
from models.launch.launch import launch
from tests.convert.pairs import comparison, resolved, rules, said, service
from tests.models.engines.vllm_ascend.commands import SEVERAL_NODES, WITH_PAGES, Command, commands, parsed, same_meaning
from tests.models.engines.vllm_ascend.test_commands import ALWAYS_WRITTEN, is_refused_by_vllm

pytestmark = pytest.mark.slow

IMAGE = "quay.io/ascend/vllm-ascend:v0.23.0"


def deployment(words: list[str], *, image: str = IMAGE, npus: int = 1, **container: Any) -> str:
    """A Deployment whose container runs a command."""
    resources = {"limits": {"huawei.com/Ascend910": str(npus)}}
    server = {"name": "vllm", "image": image, "command": words, "resources": resources, **container}
    spec = {"replicas": 1, "template": {"spec": {"containers": [server]}}}
    return yaml.safe_dump({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "qwen"}, "spec": spec})


def converted(words: list[str], *, filled: dict[str, str] | None = None, **objects: Any) -> Conversion:
    """The conversion of a Deployment with a command."""
    config = File("qwen.yaml", deployment(words, **objects))
    return convert(config, [], Options(context="prod", filled=filled))


def serve(*flags: str, **objects: Any) -> Conversion:
    """The conversion of `vllm serve` with some flags."""
    return converted(["vllm", "serve", "/mnt/models/Qwen3-32B", "--max-model-len", "4096", *flags], **objects)


def on_one_node(version: Version) -> list[Command]:
    """The commands of the pages that start a server in one pod."""
    several_nodes = {*SEVERAL_NODES, "data-parallel-rank"}
    return [
        command for command in commands(version) if several_nodes.isdisjoint(parsed(command.words, release(version)))
    ]


def npus_of(values: dict[str, Any]) -> int:
    sizes = (values.get(f"{way}-parallel-size", 1) for way in ("tensor", "pipeline", "data"))
    npus = 1
    for size in sizes:
        npus *= size
    return npus


OF_A_POD = ("server-address",)
"""Rules about pods: some servers of the pages listen on 127.0.0.1, which only a user of the same machine reaches."""


@pytest.mark.slow
@pytest.mark.parametrize("version", WITH_PAGES)
def test_each_command_of_the_pages_becomes_a_service_with_the_same_configuration(
    version: Version, subtests: pytest.Subtests
) -> None:
    known = release(version)
    for number, command in enumerate(on_one_node(version)):
        with subtests.test(page=Path(command.page).stem, number=number):
            words = [word.replace("./", "/opt/vllm/") for word in command.words]
            values = parsed(words, known)
            image = f"quay.io/ascend/vllm-ascend:v{version}"
            left_open = {"max-model-len": "4096", "model": values["model"]}
            conversion = converted(words, image=image, npus=npus_of(values), filled=left_open)
            errors = [
                finding
                for finding in conversion.report.findings
                if finding.severity == "error" and finding.rule not in OF_A_POD
            ]
            launched = same_meaning(parsed(launch(resolved(conversion)).argv, known))
            wanted = same_meaning(values)

            assert bool(errors) == (command.refused_at is not None or is_refused_by_vllm(command))
            assert {name: launched.get(name) for name in wanted} == wanted
            assert launched.keys() - wanted.keys() <= {*ALWAYS_WRITTEN, "served-model-name"}


def test_every_typed_key_comes_back_from_its_flag() -> None:
    conversion = serve(
        *("--tensor-parallel-size=2", "-dp", "2", "--enable-expert-parallel", "--kv-cache-dtype", "auto"),
        *("--max-num-seqs", "64", "--max-num-batched-tokens", "8k", "--no-enable-prefix-caching"),
        *("--no-enable-chunked-prefill", "--async-scheduling", "--reasoning-parser", "qwen3"),
        *("--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--quantization", "ascend"),
        *("--speculative-config", '{"method": "eagle3", "model": "/mnt/models/head", "num_speculative_tokens": 3}'),
        *("--compilation-config", '{"cudagraph_mode": "FULL_DECODE_ONLY", "cudagraph_capture_sizes": [4, 8]}'),
        *("--additional-config", '{"enable_cpu_binding": true}'),
        *("--limit-mm-per-prompt", '{"image": 2, "video": 0}', "--seed", "7"),
        npus=4,
    )
    values = service(conversion)

    assert values["engine"] == {
        "maxNumSeqs": 64,
        "maxModelLen": 4096,
        "maxNumBatchedTokens": 8000,
        "dataParallelSize": 2,
        "enableExpertParallel": True,
        "kvCacheDtype": "auto",
        "enableChunkedPrefill": False,
        "asyncScheduling": True,
        "additionalConfig": {"enableCpuBinding": True},
        "extraArgs": {"seed": 7},
    }
    assert values["prefixCaching"] is False
    assert values["quantization"] == "ascend"
    assert values["speculative"] == {"kind": "eagle3", "source": "/mnt/models/head", "tokens": 3}
    assert values["graph"] == {"mode": "FULL_DECODE_ONLY", "captureSizes": [4, 8]}
    assert values["multimodal"] == {"imagesPerPrompt": 2, "itemsPerPrompt": {"video": 0}}
    assert values["server"] == {"port": 8000, "reasoningParser": "qwen3", "toolCallParser": "hermes"}


@pytest.mark.parametrize(
    ("flags", "key", "value"),
    [
        (["--compilation-config.cudagraph_mode", "PIECEWISE"], "graph", {"mode": "PIECEWISE"}),
        (["-cc.cudagraph_mode=FULL"], "graph", {"mode": "FULL"}),
        (["--limit-mm-per-prompt.image", "3"], "multimodal", {"imagesPerPrompt": 3}),
        (["--speculative-config", '{"method":"deepseek_mtp","num_speculative_tokens":1}'], "speculative",
         {"kind": "mtp", "tokens": 1}),
        (["--speculative-config", '{"method":"ngram","num_speculative_tokens":2,"prompt_lookup_max":4}'], "speculative",
         {"kind": "ngram", "tokens": 2, "promptLookupMax": 4, "promptLookupMin": 4}),
        (["--speculative-config", '{"method":"ngram","num_speculative_tokens":2,"prompt_lookup_min":3}'], "speculative",
         {"kind": "ngram", "tokens": 2, "promptLookupMax": 3, "promptLookupMin": 3}),
        (["--speculative-config", '{"method":"ngram","num_speculative_tokens":2}'], "speculative",
         {"kind": "ngram", "tokens": 2, "promptLookupMax": 5, "promptLookupMin": 5}),
        (["--speculative-config", '{"model":"[ngram]","num_speculative_tokens":2,"prompt_lookup_max":4,'
          '"prompt_lookup_min":1}'], "speculative", {"kind": "ngram", "tokens": 2, "promptLookupMax": 4}),
        (["--lora-modules", "a=/d/a", "--enable-lora"], "lora", {"adapters": {"a": "/d/a"}}),
        (["--enforce-eager"], "graph", "eager"),
    ],
)  # fmt: skip
def test_fields_and_short_forms_of_json_flags_are_read(flags: list[str], key: str, value: Any) -> None:
    assert service(serve(*flags))[key] == value


def test_a_name_that_is_no_camel_case_of_a_key_stays_as_it_is() -> None:
    conversion = serve("--additional-config", '{"ascend_compilation_config": {"enable_npu_graph_ex": false}}')
    launched = parsed(launch(resolved(conversion)).argv, release("0.23.0"))

    assert launched["additional-config"] == {"ascend_compilation_config": {"enable_npu_graph_ex": False}}


def test_an_unchanged_command_has_no_difference() -> None:
    conversion = serve("--host", "0.0.0.0", "--port", "8080", "--gpu-memory-utilization", "0.9")

    assert comparison(conversion).differences[0].name == "--tensor-parallel-size"
    assert {one.name for one in comparison(conversion).differences} <= {
        "--tensor-parallel-size",
        "--shutdown-timeout",
        "ASCEND_RT_VISIBLE_DEVICES",
    }


@pytest.mark.parametrize(
    "image", ["quay.io/ascend/vllm-ascend:v0.14.0", "registry.example.com/vllm-openai-npu:v0.14.1"]
)
def test_flags_of_an_unknown_release_are_not_judged_by_the_manuals(image: str) -> None:
    conversion = serve("--async-scheduling", image=image)

    assert "dropped" not in [note.kind for note in conversion.notes]
    assert resolved(conversion).release.version == "0.18.0"


def test_an_image_of_an_unknown_release_is_an_error_that_names_the_edit() -> None:
    assert "unknown-release" in rules(serve(image="quay.io/ascend/vllm-ascend:v0.14.0"))


def test_an_image_without_a_release_is_read_by_the_newest_release_that_has_its_flags() -> None:
    conversion = serve("--speculative-config", '{"method":"mtp","num_speculative_tokens":1}', image="team/infer:prod")

    assert service(conversion)["engine"]["version"] == "0.30.0"
    assert "the image names no release" in said(conversion, "assumed")["engine.version 0.30.0"]


def test_a_name_of_a_hub_becomes_a_directory_and_the_lost_download_is_noted() -> None:
    conversion = converted(["vllm", "serve", "Qwen/Qwen3-8B", "--max-model-len", "4096"])

    assert service(conversion)["model"] == "/mnt/models/Qwen/Qwen3-8B"
    assert service(conversion)["engine"]["servedModelName"] == "Qwen/Qwen3-8B"
    assert "the download of Qwen/Qwen3-8B" in said(conversion, "dropped")


def test_a_number_as_the_model_is_a_placeholder_that_can_be_set() -> None:
    words = ["vllm", "serve", "1", "--max-model-len", "4096"]
    done = converted(words)
    given = converted(words, filled={"model": "/mnt/models/Qwen3-32B"})

    assert service(done)["model"] == "${model}"
    assert "placeholder" in rules(done)
    assert not said(done, "dropped")
    assert service(given)["model"] == "/mnt/models/Qwen3-32B"
    assert resolved(given).model.name == "Qwen3-32B"


def test_a_length_that_nothing_names_can_be_set() -> None:
    words = ["vllm", "serve", "/mnt/models/our-own-model"]

    assert "missing-key" in rules(converted(words))
    assert service(converted(words, filled={"max-model-len": "512"}))["engine"]["maxModelLen"] == 512


def test_the_model_may_follow_other_flags() -> None:
    conversion = converted(["vllm", "serve", "--trust-remote-code", "/mnt/models/Qwen3-32B", "--max-model-len", "4096"])

    assert service(conversion)["model"] == "/mnt/models/Qwen3-32B"


@pytest.mark.parametrize(
    ("script", "given", "port"),
    [
        ('vllm serve /m/Qwen3-32B --max-model-len 9 --port "$PORT"', {"PORT": "9000"}, 9000),
        ("PORT=8001; vllm serve /m/Qwen3-32B --max-model-len 9 --port $PORT", {"PORT": "9000"}, 9000),
        ("vllm serve /m/Qwen3-32B --max-model-len 9 --port ${PORT:-8001}", {"PORT": "9000"}, 9000),
        ("vllm serve /m/Qwen3-32B --max-model-len 9 --port ${PORT:-8001}", {}, 8001),
        ("vllm serve /m/Qwen3-32B --max-model-len 9 --port $(next)", {"output-of-next": "9000"}, 9000),
    ],
)
def test_a_value_of_the_command_line_reaches_variables_of_the_shell(
    script: str, given: dict[str, str], port: int
) -> None:
    assert service(converted(["bash", "-c", script], filled=given))["server"]["port"] == port


def test_a_field_of_the_pod_in_a_flag_can_be_set() -> None:
    env = [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    words = ["bash", "-c", "vllm serve /m/Qwen3-32B --max-model-len 9 --seed $POD_IP"]

    assert service(converted(words, env=env, filled={"POD_IP": "7"}))["engine"]["extraArgs"] == {"seed": 7}


def test_the_second_server_of_a_script_is_named_with_its_port() -> None:
    script = "vllm serve /m/a --max-model-len 9 --port 8001 &\nvllm serve /m/b --port=8002 & wait"

    assert "server.port: 8002" in said(converted(["bash", "-c", script]), "dropped")["a second server"]


def test_parts_of_the_pod_for_other_npus_are_neither_invented_nor_silent() -> None:
    resources = {"limits": {"huawei.com/Ascend310P": "1", "huawei.com/Ascend310P-memory": "8192"}}
    conversion = converted(
        ["vllm", "serve", "/m/Qwen3-8B", "--max-model-len", "4096"],
        image="quay.io/ascend/vllm-ascend:v0.23.0-310p",
        resources=resources,
    )
    added = {one.name: one.new or "" for one in comparison(conversion).added}

    assert resolved(conversion).cluster.platform.resource == "huawei.com/Ascend310P"
    assert dict(resolved(conversion).cluster.platform.node_selector) == {}
    assert "/usr/local/Ascend/driver" in added["node files"]
    assert "the resource huawei.com/Ascend310P-memory" in said(conversion, "dropped")


def test_a_gpu_is_the_first_note() -> None:
    conversion = serve(resources={"limits": {"nvidia.com/gpu": "1"}})

    assert conversion.notes[0].subject == "the resource nvidia.com/gpu"
