"""`convert`: files in, a stack file out; what is said beside it, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.commands.render import yaml_documents
from models.manifests import stack_objects
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.cli.conftest import Done
from tests.convert.pairs import CONFIG, FILLED, MANUAL, MODEL, PYTHON, SCRIPT, command, config

pytestmark = pytest.mark.slow

Console = Callable[..., Done]
SETS = [word for name, value in FILLED.items() for word in ("--set", f"{name}={value}")]
FINE = command("--tensor-parallel-size=8").replace(MODEL, "/mnt/models/Qwen2-72B-Instruct")


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """The manual's two files."""
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "run_vllm.sh").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


def stack_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["config"]
    return found


def test_the_stack_file_goes_to_stdout_and_the_talk_to_stderr(console: Console, pair: Path) -> None:
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", *SETS)

    assert done.code == 1
    assert stack_of(done.out)["ascend-vllm:services"]["yourapp"]["npus"] == 8
    assert done.err.startswith("kept      image 8 NPUs 1 replica --max-num-seqs")
    assert "warning[idle-npus]" in done.err
    assert done.err.endswith("1 service: 0 errors, 1 warning, 0 accepted\n")


def test_with_an_output_the_file_is_written_and_the_talk_is_on_stdout(console: Console, pair: Path) -> None:
    out = pair / "Pulumi.guiyang.yaml"
    done = console("convert", "config.yaml", "run_vllm.sh", "-o", out.name, "--context", "prod", *SETS)

    assert (done.code, done.err) == (1, "")
    assert "--> Pulumi.guiyang.yaml:" in done.out
    assert stack_of(out.read_text(encoding="utf-8"))["ascend-vllm:cluster"] == {"context": "prod"}


def test_the_written_file_has_the_same_findings_for_check(console: Console, pair: Path) -> None:
    converted = console("convert", "config.yaml", "run_vllm.sh", "-o", "Pulumi.new.yaml", "--context", "prod", *SETS)
    checked = console("check", "Pulumi.new.yaml")

    assert checked.code == 1
    assert checked.out.strip() in converted.out


def test_check_refuses_each_placeholder_that_was_left_at_its_line(console: Console, pair: Path) -> None:
    converted = console("convert", "config.yaml", "run_vllm.sh", "-o", "Pulumi.new.yaml", "--context", "prod")
    checked = console("check", "Pulumi.new.yaml", "--format", "concise")

    assert converted.out.count("error[placeholder]") == 2
    assert [line.split(": ")[0] for line in checked.out.splitlines()] == ["Pulumi.new.yaml:6:7", "Pulumi.new.yaml:7:7"]


def test_a_pair_without_findings_ends_with_0(console: Console, pair: Path) -> None:
    objects = config().replace(MODEL, "/mnt/models/Qwen2-72B-Instruct")
    (pair / "config.yaml").write_text(objects, encoding="utf-8")
    (pair / "run_vllm.sh").write_text(FINE, encoding="utf-8")
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod")

    assert done.code == 0, done.err
    assert "1 service: 0 errors, 0 warnings, 0 accepted" in done.err


def test_files_as_windows_saves_them_are_read(console: Console, pair: Path) -> None:
    (pair / "config.yaml").write_bytes(b"\xef\xbb\xbf" + CONFIG.replace("\n", "\r\n").encode())
    (pair / "run_vllm.sh").write_bytes(("# 启动\n" + SCRIPT).replace("\n", "\r\n").encode("gb18030"))
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", *SETS)

    assert stack_of(done.out)["ascend-vllm:services"]["yourapp"]["engine"]["numSchedulerSteps"] == 8


def test_several_scripts_belong_to_the_containers_that_run_them(console: Console, pair: Path) -> None:
    first = config().replace("${node-path}/run_vllm.sh", "/x/one.sh")
    second = config().replace("${node-path}/run_vllm.sh", "/x/two.sh").replace("yourapp", "other")
    (pair / "config.yaml").write_text(f"{first}---\n{second}", encoding="utf-8")
    for name, port in (("one.sh", 9001), ("two.sh", 9002)):
        (pair / name).write_text(f"{PYTHON} --model {MODEL} --max-model-len 1 --port {port}", encoding="utf-8")
    done = console("convert", "config.yaml", "one.sh", "two.sh", "--context", "prod")
    services = stack_of(done.out)["ascend-vllm:services"]

    assert {name: service["server"]["port"] for name, service in services.items()} == {"yourapp": 9001, "other": 9002}
    assert "kept      yourapp  image" in done.err


@pytest.mark.parametrize("option", ["-o", "--import"])
def test_a_file_that_exists_is_not_written_over(option: str, console: Console, pair: Path) -> None:
    (pair / "mine.yaml").write_text("precious", encoding="utf-8")
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", option, "mine.yaml")

    assert (done.code, done.out) == (2, "")
    assert done.err == "error: mine.yaml exists\nfix: name another file, or add --force\n"
    assert (pair / "mine.yaml").read_text(encoding="utf-8") == "precious"


def test_force_writes_over_and_keeps_what_pulumi_has_in_the_file(console: Console, pair: Path) -> None:
    file = pair / "Pulumi.mine.yaml"
    file.write_text("encryptionsalt: v1:abc=\nconfig: {a: b}\nsecretsprovider: passphrase\n", encoding="utf-8")
    console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", "-o", file.name, "--force")
    whole = yaml.safe_load(file.read_text(encoding="utf-8"))

    assert (whole["encryptionsalt"], whole["secretsprovider"]) == ("v1:abc=", "passphrase")
    assert "a" not in whole["config"]


def test_keys_have_the_name_of_the_project(console: Console, pair: Path) -> None:
    (pair / "Pulumi.yaml").write_text("name: our-llms\nruntime: python\n", encoding="utf-8")
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", *SETS)

    assert set(stack_of(done.out)) == {"our-llms:cluster", "our-llms:services"}
    assert "0 errors, 1 warning" in done.err


def test_keys_have_the_name_of_the_project_in_its_subdirectories_too(
    console: Console, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pair / "Pulumi.yaml").write_text("name: our-llms\nruntime: python\n", encoding="utf-8")
    (pair / "manual").mkdir()
    monkeypatch.chdir(pair / "manual")
    done = console("convert", "../config.yaml", "../run_vllm.sh", "--context", "prod", *SETS)

    assert set(stack_of(done.out)) == {"our-llms:cluster", "our-llms:services"}
    assert "0 errors, 1 warning" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.yaml"], "there is no file nowhere.yaml"),
        (["config.yaml", "nowhere.sh"], "there is no file nowhere.sh"),
        (["config.yaml", "run_vllm.sh", "--set", "image_name"], "--set image_name has no value"),
        (["config.yaml", "run_vllm.sh", "--import", "list.json"], "add --context NAME"),
        ([], "CONFIG is missing"),
        (["config.yaml", "--unknown"], "no such option"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_fix(arguments: list[str], said: str, console: Console, pair: Path) -> None:
    done = console("convert", *arguments)

    assert (done.code, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("config.yaml", "a: [b\nc: d\n", "config.yaml:2: not YAML: while parsing a flow sequence"),
        ("config.yaml", "kind: Service\n", "config.yaml has no Deployment, but Service"),
        ("run_vllm.sh", "echo hello\n", "no server of vLLM is started in run_vllm.sh"),
        ("run_vllm.sh", "", "no server of vLLM is started in run_vllm.sh"),
    ],
)
def test_files_of_which_nothing_can_be_made_end_with_1(
    name: str, text: str, said: str, console: Console, pair: Path
) -> None:
    (pair / name).write_text(text, encoding="utf-8")
    done = console("convert", "config.yaml", "run_vllm.sh", "-o", "Pulumi.new.yaml")

    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert "fix: " in done.err
    assert not (pair / "Pulumi.new.yaml").exists()


def test_a_line_that_is_no_yaml_is_named_and_not_shown(console: Console, pair: Path) -> None:
    (pair / "config.yaml").write_text("env:\n- {name: HF_TOKEN, value: hunter2-hunter2 ]\n", encoding="utf-8")
    done = console("convert", "config.yaml", "run_vllm.sh")

    assert done.code == 1
    assert "config.yaml:2: " in done.err
    assert "hunter2" not in done.err


def test_what_cannot_be_read_or_written_ends_with_3(console: Console, pair: Path) -> None:
    unread = console("convert", str(pair), "run_vllm.sh")
    unwritten = console("convert", "config.yaml", "run_vllm.sh", "-o", "nowhere/Pulumi.new.yaml")

    assert (unread.code, unwritten.code) == (3, 3)
    assert "cannot be read: Is a directory" in unread.err
    assert "cannot be written: No such file or directory" in unwritten.err


STACK = """\
config:
  ascend-vllm:cluster: {context: prod, namespace: {name: team, create: false}}
  ascend-vllm:services:
    qwen: {image: "a:1", model: /mnt/models/Qwen2-7B-Instruct, engine: {maxModelLen: 4096}}
"""


def test_the_import_list_is_written_and_shows_which_pods_restart(console: Console, tmp_path: Path) -> None:
    objects = yaml_documents(list(stack_objects(resolve(load_text("test", "-", STACK)))))
    (tmp_path / "live.yaml").write_text(objects, encoding="utf-8")
    done = console("convert", "live.yaml", "--context", "prod", "--import", "list.json")
    listed = json.loads((tmp_path / "list.json").read_text(encoding="utf-8"))

    assert done.code == 0
    assert done.err.endswith("\nqwen: taken over, no pod restarts\n")
    assert [one.get("id") for one in listed["resources"] if one["name"] == "qwen-deployment"] == ["team/qwen"]


def test_no_list_is_written_when_nothing_can_be_taken_over(console: Console, pair: Path) -> None:
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", "--import", "list.json", *SETS)

    assert "yourapp: not in the list" in done.err
    assert not (pair / "list.json").exists()


def test_placeholders_are_named_with_or_without_their_braces(console: Console, pair: Path) -> None:
    given = ["--set", "${image_name}=a:1", "--set", "model-path=/mnt/models/Qwen2-7B-Instruct"]
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", *given)

    assert stack_of(done.out)["ascend-vllm:services"]["yourapp"]["image"] == "a:1"


def test_the_namespace_is_one_that_exists(console: Console, pair: Path) -> None:
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", "--namespace", "team", *SETS)

    assert stack_of(done.out)["ascend-vllm:cluster"]["namespace"] == {"name": "team", "create": False}
    assert list(stack_of(done.out)["ascend-vllm:services"]) == ["yourapp-2"]


def test_nothing_is_read_but_the_files_that_are_named(console: Console, pair: Path) -> None:
    """A script speaks of other files; none of them is opened, whatever they are."""
    script = "source /etc/passwd\nsource ./other.sh\n" + command()
    (pair / "run_vllm.sh").write_text(script, encoding="utf-8")
    (pair / "other.sh").write_text("export FROM_OTHER=1\n", encoding="utf-8")
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", *SETS)

    assert "FROM_OTHER" not in done.out


def test_the_manuals_files_become_a_stack_file_of_another_release_at_once(console: Console, pair: Path) -> None:
    done = console("convert", "config.yaml", "run_vllm.sh", "--to", "0.23.0", "--context", "prod", *SETS)
    service = stack_of(done.out)["ascend-vllm:services"]["yourapp"]

    assert service["image"] == "quay.io/ascend/vllm-ascend:v0.23.0"
    assert service["prefixCaching"] is False
    assert "yourapp   0.6.3 → 0.23.0" in done.err
    assert "engine.gpuMemoryUtilization\n                 0.9 → 0.92; 0.9 is written" in done.err


ONE_NPU = CONFIG.replace('"8"', '"1"')
WITHOUT_STEPS = SCRIPT.replace("--num-scheduler-steps=8 \\\n", "")
LARGE = ["--set", "model-path=/mnt/models/Qwen2-72B-Instruct"]
DRAFT = "--speculative-model /mnt/models/Qwen2-7B-Instruct --num-speculative-tokens 5"
VARIATIONS = {
    "one NPU": (ONE_NPU, SCRIPT, []),
    "the plain server": (ONE_NPU, (MANUAL / "plain.sh").read_text(encoding="utf-8"), []),
    "eight NPUs": (CONFIG, SCRIPT.replace("parallel-size=1", "parallel-size=8 --dtype bfloat16"), LARGE),
    "a draft model": (CONFIG, WITHOUT_STEPS.replace("parallel-size=1", f"parallel-size=8 {DRAFT}"), LARGE),
    "dead variables": (
        ONE_NPU.replace("  name: yourapp\n", "  name: yourapp\n  namespace: infer\n"),
        f"export VLLM_ENGINE_ITERATION_TIMEOUT_S=1500\nexport HCCL_CONNECT_TIMEOUT=1200\n{WITHOUT_STEPS}",
        [],
    ),
    "Windows and guided decoding": (
        ONE_NPU.replace("replicas: 1", "replicas: 2").replace("\n", "\r\n"),
        SCRIPT.replace("--enforce-eager", "--guided-decoding-backend outlines").replace("\n", "\r\n"),
        [],
    ),
    "adapters": (ONE_NPU, f"{WITHOUT_STEPS.rstrip()} --enable-lora --lora-modules sql=/mnt/a/sql --swap-space 8\n", []),
}


@pytest.mark.parametrize("variation", VARIATIONS)
def test_variations_of_the_manuals_files_are_clean_under_another_release(
    console: Console, pair: Path, variation: str
) -> None:
    objects, script, sets = VARIATIONS[variation]
    (pair / "config.yaml").write_text(objects, encoding="utf-8", newline="")
    (pair / "run_vllm.sh").write_text(script, encoding="utf-8", newline="")
    target = ["--to", "0.23.0", "--context", "prod", "-o", "Pulumi.new.yaml"]
    done = console("convert", "config.yaml", "run_vllm.sh", *target, *SETS, *sets)

    assert done.code == 0, done.out
    assert done.out.count("1 service: 0 errors, 0 warnings, 0 accepted") == 1
    assert console("check", "Pulumi.new.yaml").code == 0


def test_files_with_errors_are_not_migrated_and_the_fix_is_that_of_the_error(console: Console, pair: Path) -> None:
    script = SCRIPT.replace("--enforce-eager", "--dtype ${dtype}")
    (pair / "run_vllm.sh").write_text(script, encoding="utf-8")
    done = console("convert", "config.yaml", "run_vllm.sh", "--to", "0.23.0", "--context", "prod", *SETS)

    assert done.code == 1
    assert "engine.dtype contains the placeholder ${dtype}" in done.err
    assert "convert again with --set dtype=VALUE" in done.err


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        (["--to", "0.99.0"], "name one of: 0.6.3"),
        (["--to", "0.23.0", "--import", "list.json"], "leave out --to"),
    ],
)
def test_a_release_that_cannot_be_converted_to_is_refused(
    console: Console, pair: Path, options: list[str], fix: str
) -> None:
    done = console("convert", "config.yaml", "run_vllm.sh", "--context", "prod", *options, *SETS)

    assert done.code == 2
    assert fix in done.err
