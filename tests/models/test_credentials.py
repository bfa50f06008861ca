"""Credentials: what counts as one, where it is found, and that no output shows it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.app import app
from models.check import check
from models.credentials import is_certain, is_likely, masked, masked_pair, masked_tree, masked_value
from models.stack_file.load import load_text
from review.drift import Live
from review.field_details import field_detail
from review.live import compare_live
from tests.conftest import stack_of
from tests.review.cluster import Kube, edit
from tests.review.stacks import stack

pytestmark = pytest.mark.slow

PLANTED = "hunter2Zq9"
"""Part of every credential below; no output may contain it."""


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BY_SHAPE = {
    "hugging face": f"hf_{PLANTED}abcdefghijklmnop",
    "github": f"ghp_{PLANTED}abcdefghijklmnopqrst",
    "github fine-grained": f"github_pat_11ABCDEFG0{PLANTED}_abcdefghij",
    "gitlab": f"glpat-{PLANTED}abcdefgh",
    "openai": f"sk-proj-{PLANTED}abcdefgh",
    "slack": f"xoxb-1234567890-{PLANTED}",
    "json web token": f"eyJhbGciOiJIUzI1NiJ9.eyJ{PLANTED}.c2ln",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----{PLANTED}-----END RSA PRIVATE KEY-----",
    "bearer": f"Bearer {PLANTED}abcdef",
    "basic": f"Basic dXNlcjp{PLANTED}==",
    "json": f'{{"api_key": "{PLANTED}", "n": 1}}',
    "password in a url": f"https://user:{PLANTED}@git.example.com/x.git",
    "password before a host": f"user:{PLANTED}@proxy.example.com:3128",
    "token in a url": f"https://ghp_{PLANTED}abcdefghijklmnopqrst@github.com/a/b.git",
    "query token": f"https://h.example.com/x?a=b&token={PLANTED}",
    "query signature": f"https://h.example.com/x?sig={PLANTED}",
    "slack hook": f"https://hooks.slack.com/services/T00000000/B00000000/{PLANTED}abcdefghij",
    "wecom hook": f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={PLANTED}-7aoc-4bc4",
    "gitlab deploy token": f"gldt-{PLANTED}abcdefgh",
    "slack browser token": f"xoxc-1234-{PLANTED}abcdefgh",
    "google client secret": f"GOCSPX-{PLANTED}abcdefghijkl",
    "docker organisation": f"dckr_oat_{PLANTED}abcdefghijkl",
    "grafana": f"glsa_{PLANTED}abcdefghijklmnopqrstuv_01234567",
    "perplexity": f"pplx-{PLANTED}abcdefghijklmnopqrstuvwxyz",
    "alibaba key": f"LTAI5t{PLANTED}",
    "hashicorp": f"abcdefghijklmn.atlasv1.{PLANTED}{'a' * 40}",
    "token in a path": f"https://h.example.com/bot/glpat-{PLANTED}abcdefgh/send",
    "private key with headers": f"-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-128-CBC,A\n\n{PLANTED}\n",
    "pgp key": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{PLANTED}\n-----END PGP PRIVATE KEY BLOCK-----",
    "putty key": f"PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 2\nAAAA{PLANTED}",
    "password with at": f"https://user:a@{PLANTED}@h.example.com/x",
    "password with slash": f"https://user:a/{PLANTED}@h.example.com/x",
    "password with quote": f"https://user:a'{PLANTED}@h.example.com/x",
    "token before a host": f"https://{PLANTED}abcdefghijklmnop@git.example.com/a/b.git",
    "mysql source": f"user:{PLANTED}@tcp(127.0.0.1:3306)/db",
    "oracle": f"jdbc:oracle:thin:scott/{PLANTED}@db:1521:orcl",
    "sql server": f"jdbc:sqlserver://db:1433;user=sa;password={PLANTED}",
    "azure storage": f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={PLANTED}aa==;EndpointSuffix=core",
    "token in a fragment": f"https://h.example.com/x#access_token={PLANTED}",
    "netrc": f"machine gitee.com login joe password {PLANTED}",
    "docker config": f'{{"auths": {{"r.example.com": {{"auth": "{_base64(f"joe:{PLANTED}")}"}}}}}}',
    "user and password in base64": _base64(f"user:{PLANTED}"),
    "json in base64": _base64(f'{{"api_key": "{PLANTED}"}}'),
    "feishu hook": f"https://open.feishu.cn/open-apis/bot/v2/hook/{PLANTED}-7aoc-4bc4",
}

BY_NAME = {
    "SECRET": PLANTED,
    "DB_PASS": PLANTED,
    "DB_PWD": PLANTED,
    "MY_SK": PLANTED,
    "HF_TOKEN": PLANTED,
    "OPENAI_KEY": PLANTED,
    "ENCRYPTION_KEY": PLANTED,
    "REDIS_AUTH": PLANTED,
    "AUTHORIZATION": PLANTED,
    "ssh_passphrase": PLANTED,
    "clientSecret": PLANTED,
    "PGPASSWORD": PLANTED,
    "VAULT_TOKEN_2": PLANTED,
    "HF_TOKEN_PROD": PLANTED,
    "OBS_ACCESS_KEY_ID": PLANTED,
    "SSHPASS": PLANTED,
    "WANDB_API_KEY": PLANTED,
    "BOT_TOKEN": PLANTED,
}

HARMLESS = {
    "MAX_TOKEN": "4096",
    "MAX_TOKENS": "8192",
    "EOS_TOKEN": "</s>",
    "PAD_TOKEN": "<|endoftext|>",
    "UNK_TOKEN": "[UNK]",
    "HF_TOKEN": "${HF_TOKEN}",
    "SSL_PRIVATE_KEY": "/etc/tls/key.pem",
    "K8S_SECRET": "registry",
    "IMAGE_PULL_SECRET": "harbor-registry",
    "WORK_PWD": "/workspace",
    "ENABLE_AUTH": "true",
    "AUTH_TYPE": "basic",
    "SECRET_NAME": "registry",
    "TOKEN_TTL": "5m",
    "PASSWORD_FILE": "/run/secrets/db",
    "TOKENIZERS_PARALLELISM": "false",
    "CACHE_KEY": "models",
    "SORT_KEY": "name",
    "SOME_KEY": "plain",
    "AUTHOR": "joe",
    "KEYBOARD": "us",
    "SK_MODEL": "sk-lora-adapter-rank16-v2",
    "SK_NAME": "sk-7b-chat-20240101-longname",
    "CHUNKS": "pk-chunk-size-4096-bytes",
    "SSL_KEY": "certs/tls.key",
    "TLS_PRIVATE_KEY": "server.pem",
    "SECRETS_BACKEND": "vault",
    "PASSWORD_MIN_LENGTH": "long",
    "FUSION_PASS": "norm-quant",
    "IDEMPOTENCY_KEY": "request-id",
    "NEWLINE_TOKEN": "Ċ",
    "REASONING_TOKEN": "<think>",
    "OPENAI_API_KEY": "EMPTY",
    "API_KEY": "your-api-key-here",
    "JSON": '{"auth": "none", "private_key": "/etc/key.pem", "secret": "/run/secrets/x", "eos_token": "</s>"}',
    "HEADER": "Bearer Authentication",
    "HEADER_OF_SHELL": "Authorization: Bearer $TOKEN",
    "HEADER_OF_FILE": 'curl -H "Authorization: Bearer $(cat /run/token)" http://x',
    "FROM_FILE": "export HF_TOKEN=`cat /run/token`",
    "ARGUMENT": "export PASS=$1",
    "JINJA": "{%- set token = messages[0]['content'] -%}",
    "IDS": "docker run -u 1000:1000 x",
    "TEAM": "team:ml-infra@example.com",
    "REGISTRY_PORT": "http://registry.example.com:5000/scope/@org/pkg",
    "MODEL_ID": "bW9kZWw6dmVyc2lvbg==",
    "DATASET": "/cache/hf_abcdefghijklmnopqrstuv",
    "COMMIT": "4045ac10f2a91f1b1fb0bc4cd1d0ba1a8bd2ba3e",
    "DIGEST": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "REPOSITORY": "https://gitee.com/ascend/MindSpeed.git",
    "CLONE": "git@github.com:org/repo.git",
    "MAIL": "mailto:joe@example.com",
    "PAGE": "https://h.example.com/x?page=2&sort=name",
    "PROSE": "the token is counted, bearer authentication is used",
}

Place = Callable[[str, str], dict[str, Any]]


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
    edit(kube.one("Deployment"), ("spec", "template", "spec", container, index, "env", 0, "value"), PLANTED)
    (drift,) = kube.drift(wanted).objects
    details = [field_detail(wanted, "qwen", "Deployment", field) for field in drift.fields]
    change, _ = compare_live(wanted, Live(kube.objects))

    assert details
    assert PLANTED not in repr(details)
    assert PLANTED not in repr(change.services[0].details)


@pytest.mark.parametrize(
    "line",
    [
        *(f"loading with {value}" for value in BY_SHAPE.values()),
        *(f"{name}={value} is set" for name, value in BY_NAME.items()),
        *(f"{name}: {value}" for name, value in BY_NAME.items()),
        f"args: Namespace(api_key=['{PLANTED}'], port=8080)",
        f"python -m server --api-key {PLANTED} --port 1",
        f'{{"level": "info", "password": "{PLANTED}"}}',
        f"Authorization: Bearer {PLANTED}",
        f"curl -u me:{PLANTED} http://h",
        f"curl -ume:{PLANTED} http://h",
        f"mysql -h db -p{PLANTED}",
        f"redis-cli -h redis -a {PLANTED}",
        f"sshpass -p {PLANTED} ssh h",
        f"docker login -u me -p {PLANTED} r.example.com",
        f"obsutil config -i=AK -k={PLANTED}",
        f"mc alias set x http://h AK {PLANTED}",
        f"echo {PLANTED} | docker login --password-stdin",
    ],
    ids=lambda line: line[:24],
)
def test_a_line_of_a_log_is_shown_without_credentials(line: str) -> None:
    assert PLANTED not in masked(line)


@pytest.mark.parametrize(
    "line",
    [
        "INFO 11-29 prompt_tokens: 12, max_tokens=4096, eos_token: </s>",
        "ERROR 01-01 api_server.py:222] key 'model' is missing",
        "torch_npu: EI0006 connection to 10.0.0.1:2222 timed out",
        "tokenizer: loaded from /mnt/models/Qwen2-7B",
        "GET http://10.0.0.1:8080/v1/models?limit=5 200",
    ],
)
def test_a_line_without_credentials_is_shown_unchanged(line: str) -> None:
    assert masked(line) == line


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


def test_a_change_of_a_credential_stays_visible() -> None:
    assert masked_pair("DB_PASS", "old-value", "new-value") == ("***", "*** (changed)")
    assert masked_pair("DB_PASS", None, "new-value") == (None, "***")
    assert masked_pair("port", "1", "2") == ("1", "2")


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
    ],
)
def test_a_malformed_line_is_shown_without_its_credential(tmp_path: Path, broken: str) -> None:
    file = file_with(tmp_path, qwen={"npus": 1})
    file.write_text(file.read_text().replace("npus: 1", broken))

    assert rules_of(file)
    assert PLANTED not in outputs_of_check(file, ["text", "json"])


def test_a_report_as_an_exception_shows_no_credential() -> None:
    service = f"image: a:1, model: /m/x, engine: {{maxModelLen: 1}}, env: {{A: {BY_SHAPE['openai']}}}"
    report = check(stack_of(f"qwen: {{{service}}}"))

    with pytest.raises(ValueError, match="secret-in-env") as raised:
        report.raise_for_errors(ValueError)
    assert PLANTED not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    ["password:" * 8000, "password: " * 8000, "a" * 1_000_000, "://a:" * 100_000, "eyJ" * 200_000, "token=" * 100_000],
    ids=lambda text: text[:10],
)
def test_a_long_line_is_masked_in_linear_time(text: str) -> None:
    """A quadratic mask would run for minutes here and hit the timeout of a test."""
    assert len(masked(text)) <= len(text)
    assert is_certain(text) in (True, False)
    assert is_likely("x", text) in (True, False)
    loaded = load_text("dev", "Pulumi.dev.yaml", f"config: {{{text}")
    assert loaded.findings
