"""Credentials: what counts as one, where it is found, and that no output shows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.app import app
from models.check import check
from models.credentials import masked, masked_pair, masked_tree, masked_value
from review.drift import Live
from review.field_details import field_detail
from review.live import compare_live
from tests.conftest import stack_of
from tests.models.planted import BY_NAME, BY_SHAPE, HARMLESS, PLANTED
from tests.review.cluster import Kube, edit
from tests.review.stacks import stack

pytestmark = pytest.mark.slow


Place = Callable[[str, str], dict[str, Any]]
"""Values of a service with a text under a name in one place."""


def sidecar(part: str, **fields: Any) -> dict[str, Any]:
    return {"podTemplate": {"spec": {part: [{"name": "side", "image": "side:1", **fields}]}}}


def header(name: str, value: str) -> dict[str, Any]:
    probe = {"httpGet": {"port": 80, "httpHeaders": [{"name": name, "value": value}]}}
    return sidecar("containers", livenessProbe=probe)


NAMED_PLACES: dict[str, Place] = {
    "env": lambda name, value: {"env": {name: value}},
    "variable of a sidecar": lambda name, value: sidecar("containers", env=[{"name": name, "value": value}]),
    "variable of an init container": lambda name, value: sidecar(
        "initContainers", env=[{"name": name, "value": value}]
    ),
    "flag with =": lambda name, value: sidecar("containers", args=[f"--{name.lower()}={value}"]),
    "flag and value": lambda name, value: sidecar("containers", args=[f"--{name.lower().replace('_', '-')}", value]),
    "shell": lambda name, value: sidecar("containers", command=["sh", "-c", f"export {name}={value}; run"]),
    "header": header,
    "annotation": lambda name, value: {"podTemplate": {"metadata": {"annotations": {f"example.com/{name}": value}}}},
}

PLACES: dict[str, Place] = {
    **NAMED_PLACES,
    "annotation of the Service": lambda _, value: {"expose": {"annotations": {"example.com/x": value}}},
    "further flag": lambda _, value: {"server": {"extraArgs": {"rootPath": value}}},
    "chat template": lambda _, value: {"server": {"chatTemplate": {"inline": value}}},
    "MindSpeed": lambda _, value: {"mindSpeed": {"kind": "install", "repository": value}},
}

CHECK_FORMATS = ("text", "json", "sarif", "github", "concise")
DIFF_FORMATS = ("text", "json", "markdown", "github")


def file_with(directory: Path, **services: dict[str, Any]) -> Path:
    """A stack file with services that have these further fields."""
    whole = {"image": "a:1", "model": "/m/Qwen2-7B", "engine": {"maxModelLen": 4096}}
    named = {name: whole | fields for name, fields in services.items()}
    document = {"config": {"ascend-vllm:cluster": {"context": "c"}, "ascend-vllm:services": named}}
    directory.mkdir(exist_ok=True)
    file = directory / "Pulumi.dev.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True, width=1000), encoding="utf-8")
    return file


def rules_of(file: Path) -> dict[str, set[str]]:
    """The ids of the rules that find something, by service."""
    done = CliRunner().invoke(app, ["check", str(file), "--format", "json"])
    found: dict[str, set[str]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        found.setdefault(finding["service"], set()).add(f"{finding['severity']}[{finding['rule']}]")
    return found


def outputs_of_check(file: Path, forms: Sequence[str] = CHECK_FORMATS) -> str:
    commands = (["check", str(file), "--verbose", "--format", form] for form in forms)
    return "".join(CliRunner().invoke(app, command).output for command in commands)


@pytest.mark.parametrize("place", PLACES)
def test_a_credential_by_its_shape_is_an_error_in_every_place_and_is_not_shown(tmp_path: Path, place: str) -> None:
    kinds = {kind.replace(" ", "-"): PLACES[place]("GREETING", text) for kind, text in BY_SHAPE.items()}
    file = file_with(tmp_path, **kinds)
    found = rules_of(file)
    expected = {"error[secret-in-env]", "error[secret-in-url]", "error[bad-value]"}

    assert [kind for kind in kinds if not expected & found.get(kind, set())] == []
    assert PLANTED not in outputs_of_check(file)


@pytest.mark.parametrize("place", NAMED_PLACES)
def test_a_value_under_the_name_of_a_credential_is_a_warning_and_is_not_shown(tmp_path: Path, place: str) -> None:
    names = {f"n{number}": NAMED_PLACES[place](name, text) for number, (name, text) in enumerate(BY_NAME.items())}
    file = file_with(tmp_path, **names)
    found = rules_of(file)
    expected = {"warning[secret-name]", "error[secret-in-env]"}

    assert [name for name in names if not expected & found.get(name, set())] == []
    assert PLANTED not in outputs_of_check(file)


@pytest.mark.parametrize("place", ["env", "variable of a sidecar", "shell"])
def test_a_harmless_value_is_no_finding(tmp_path: Path, place: str) -> None:
    names = {f"n{number}": NAMED_PLACES[place](name, text) for number, (name, text) in enumerate(HARMLESS.items())}
    found = rules_of(file_with(tmp_path, **names))

    assert [name for name, rules in found.items() if "secret" in repr(rules)] == []


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_value_is_shown(name: str) -> None:
    assert masked_value(name, HARMLESS[name]) == HARMLESS[name]


@pytest.mark.parametrize("place", PLACES)
def test_a_comparison_shows_that_a_credential_changed_and_no_value(tmp_path: Path, place: str) -> None:
    values = BY_NAME if place in NAMED_PLACES else {"GREETING": BY_SHAPE["password in a url"]}
    old, new = {}, {}
    for number, (name, value) in enumerate(values.items()):
        old[f"n{number}"] = PLACES[place](name, value.replace("hunter2", "hunter1"))
        new[f"n{number}"] = PLACES[place](name, value)
    files = file_with(tmp_path / "old", **old), file_with(tmp_path / "new", **new)

    for form in DIFF_FORMATS:
        done = CliRunner().invoke(app, ["diff", *map(str, files), "--format", form])
        assert done.exit_code == 1, done.output
        assert "hunter" not in done.output
        assert f"{len(values)} changed" in done.output or form == "json"


def test_a_comparison_shows_no_credential_by_its_shape(tmp_path: Path) -> None:
    kinds = {kind.replace(" ", "-"): {"env": {"GREETING": text}} for kind, text in BY_SHAPE.items()}
    old = file_with(tmp_path / "old", **{kind: {"env": {"GREETING": "hello"}} for kind in kinds})
    new = file_with(tmp_path / "new", **kinds)
    commands = (["diff", str(old), str(new), "--format", form] for form in DIFF_FORMATS)
    output = "".join(CliRunner().invoke(app, command).output for command in commands)

    assert "GREETING" in output
    assert PLANTED not in output


@pytest.mark.parametrize("container", ["containers", "initContainers"])
@pytest.mark.parametrize("name", BY_NAME)
def test_drift_shows_no_value_that_was_set_by_hand(name: str, container: str) -> None:
    wanted = stack(
        {
            "qwen": {
                "podTemplate": {
                    "spec": {container: [{"name": "a", "image": "b:1", "env": [{"name": name, "value": "old"}]}]}
                }
            }
        }
    )
    kube = Kube(wanted)
    items = kube.one("Deployment")["spec"]["template"]["spec"][container]
    index = [item["name"] for item in items].index("a")
    edit(kube.one("Deployment"), ("spec", "template", "spec", container, index, "env", 0, "value"), BY_NAME[name])
    (drift,) = kube.drift(wanted).objects
    details = [field_detail(wanted, "qwen", "Deployment", field) for field in drift.fields]
    change, _ = compare_live(wanted, Live(kube.objects))

    assert details
    assert PLANTED not in repr(details)
    assert PLANTED not in repr(change.services[0].details)


@pytest.mark.parametrize(
    "arguments",
    [
        ["curl", "-u", f"me:{PLANTED}", "http://h"],
        ["mysql", "-h", "db", f"-p{PLANTED}"],
        ["redis-cli", "-a", PLANTED],
        ["docker", "login", "-p", PLANTED],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_password_in_a_list_of_arguments_is_a_warning_and_is_not_shown(tmp_path: Path, arguments: list[str]) -> None:
    file = file_with(tmp_path, qwen=sidecar("containers", command=arguments))

    assert "warning[secret-name]" in rules_of(file)["qwen"]
    assert PLANTED not in outputs_of_check(file)
    assert PLANTED not in repr(masked_tree(arguments))


@pytest.mark.parametrize(
    "service",
    [
        {"env": {BY_SHAPE["gitlab"]: "x"}},
        {"podTemplate": {"spec": {"containers": [{"name": BY_SHAPE["gitlab"], "image": "a:1"}]}}},
        {"accept": {"image-tag": BY_SHAPE["gitlab"]}},
    ],
    ids=["variable", "container", "reason"],
)
def test_a_credential_as_a_name_or_a_reason_is_not_shown(tmp_path: Path, service: dict[str, Any]) -> None:
    old = file_with(tmp_path / "old", qwen={})
    new = file_with(tmp_path / "new", qwen=service)
    commands = (["diff", str(old), str(new), "--format", form] for form in DIFF_FORMATS)
    changes = "".join(CliRunner().invoke(app, command).output for command in commands)

    assert PLANTED not in outputs_of_check(new)
    assert PLANTED not in changes


@pytest.mark.parametrize(
    "token",
    [
        "AGE-SECRET-KEY-1QQPQYGQGS4WXYZQQPQYGQGS4WXYZ",
        "dop_v1_" + "0123abcd" * 8,
        "ms-0123abcd-4567-89ef-0123-456789abcdef",
        "AKIA" + "IOSFODNN7ABCDEFG",
    ],
)
def test_a_token_in_a_path_is_an_error_and_is_not_shown(tmp_path: Path, token: str) -> None:
    file = file_with(tmp_path, qwen={"model": f"/mnt/{token}"})

    assert "error[secret-in-env]" in rules_of(file)["qwen"]
    assert token not in outputs_of_check(file)


@pytest.mark.parametrize("command", [f"mysql -u root -p{PLANTED}", f"AK=HPUAABCDEFGHIJKLMNOP;SK={PLANTED}"])
def test_a_command_as_the_name_of_a_model_is_not_shown(tmp_path: Path, command: str) -> None:
    file = file_with(tmp_path, qwen={"model": f"/mnt/{command}"})

    assert PLANTED not in outputs_of_check(file)


def test_a_command_in_place_of_a_choice_is_not_shown(tmp_path: Path) -> None:
    file = file_with(tmp_path, qwen={"server": {"chatTemplate": f"mysql -u root -p{PLANTED}"}})

    assert "error[chat-template-path]" in rules_of(file)["qwen"]
    assert PLANTED not in outputs_of_check(file)


@pytest.mark.parametrize("key", [f"HF_TOKEN={PLANTED}", f"DB_PASSWORT: {PLANTED}", f"export SK={PLANTED}"])
def test_an_assignment_as_the_name_of_a_variable_is_not_shown(tmp_path: Path, key: str) -> None:
    file = file_with(tmp_path, qwen={"env": {key: "x"}})

    assert rules_of(file)["qwen"] == {"error[bad-value]"}
    assert PLANTED not in outputs_of_check(file)


def test_an_address_with_a_password_in_place_of_a_file_is_not_shown(tmp_path: Path) -> None:
    address = f"https://joe:{PLANTED}@h.example.com/config.json"
    file = file_with(tmp_path, qwen={"model": {"source": "/m/x", "configJson": address}})
    base = f"  ascend-vllm:base: {address}\n"
    file.write_text(file.read_text().replace("config:\n", f"config:\n{base}", 1))

    assert PLANTED not in outputs_of_check(file)


def test_a_change_of_a_credential_stays_visible() -> None:
    assert masked_pair("DB_PASS", "old-value", "new-value") == ("***", "*** (changed)")
    assert masked_pair("DB_PASS", None, "new-value") == (None, "***")
    assert masked_pair("port", "1", "2") == ("1", "2")


def test_the_word_key_alone_is_a_credential_only_as_a_variable() -> None:
    assert masked_value("KEY", PLANTED) == "***"
    assert masked_value("key", "huawei.com/Ascend910") == "huawei.com/Ascend910"


@pytest.mark.parametrize("name", ["PIN", "LOGIN_OTP", "数据库密码", "CONTRASEÑA"])
def test_a_number_under_the_name_of_a_password_is_hidden(name: str) -> None:
    assert masked_value(name, "482913") == "***"


@pytest.mark.parametrize(
    "name",
    [
        "数据库密码",
        "访问令牌",
        "秘钥",
        "授权码",
        "パスワード",
        "暗証番号",
        "비밀번호",
        "пароль",
        "ключ_доступа",
        "κωδικός",
        "รหัสผ่าน",
        "db_पासवर्ड",
        "পাসওয়ার্ড",
        "პაროლი",
        "գաղտնաբառ",
        "hasło",
        "jelszó",
        "lösenord",
        "mật_khẩu",
        "mi_yao",
        "PAROLA",
        "GITHUB_TKN",
        "mgmt_pwd",
        "usrpwd",
        "TOKENS",
        "CONNECTION_STRING",
    ],
)
def test_a_name_in_another_language_or_an_abbreviation_hides_its_value(name: str) -> None:
    assert masked_value(name, PLANTED) == "***"
    assert masked(f"{name}={PLANTED}") == f"{name}=***"


@pytest.mark.parametrize("flag", ["--token", "--token=", "-token="])
def test_an_argument_after_a_flag_is_hidden_with_or_without_an_equals_sign(flag: str) -> None:
    assert masked_tree({"args": [flag, PLANTED]}) == {"args": [flag, "***"]}


def test_an_assignment_in_chinese_is_hidden() -> None:
    assert masked(f"口令={PLANTED}, 密码: {PLANTED}") == "口令=***, 密码: ***"


def test_references_to_secrets_stay_visible() -> None:
    container = {"env": [{"name": "DB_PASS", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]}

    assert masked_tree(container) == container


@pytest.mark.parametrize(
    "broken",
    [
        f"env: HF_TOKEN={PLANTED}",
        f"env: {{HF_TOKEN: {PLANTED}: [}}",
        f"server: {{apiKey: !x {PLANTED}}}",
        f"server: {{key: {PLANTED}}}",
        f"server: {{apiKey: {{key: {PLANTED}}}}}",
        f"environment: [{{name: HF_TOKEN, value: {PLANTED}}}]",
        f"environment: [{{name: GREETING, value: {PLANTED}}}]",
        f"npus: [ # the password is {PLANTED}",
        f"env: {{HF_TOKEN: '{PLANTED}}}",
        f"token: *{PLANTED}",
        f"env: [HF_TOKEN={PLANTED}]",
        f"pullSecrets: {{password: {PLANTED}}}",
        f"apikey {PLANTED}",
        f"env: !{PLANTED} x",
        f"env: *{PLANTED}",
        f"env: `{PLANTED}",
        f"env: 'a' {PLANTED}",
        f"- {PLANTED}",
        f"env: {{A: {{secure: {PLANTED}}}}}",
        f"env: {{A: !!int hf_{PLANTED}abcdefghijklmnop}}",
        f"<<: [hf_{PLANTED}abcdefghijklmnop]",
        f'"password": "{PLANTED}',
        f"graph: DB_PASSWORD={PLANTED}",
        f"env: [GREETING, {PLANTED}]",
        f"env: !!binary {PLANTED}",
        f"env: {{<<: {PLANTED}}}",
        f"secretEnv: {{GREETING: {PLANTED}}}",
        f"server: {{apikeys: [{PLANTED}]}}",
        f"startup: pwd {PLANTED}",
        f"accept: {{image-tag: 'the password is {PLANTED}'}}",
        f"podTemplate: {{spec: {{imagePullSecrets: [{{name: a, password: {PLANTED}}}]}}}}",
        f"server: {{chatTemplate: DB_PASSWORD={PLANTED}}}",
        f"podTemplate: {{spec: {{overhead: {{DB_PASSWORD={PLANTED}: 1}}}}}}",
        f"podTemplate: {{spec: {{hostIPC: {{'https://joe:{PLANTED}@h.example.com/x': 1}}}}}}",
        f"'DB_PASSWORD={PLANTED}': 1",
        f"lora: {{maxRank: DB_PASSWORD={PLANTED}}}",
        f"? [HF_TOKEN, {PLANTED}]\n      : 1",
        f"env: {{? {{HF_TOKEN: {PLANTED}}} : 1}}",
        f"env: {{? [\n          HF_TOKEN,\n          {PLANTED}] : 1}}",
        f"accept: [{PLANTED}]",
        f"accept: {PLANTED}",
        f"accept: {{image-tag: [{PLANTED}]}}",
        f"accept: {{image-tag: {{a: [{PLANTED}]}}}}",
        f"mindSpeed: {{kind: install, commit: {PLANTED}b7Xk2Lw9Qd4Rt8Vz}}",
    ],
)
def test_a_malformed_line_is_shown_without_its_credential(tmp_path: Path, broken: str) -> None:
    file = file_with(tmp_path, qwen={"npus": 1})
    file.write_text(file.read_text().replace("npus: 1", broken))

    assert rules_of(file)
    assert PLANTED not in outputs_of_check(file, ["text", "json"])
    assert PLANTED not in CliRunner().invoke(app, ["check", str(file), "--verbose"]).output


def test_a_report_as_an_exception_shows_no_credential() -> None:
    service = f"image: a:1, model: /m/x, engine: {{maxModelLen: 1}}, env: {{A: {BY_SHAPE['openai']}}}"
    report = check(stack_of(f"qwen: {{{service}}}"))

    with pytest.raises(ValueError, match="secret-in-env") as raised:
        report.raise_for_errors(ValueError)
    assert PLANTED not in str(raised.value)
