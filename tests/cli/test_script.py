"""`ascend-vllm script` and `render`: what will run, for people and for pipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import BAD, GOOD, Console


def test_the_script_is_alone_on_stdout(console: Console, project: Path) -> None:
    done = console("script", "good", "qwen")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("#!/usr/bin/env bash\n")
    assert done.out.endswith("\n")
    assert "--max-model-len=4096" in done.out


def test_the_parts_of_a_launch_come_as_json(console: Console, project: Path) -> None:
    done = console("script", "good", "qwen", "--format", "json")
    parts = json.loads(done.out)

    assert done.code == 0
    assert parts.keys() == {"version", "argv", "environment", "initFile", "initFiles", "pythonPath", "files"}
    assert parts["version"] == 1
    assert parts["argv"][:3] == ["python", "-m", "vllm.entrypoints.openai.api_server"]
    assert "--max-model-len=4096" in parts["argv"]
    assert parts["environment"] == {"ASCEND_RT_VISIBLE_DEVICES": "0"}
    assert parts["initFile"] == "/home/ma-user/.bashrc"


def test_json_has_the_files_next_to_the_script(console: Console) -> None:
    text = GOOD.replace("engine:", 'server: {chatTemplate: {inline: "{{ 千问 }}"}}, engine:')
    done = console("script", "-", "qwen", "--format", "json", stdin=text.encode())

    files = json.loads(done.out)["files"]
    assert files["chat_template.jinja"] == "{{ 千问 }}"
    assert files.keys() == {"chat_template.jinja", "drain.py", "drain.sh", "ready.sh"}


def test_an_unknown_service_is_answered_with_the_known_ones(console: Console, project: Path) -> None:
    done = console("script", "good", "qwem")

    assert (done.code, done.out) == (2, "")
    assert done.err == "error: stack good has no service 'qwem'\nfix: name one of: qwen\n"


@pytest.mark.parametrize("service", ["qwen", "千问"])
def test_no_script_is_printed_of_a_service_with_errors(service: str, console: Console, project: Path) -> None:
    done = console("script", "bad", service)

    assert (done.code, done.out) == (1, "")
    assert "error[" in done.err


@pytest.mark.parametrize("service", ["idle", "spare"])
def test_warnings_and_errors_of_others_do_not_hold_a_script_back(service: str, console: Console, project: Path) -> None:
    done = console("script", "bad", service)

    assert (done.code, done.err) == (0, "")
    assert done.out


@pytest.mark.parametrize("arguments", [("script", "nowhere", "qwen"), ("render", "nowhere")])
def test_an_unknown_stack_ends_with_2(arguments: tuple[str, ...], console: Console, project: Path) -> None:
    done = console(*arguments)

    assert (done.code, done.out) == (2, "")
    assert "there is no stack 'nowhere'" in done.err


@pytest.mark.parametrize(
    ("arguments", "name"), [(("script",), "STACK"), (("script", "good"), "SERVICE"), (("render",), "STACK")]
)
def test_a_missing_argument_ends_with_2(arguments: tuple[str, ...], name: str, console: Console, project: Path) -> None:
    done = console(*arguments)

    assert (done.code, done.out) == (2, "")
    assert f"{name} is missing" in done.err


def test_all_objects_of_a_stack_come_as_yaml(console: Console, project: Path) -> None:
    done = console("render", "good")
    objects = list(yaml.safe_load_all(done.out))

    assert (done.code, done.err) == (0, "")
    assert [found["kind"] for found in objects] == ["Namespace", "ConfigMap", "Deployment", "Service"]
    assert all(found["apiVersion"] and found["metadata"]["name"] for found in objects)


def test_a_namespace_that_others_own_is_not_rendered(console: Console) -> None:
    text = GOOD.replace("{context: prod}", "{context: prod, namespace: {name: team, create: false}}")
    objects = list(yaml.safe_load_all(console("render", "-", stdin=text.encode()).out))

    assert [found["kind"] for found in objects] == ["ConfigMap", "Deployment", "Service"]
    assert {found["metadata"]["namespace"] for found in objects} == {"team"}


def test_the_rendered_script_is_the_printed_one(console: Console, project: Path) -> None:
    printed = console("script", "good", "qwen").out
    objects = list(yaml.safe_load_all(console("render", "good").out))

    assert printed == objects[1]["data"]["run_vllm.sh"]


def test_the_rendered_script_stays_readable(console: Console, project: Path) -> None:
    assert "  run_vllm.sh: |\n" in console("render", "good").out


@pytest.mark.parametrize("text", ["a\tb\n", "trailing \n", "x\n\n\n", "千问 😀\n", "---\n", "\u4e2d", "x\r\ny", "#\n"])
def test_any_template_survives_rendering(text: str, console: Console) -> None:
    service = {
        "image": "a:1",
        "model": "/m",
        "engine": {"maxModelLen": 1},
        "server": {"chatTemplate": {"inline": text}},
    }
    config = {"ascend-vllm:cluster": {"context": "a"}, "ascend-vllm:services": {"qwen": service}}
    done = console("render", "-", stdin=json.dumps({"config": config}, ensure_ascii=False).encode())

    assert text == list(yaml.safe_load_all(done.out))[1]["data"]["chat_template.jinja"]


def test_no_object_is_rendered_of_a_stack_with_errors(console: Console) -> None:
    done = console("render", "-", stdin=BAD.encode())

    assert (done.code, done.out) == (1, "")
    assert "error[visible-devices]" in done.err
    assert "warning[" not in done.err


def test_a_stack_without_services_renders_its_namespace(console: Console) -> None:
    text = "config:\n  ascend-vllm:cluster: {context: a}\n  ascend-vllm:services: {}\n"
    objects = list(yaml.safe_load_all(console("render", "-", stdin=text.encode()).out))

    assert [found["kind"] for found in objects] == ["Namespace"]


GROUP = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    deepseek:
      image: quay.io/ascend/vllm-ascend:v0.23.0-a3
      model: /mnt/models/DeepSeek-V3
      nodes: 2
      npus: 16
      engine: {maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 2}
"""


def test_one_script_starts_all_pods_of_a_group_and_gives_the_reason_for_its_form(console: Console) -> None:
    done = console("script", "-", "deepseek", stdin=GROUP.encode())

    assert done.code == 0
    assert "# dataParallel: 2 copies of the engine, each on 16 NPUs of one node\n" in done.out
    assert "if [[ $LWS_WORKER_INDEX == 0 ]]; then\n" in done.out


def test_a_rank_is_the_launch_of_one_pod(console: Console) -> None:
    done = console("script", "-", "deepseek", "--rank", "1", stdin=GROUP.encode())

    assert done.code == 0
    assert "LWS_" not in done.out
    assert done.out.endswith("  --data-parallel-start-rank=1 \\\n  --headless\n")


def test_a_rank_that_no_pod_has_is_refused(console: Console) -> None:
    done = console("script", "-", "deepseek", "--rank", "2", stdin=GROUP.encode())

    assert done.code == 2
    assert "--rank 2: the highest rank of deepseek is 1" in done.err


def test_json_has_the_flags_of_leaders_and_of_workers(console: Console) -> None:
    done = console("script", "-", "deepseek", "--format", "json", stdin=GROUP.encode())

    members = json.loads(done.out)["members"]
    assert "--headless" not in members["leader"]
    assert members["worker"][-1] == "--headless"
