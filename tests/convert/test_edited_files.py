"""The manual's files with edits: meant values are kept, and mistakes are noted with their line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from convert import ConversionError, decoded
from tests.convert.pairs import (
    MODEL,
    PLAIN,
    PYTHON,
    START,
    changes,
    command,
    made,
    places,
    replaced,
    resolved,
    rules,
    said,
    service,
    services,
    started,
)

pytestmark = pytest.mark.slow

SCRIPTS: dict[str, str] = {
    "flags with blanks": f"{PYTHON} --model {MODEL} \\\n  --max-model-len 4096 \\\n  --port 8080\n",
    "one line": START,
    "underscores": START.replace("--max-model-len", "--max_model_len"),
    "backslashes on lines of their own": START.replace(" --", "\n \\\n--"),
    "no backslashes": START.replace(" --", "\n--"),
    "blanks after backslashes": START.replace(" --", " \\  \n--"),
    "comments after backslashes": START.replace(" --", " \\  # 参数\n--"),
    "comments between the lines": START.replace(" --", " \\\n# 参数\n--"),
    "Windows' line ends": decoded(START.replace(" --", " \\\r\n--").encode()),
    "tabs": START.replace(" ", "\t"),
    "Chinese blanks": START.replace(" --", "\u3000--"),
    "en dashes": START.replace(" --", " –"),
    "another python": START.replace("python ", "/usr/bin/python3.9 -u "),
    "the file of the module": START.replace(
        "-m vllm.entrypoints.openai.api_server", "/v/vllm/entrypoints/openai/api_server.py"
    ),
    "vllm serve": f"vllm serve {MODEL} --max-model-len=4096 --port=8080",
    "exec": f"exec {START}",
    "nohup in the background": f"nohup {START} > /tmp/log 2>&1 &\nwait\n",
    "a pipe to a file": f"{START} 2>&1 | tee -a /var/log/vllm.log",
    "variables": f"MODEL_PATH={MODEL}\nPORT=8080\n{START}".replace(f"--model {MODEL}", '--model "$MODEL_PATH"').replace(
        "--port 8080", "--port $PORT"
    ),
    "defaults of variables": START.replace("8080", "${PORT:-8080}").replace("4096", "${1:-4096}"),
    "a variable with all flags": f'ARGS="--model {MODEL} --max-model-len 4096"\nARGS+=" --port 8080"\n{PYTHON} $ARGS\n',
    "an array with all flags": (
        f'ARGS=(\n  --model {MODEL}\n  --max-model-len 4096 # 长度\n)\nARGS+=(--port 8080)\n{PYTHON} "${{ARGS[@]}}"\n'
    ),
    "quotes everywhere": (
        f'"python" \'-m\' vllm.entrypoints."openai".api_server --model="{MODEL}" "--max-model-len=4096" --port=\'8080\''
    ),
    "the command shown first": f'CMD="{START}"\necho $CMD\neval $CMD\n',
    "a command in a variable": f'CMD="{START}"\n$CMD\n',
    "an own dash for every flag": START.replace("--port 8080", "--port＝8080"),
    "another server looked for": f"pkill -f vllm.entrypoints.openai.api_server\n{START}",
    "a condition": f"if true; then\n{START}\nfi\n",
    "a function around it": f"main() {{\n  {START}\n}}\nmain\n",
    "commands before and after": f"set -ex\nulimit -n 65535\necho start\n{START}\necho end\n",
    "a heredoc before": f"cat > /tmp/x <<'EOF'\n{PYTHON} --model /other\nEOF\n{START}\n",
    "repeated flags": START.replace("--port", "--port 1 --port"),
    "a shebang and Chinese comments": f"#!/bin/bash\n# 启动推理服务\n{START}  # 结束\n",
    "an own prefix": f"PYTHONUNBUFFERED_=1 numactl -C 0-63 {START}".replace("PYTHONUNBUFFERED_=1 ", ""),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_the_same_start_is_read_however_it_is_written(script: str) -> None:
    done = made(script)

    assert services(done) == {"yourapp": PLAIN}
    assert rules(done) == ["idle-npus"]


@pytest.mark.parametrize(
    ("exports", "expected"),
    [
        ("export A=1 B='2 3'", {"A": "1", "B": "2 3"}),
        ("A=1\nexport A", {"A": "1"}),
        ("declare -x A=1", {"A": "1"}),
        ("export A=1\nA=2", {"A": "2"}),
        ("export A=1\nunset A", {}),
        ("A=1", {}),
        ("A=1 true", {}),
        ("export A=", {"A": ""}),
        ("export A=\"$'x'\"", {"A": "$'x'"}),
        ("export A='$HOME'", {"A": "$HOME"}),
        ("export A=x:y=z", {"A": "x:y=z"}),
        ("export A=你好", {"A": "你好"}),
        ("export A=1 # export B=2", {"A": "1"}),
        ("export A=1; export B=$A$A", {"A": "1", "B": "11"}),
        ("export A='1\n2'", {"A": "1\n2"}),
        ("#export A=1", {}),
    ],
)
def test_exports_are_those_that_bash_gives_the_server(exports: str, expected: dict[str, str]) -> None:
    found = service(made(command(exports=exports)))

    assert found.get("env", {}) == expected
    assert {name: started(made(command(exports=exports))).environment[name] for name in expected} == expected


def test_variables_of_the_container_and_of_the_command_are_exported_too() -> None:
    objects = replaced(
        ("        resources:", "        env: [{name: A, value: '1'}, {name: B, value: $(A)2}]\n        resources:")
    )

    assert service(made(f"C=3 env D=4 {START}", objects))["env"] == {"A": "1", "B": "12", "C": "3", "D": "4"}


@pytest.mark.parametrize(
    ("exports", "name"),
    [
        ("export A=$HOME/x", "${HOME}"),
        ("export A=$(nproc)", "${output-of-nproc}"),
        ("export A=`date -u`", "${output-of-date-u}"),
    ],
)
def test_a_value_that_only_the_running_container_knows_is_a_placeholder(exports: str, name: str) -> None:
    done = made(command(exports=exports))
    (finding,) = [one for one in done.report.findings if one.rule == "placeholder"]

    assert finding.message.endswith(f"contains the placeholder {name}")


@pytest.mark.parametrize(
    ("exports", "expected"),
    [
        ("export A=$(hostname -i)", {"field": "status.podIP"}),
        ("export A=`hostname -I`", {"field": "status.podIP"}),
        ("export A=$(hostname)", {"field": "metadata.name"}),
        ("export A=$POD_IP", {"field": "status.podIP"}),
        ("export A=/x:$A", {"prepend": "/x"}),
    ],
)
def test_a_value_that_the_pod_has_becomes_a_form_of_env(exports: str, expected: dict[str, str]) -> None:
    assert service(made(command(exports=exports)))["env"] == {"A": expected}


def test_a_field_of_the_pod_is_copied() -> None:
    entry = "{name: N, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}"
    objects = replaced(("        resources:", f"        env: [{entry}]\n        resources:"))

    assert service(made(START, objects))["env"] == {"N": {"field": "spec.nodeName"}}


def test_variables_written_as_a_mapping_are_read_as_meant() -> None:
    entries = "        env:\n          A: 1\n          HF_TOKEN: hunter2\n        resources:"
    done = made(START, replaced(("        resources:", entries)))

    assert service(done)["env"] == {"A": "1"}
    assert said(done, "assumed")["env"] == "Kubernetes expects a list of names and values; convert reads it as meant"
    assert "HF_TOKEN" in said(done, "dropped")


def test_a_variable_that_is_exported_as_itself_changes_nothing() -> None:
    assert "env" not in service(made(command(exports="export A=${A}\nexport PATH=$PATH")))


Told = Callable[[Any], dict[str, str]]


@pytest.mark.parametrize(
    ("script", "what", "why", "place"),
    [
        (f"pip install x\n{START}", "the command pip", "prepare the rest in the image", "run_vllm.sh:1"),
        (f"\nray start --head\n{START}", "the command ray", "prepare the rest in the image", "run_vllm.sh:2"),
        (f"{START}\n\n{START}", "a second server", "write a service for each", "run_vllm.sh:3"),
        (f"{START}; --seed 1", "a flag after the end of the command", "a separate command", "run_vllm.sh:1"),
        (f"source /a/b.sh\nsource /c/d.sh\n{START}", "source /c/d.sh", "platform.initFile", "run_vllm.sh:2"),
        (f"{START} --enable-lora", "--enable-lora", "names no adapter", "run_vllm.sh:1"),
        (f"{START} --foo", "--foo", "does not have this flag", "run_vllm.sh:1"),
    ],
)
def test_a_part_without_a_key_is_noted_with_its_line(script: str, what: str, why: str, place: str) -> None:
    done = made(script)

    assert why in said(done, "dropped")[what]
    assert places(done)[what] == place


@pytest.mark.parametrize(
    ("variable", "extra", "because"),
    [
        ("USE_PREFIX_HIGH_PRECISION_MODE=1", [], "the stack file sets it by prefixCaching"),
        ("ENABLE_SPEC_METRIC=0", [], "the stack file sets it by speculative"),
        ("INFER_MODE=PTA", ["--enforce-eager"], "--enforce-eager switches graphs off"),
    ],
)
def test_a_variable_of_a_feature_that_is_off_is_left_out(variable: str, extra: list[str], because: str) -> None:
    done = made(command(*extra, exports=f"export {variable}"))
    name, _, value = variable.partition("=")

    assert "env" not in service(done)
    assert changes(done)[name] == (value, None) or because in said(done, "dropped")[name]


def test_a_refused_value_remains_and_the_other_rules_still_run() -> None:
    done = made(command("--dtype fp16", "--max-num-seqs=many"))

    assert service(done)["engine"] == {**PLAIN["engine"], "dtype": "fp16", "maxNumSeqs": "many"}
    assert sorted(rules(done)) == ["bad-value", "bad-value", "idle-npus"]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", "vLLM reads"),
        ("unknown", None),
    ],
)
def test_a_missing_length_is_that_of_the_model_if_the_catalogue_knows_it(text: str, fields: str | None) -> None:
    script = f"{PYTHON} --model {f'/mnt/{text}' if text else MODEL}"
    done = made(script)

    if fields:
        assert service(done)["engine"]["maxModelLen"] == 32768
        assert any(fields in why for why in said(done, "assumed").values())
    else:
        assert "maxModelLen" not in service(done)["engine"]
        assert "missing-key" in rules(done)


def test_precision_remains_and_the_rule_reports_the_need_of_the_model() -> None:
    done = made(command("--max-model-len=16384"))

    assert service(done)["precision"] == {"decode": False}
    assert "USE_IFA_HIGH_PRECISION_MODE" not in started(done).environment
    assert "precision-needed" in rules(done)


def test_weights_under_another_path_keep_their_name_for_requests() -> None:
    objects = replaced((f"mountPath: {MODEL}", "mountPath: /models"), (f"path: {MODEL}", "path: /data/weights"))
    done = made(command().replace(MODEL, "/models/Qwen2-7B-Instruct"), objects)

    assert service(done)["model"] == "/data/weights/Qwen2-7B-Instruct"
    assert service(done)["engine"]["servedModelName"] == "/models/Qwen2-7B-Instruct"
    assert changes(done)["--model"] == ("/models/Qwen2-7B-Instruct", "/data/weights/Qwen2-7B-Instruct")


@pytest.mark.parametrize(
    ("script", "objects", "message"),
    [
        (START, "a: [b\nc: d", "the objects cannot be read"),
        (START, "", "config.yaml has no Kubernetes object, and no service of a Compose file"),
        (START, "kind: ConfigMap\nmetadata: {name: a}\n", "config.yaml has no Deployment, but ConfigMap"),
        (START, "just text", "config.yaml has no Kubernetes object, and no service of a Compose file"),
        ("echo hello", None, "no server of vLLM is started in run_vllm.sh"),
        ("", None, "no server of vLLM is started in the command of any container"),
        ("python -m vllm.entrypoints.openai.run_batch", None, "no server of vLLM is started in run_vllm.sh"),
        (
            "kind: Deployment\napiVersion: apps/v1\n",
            "python -m x",
            "config.yaml has no Kubernetes object, and no service of a Compose file",
        ),
        (
            START,
            "kind: Deployment\nmetadata: {name: {{ .Values.name }}}\n",
            "config.yaml is a template: it contains {{ … }}",
        ),
        (START, "kind: Deployment\nspec:\n{{- if .x }}\n  a: 1\n", "the objects cannot be read"),
        (START, "kind: Deployment\n", "no server of vLLM is started in run_vllm.sh"),
    ],
)
def test_files_without_a_server_are_refused_with_a_fix(script: str, objects: str | None, message: str) -> None:
    with pytest.raises(ConversionError) as refused:
        made(script, objects)

    assert refused.value.message == message
    assert refused.value.fix


def test_a_script_that_runs_itself_ends() -> None:
    with pytest.raises(ConversionError):
        made("bash run_vllm.sh\n")


def test_the_port_of_the_server_is_that_of_its_flag_or_vllms_own() -> None:
    assert resolved(made(f"{PYTHON} --model {MODEL} --max-model-len 4096")).server.port == 8000
    assert resolved(made(START.replace("8080", "${port}"))).server.port == 8080


def test_a_branch_that_changes_a_value_is_noted_once() -> None:
    done = made(f"if [ -n $X ]; then\n  export A=1\n  B=2\nelse\n  echo no\nfi\nif true; then echo; fi\n{command()}")
    (place,) = [note.place for note in done.notes if note.subject == "the branch"]

    assert (service(done)["env"], place) == ({"A": "1"}, "run_vllm.sh:1")
    assert "the last value counts" in said(done, "assumed")["the branch"]


def test_a_written_script_has_the_lines_of_the_script_that_writes_it() -> None:
    done = made(f"cat > /tmp/a.sh <<'EOF'\nulimit -n 9\n{command()}EOF\nsh /tmp/a.sh\n")

    assert places(done)["the command ulimit"] == "run_vllm.sh:2"


def test_functions_that_call_each_other_endlessly_are_read_once() -> None:
    done = made("a() {\n  b\n}\nb() {\n  a\n}\na\n" + command())

    assert resolved(done).model.path == MODEL
