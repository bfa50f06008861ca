"""Secrets by reference: what a stack file may say, what is made of it, and what is never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app
from models.finding import Finding
from models.launch.launch import launch, script
from models.manifests import service_objects, stack_objects
from models.manifests.secrets import secret_objects
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.load import load_stack
from tests.models.loading import CLUSTER, SERVICE, Engine, findings, load, rules

VALUE = "canary-8f0e2d"
KEY = "  ascend-vllm:api: {secure: v1:8yXn4qJwGYs=:ZkE0}\n"
OTHER = "  ascend-vllm:api: {secure: v1:b5kqPd01AAA=:Yq1x}\n"
API = "server: {apiKey: {config: api}}"


def text(fields: str, keys: str = KEY) -> str:
    return f"config:\n{CLUSTER}{keys}  ascend-vllm:services:\n    qwen: {SERVICE.removesuffix('}')}, {fields}}}\n"


def stack(tmp_path: Path, fields: str, keys: str = KEY) -> ResolvedStack:
    loaded = load(tmp_path, text(fields, keys))
    assert [finding.rule for finding in loaded.findings] == []
    return resolve(loaded)


def one(tmp_path: Path, fields: str, keys: str = KEY) -> Finding:
    (finding,) = findings(load(tmp_path, text(fields, keys)))
    return finding


def pod(service: ResolvedService) -> dict[str, Any]:
    spec: dict[str, Any] = [*service_objects(service)][1]["spec"]["template"]["spec"]
    return spec


def test_a_secret_key_of_the_stack_becomes_a_secret_named_by_its_ciphertext(tmp_path: Path) -> None:
    found = stack(tmp_path, API)
    (item,) = secret_objects(found)
    (variable,) = pod(found.services[0])["containers"][0]["env"]
    name = item["metadata"]["name"]

    assert name == "api-b21a0f8ddc"
    assert variable["valueFrom"]["secretKeyRef"] == {"name": name, "key": "value"}
    assert (item["type"], item["immutable"]) == ("Opaque", True)
    assert not {"data", "stringData"} & item.keys()


def test_a_new_value_has_a_new_name_and_a_revert_gets_the_old_one_back(tmp_path: Path) -> None:
    names = [stack(tmp_path, API, keys).secrets[0].name for keys in (KEY, OTHER, KEY)]

    assert names[0] == names[2] != names[1]


def test_a_key_that_several_services_and_variables_want_is_one_secret(tmp_path: Path) -> None:
    found = stack(tmp_path, f"{API}, env: {{A_TOKEN: {{config: api}}, B_TOKEN: {{config: api}}}}")

    assert len(found.secrets) == 1


def test_a_variable_from_a_secret_is_the_pods_and_not_the_scripts(tmp_path: Path) -> None:
    service = stack(tmp_path, "env: {A: plain, B: {secret: keys, key: b}, C: {config: api}}").services[0]
    start = launch(service)

    assert "export A=plain" in script(start)
    assert not {"B", "C"} & start.environment.keys()
    assert [one["name"] for one in pod(service)["containers"][0]["env"]] == ["B", "C"]
    assert pod(service)["containers"][0]["env"][0]["valueFrom"] == {"secretKeyRef": {"name": "keys", "key": "b"}}


def test_pull_secrets_are_the_pods_and_the_jobs_and_each_is_named_once(tmp_path: Path) -> None:
    found = stack(tmp_path, "smoke: true, pullSecrets: [registry, {config: api}, registry]")
    (item,) = secret_objects(found)
    expected = [{"name": "registry"}, {"name": item["metadata"]["name"]}]
    job = [*service_objects(found.services[0])][3]["spec"]["template"]["spec"]

    assert pod(found.services[0])["imagePullSecrets"] == job["imagePullSecrets"] == expected
    assert item["type"] == "kubernetes.io/dockerconfigjson"
    assert item["metadata"]["name"].startswith("api-pull-")


def test_a_key_for_a_registry_and_for_a_variable_makes_two_secrets(tmp_path: Path) -> None:
    found = stack(tmp_path, f"{API}, pullSecrets: [{{config: api}}]")

    assert len({one.name for one in found.secrets}) == 2


def test_without_a_file_the_secret_has_the_name_of_its_key(tmp_path: Path) -> None:
    service = {"image": "a:1", "model": "/m/x", "engine": {"maxModelLen": 1}, "server": {"apiKey": {"config": "api"}}}
    engine = Engine({"cluster": {"context": "prod"}, "services": {"qwen": service}})
    found = resolve(load_stack("dev", engine, tmp_path))

    assert [one.name for one in found.secrets] == ["api"]
    assert [one.rule for one in found.findings] == []


def test_a_key_that_only_the_engine_has_as_from_another_file_is_taken_from_it(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(text("npus: 1", ""))
    service = {"image": "a:1", "model": "/m/x", "engine": {"maxModelLen": 1}, "server": {"apiKey": {"config": "api"}}}
    engine = Engine({"cluster": {"context": "prod"}, "services": {"qwen": service}, "api": VALUE})
    found = resolve(load_stack("dev", engine, tmp_path))

    assert [one.name for one in found.secrets] == ["api"]
    assert [one.rule for one in found.findings] == []


def test_the_objects_that_are_printed_hold_no_secret(tmp_path: Path) -> None:
    assert "Secret" not in {item["kind"] for item in stack_objects(stack(tmp_path, API))}


def test_services_of_the_base_file_refer_to_keys_of_the_stack(tmp_path: Path) -> None:
    base = f"services:\n  qwen: {SERVICE.removesuffix('}')}, {API}}}\n"
    own = f"config:\n{CLUSTER}{KEY}  ascend-vllm:base: base.yaml\n  ascend-vllm:services: {{}}\n"

    assert [one.config for one in resolve(load(tmp_path, own, base=base)).secrets] == ["api"]


MISSING = "run pulumi config set --secret api --stack dev"


def test_a_key_that_is_not_set_is_refused_with_the_command_that_sets_it(tmp_path: Path) -> None:
    finding = one(tmp_path, API, keys="")

    assert (finding.rule, finding.fix) == ("config-secret", MISSING)
    assert finding.message == "the stack has no secret key api"
    assert [mark.path for mark in finding.marks] == [("services", "qwen", "server", "apiKey")]


@pytest.mark.parametrize("keys", [f"  ascend-vllm:api: {VALUE}\n", f"  ascend-vllm:api: {{a: {VALUE}}}\n"])
def test_a_key_in_plain_text_is_refused(tmp_path: Path, keys: str) -> None:
    finding = one(tmp_path, API, keys)

    assert finding.message == "api is plain text in the stack file"
    assert finding.fix.endswith(MISSING)


def test_the_stacks_own_keys_are_no_secrets(tmp_path: Path) -> None:
    assert one(tmp_path, "server: {apiKey: {config: services}}", "").fix.startswith("choose another key name")


def test_a_secret_key_that_nothing_refers_to_is_unknown(tmp_path: Path) -> None:
    finding = one(tmp_path, "npus: 1")

    assert (finding.rule, finding.message) == ("unknown-key", "unknown key 'ascend-vllm:api'")


def test_a_secret_key_of_a_service_that_is_refused_is_not_unknown(tmp_path: Path) -> None:
    assert rules(load(tmp_path, text(f"{API}, npus: two"))) == ["bad-value"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            "server: {apiKey: {config: a, secret: b, key: c}}",
            "must be {secret: …, key: …} or {config: …}, but it has",
        ),
        ("server: {apiKey: {secret: b}}", "key is missing"),
        ("server: {apiKey: {}}", "apiKey must be {secret: …, key: …} or {config: …}"),
        (
            "env: {A: {config: a, key: c}}",
            "A must be {secret: …, key: …}, {config: …}, {field: …} or {prepend: …}, but it has key and config",
        ),
        ("env: {A: {config: A_B}}", "must consist of a-z, 0-9 and -"),
        ("env: {A: {secret: a..b, key: c}}", "must consist of a-z, 0-9, - and ."),
        ("env: {A: {secret: a.-b, key: c}}", "must consist of a-z, 0-9, - and ."),
        ("env: {A: {secret: a, key: ..}}", "must be letters, digits, -, _, ."),
        ("env: {A: {secret: a, key: .}}", "must be letters, digits, -, _, ."),
        ("env: {A: 5}", "A must be text, not the number 5"),
        ("env: {A: {secrt: a}}", "unknown key 'secrt'"),
        ("pullSecrets: [{}]", "pullSecrets[0] must be {secret: …} or {config: …}"),
        ("pullSecrets: [{config: a, secret: b}]", "must be {secret: …} or {config: …}, but it has secret and config"),
        ("pullSecrets: registry", "pullSecrets must be a list"),
    ],
)
def test_a_reference_has_exactly_one_form(tmp_path: Path, fields: str, message: str) -> None:
    assert message in one(tmp_path, fields, "").message


def test_names_with_dots_are_taken_as_kubernetes_takes_them(tmp_path: Path) -> None:
    given = "env: {A: {secret: a.b-c.0, key: .dockerconfigjson}, B: {secret: b, key: tls.key}}"

    assert findings(load(tmp_path, text(given, ""))) == []


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "DB_PASSWORD", "OBS_SECRET", "MY_SECRET_KEY", "OPENAI_API_KEY",
             "AWS_SECRET_ACCESS_KEY", "hf_token", "PASSWORD", "accessKey", "APIKEY", "OBS_SK", "DB_PWD",
             "SSH_PASSPHRASE"],
)  # fmt: skip
def test_a_value_under_the_name_of_a_credential_is_a_warning_that_can_be_accepted(tmp_path: Path, name: str) -> None:
    finding = one(tmp_path, f"env: {{{name}: {VALUE}}}", "")
    accepted = load(tmp_path, text(f"env: {{{name}: {VALUE}}}, accept: {{secret-name: not a credential}}", ""))

    assert (finding.rule, finding.severity) == ("secret-name", "warning")
    assert f"env.{name}: {{secret: " in finding.fix
    assert rules(accepted) == []


@pytest.mark.parametrize(
    "value", ["hf_" + "a1" * 12, "sk-" + "a1" * 12, "AKIA" + "A1" * 8, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0"]
)
def test_a_credential_in_plain_text_is_refused_by_its_look(tmp_path: Path, value: str) -> None:
    assert one(tmp_path, f"env: {{ANYTHING: {value}}}", "").rule == "secret-in-env"


LIMITS = "securityContext: {runAsUser: 1, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"
SIDECAR = (
    "podTemplate: {{spec: {{{part}: [{{name: a, image: 'a:1', "
    + LIMITS.replace("{", "{{").replace("}", "}}")
    + ", {given}}}]}}}}"
)
LOOKS = "hf_" + "a1" * 12


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        (SIDECAR.format(part="containers", given=f"env: [{{name: DB_PASSWORD, value: {LOOKS}}}]"), "env.0.value"),
        (SIDECAR.format(part="initContainers", given=f"env: [{{name: A, value: {LOOKS}}}]"), "env.0.value"),
        (SIDECAR.format(part="containers", given=f"args: ['--with={LOOKS}']"), "args.0"),
        (f"podTemplate: {{metadata: {{annotations: {{a.b/c: {LOOKS}}}}}}}", "annotations.a.b/c"),
        (f"expose: {{annotations: {{a.b/c: {LOOKS}}}}}", "expose.annotations.a.b/c"),
        (f"server: {{extraArgs: {{sslCertfile: /t, sslKeyfile: {LOOKS}}}}}", "server.extraArgs.sslKeyfile"),
    ],
)
def test_a_credential_in_plain_text_is_refused_wherever_it_stands(tmp_path: Path, fields: str, where: str) -> None:
    finding = one(tmp_path, fields, "")

    assert finding.rule == "secret-in-env"
    assert finding.marks[0].field.endswith(where)
    assert "secretKeyRef" in finding.fix


def test_a_sidecars_variable_from_a_secret_is_accepted(tmp_path: Path) -> None:
    given = "env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}, {name: A, value: b}]"

    assert findings(load(tmp_path, text(SIDECAR.format(part="containers", given=given), ""))) == []


@pytest.mark.parametrize(
    "env", ['HF_HUB_DISABLE_IMPLICIT_TOKEN: "1"', 'MAX_TOKENS: "4096"', "HF_TOKEN_PATH: /run/hf", 'HF_TOKEN: ""',
            "TOKENIZERS_PARALLELISM: off", "IMAGE: 'a:1@sha512:0f'", "MAIL: 'mailto:a@b.c'", "OLD_PWD_MODE: x",
            "DISK: fast", "A_TOKEN: {secret: a, key: b}", "SOME_KEY: plain"],
)  # fmt: skip
def test_what_is_no_credential_is_left_alone(tmp_path: Path, env: str) -> None:
    assert findings(load(tmp_path, text(f"env: {{{env}}}", ""))) == []


@pytest.mark.parametrize(
    "fields",
    [
        f"env: {{PROXY: 'http://me:{VALUE}@proxy:3128'}}",
        f"env: {{https_proxy: 'me:{VALUE}@proxy.example.com:3128'}}",
        f"engine: {{maxModelLen: 4096, servedModelName: ['x', 'http://me:{VALUE}@h/x']}}",
        f"mindSpeed: {{kind: install, repository: 'https://me:{VALUE}@git/x.git'}}",
        f"server: {{extraArgs: {{rootPath: 'https://me:{VALUE}@h/x'}}}}",
        f"accept: {{'https://me:{VALUE}@h': x}}",
    ],
    ids=lambda fields: str(fields).partition(":")[0],
)
def test_a_password_in_an_address_is_refused_wherever_it_stands(tmp_path: Path, fields: str) -> None:
    whole = text(fields, "") if "engine" not in fields else text("npus: 1", "").replace(
        "engine: {maxModelLen: 4096}", fields
    )  # fmt: skip
    found = rules(load(tmp_path, whole))

    assert ("unused-accept" if "accept" in fields else "secret-in-url") in found


PLAIN = [
    text(f"env: {{HF_TOKEN: {VALUE}}}", ""),
    text(f"env: {{HF_TOKEN: '{VALUE} and more'}}, npus: two", ""),
    text(f"env: {{A: 'http://me:{VALUE}@proxy:3128'}}, npuss: 1", ""),
    text(f"server: {{apiKey: {VALUE}}}", ""),
    text(f"server: {{extraArgs: {{apiKey: {VALUE}}}}}", ""),
    text(f"env: {{VLLM_API_KEY: {VALUE}}}", ""),
    text(f"image: 'https://me:{VALUE}@registry/x'", "").replace("image: a:1, ", ""),
    text(f"pullSecrets: [{{config: api, password: {VALUE}}}]"),
    text(f"env: {{HF_TOKEN: [{VALUE}]}}", ""),
    text(f"env: {{HF_TOKEN: !!int {VALUE}}}", ""),
    text(API, f"  ascend-vllm:api: {VALUE}\n"),
    text(API, f"  ascend-vllm:api: |-\n    {VALUE}\n    more\n"),
    text("npus: 1", f"  ascend-vllm:api: {VALUE}\n"),
    text("npus: 1", f"  ascend-vllm:api: {VALUE}: not YAML\n"),
    text("npus: 1", f"  ascend-vllm:api: *{VALUE}\n"),
    text("npus: 1", f"  ascend-vllm:api: '{VALUE}\n"),
    text(f"env: {{HF_TOKEN: {VALUE}: [}}", ""),
    text("npus: 1", f"  api: {VALUE}\n"),
    text(f"image: 'me:{VALUE}@registry/x:1'", "").replace("image: a:1, ", ""),
    text(f"server: {{apiKey: {{secret: {VALUE}}}}}", ""),
    text(f"server: {{apiKey: {{secret: A-{VALUE}, key: k}}}}", ""),
    text(f"server: {{apiKey: {{key: {VALUE}}}}}", ""),
    text(f"server: {{apiKey: {{value: {VALUE}}}}}", ""),
    text(f"env: {{HF_TOKEN: {{config: A-{VALUE}}}}}", ""),
    text(f"env: {{DATABASE: {{secret: {VALUE}}}}}", ""),
    text(f"""pullSecrets: ['{{"auth": "{VALUE}"}}']""", ""),
    text(f"pullSecrets: [{{auths: {{r: {{auth: {VALUE}=}}}}}}]", ""),
    text(API, f"  ascend-vllm:api: {{a: {{b: {VALUE}}}}}\n"),
    text(SIDECAR.format(part="containers", given=f"env: [{{name: DB_PASSWORD, value: {VALUE}}}]"), ""),
]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "concise"])
@pytest.mark.parametrize("file", PLAIN, ids=range(len(PLAIN)))
def test_a_value_in_plain_text_is_shown_by_no_finding(tmp_path: Path, file: str, form: str) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(file)
    done = CliRunner().invoke(app, ["check", str(tmp_path / "Pulumi.dev.yaml"), "--verbose", "--format", form])

    assert done.exit_code == (0 if form == "sarif" else 1), done.output
    assert VALUE not in done.output
    assert "canary" not in done.output


def test_what_is_hidden_keeps_the_place_of_the_rest(tmp_path: Path) -> None:
    found = findings(load(tmp_path, text(f"env: {{HF_TOKEN: {VALUE}}}, npuss: 1", "")))
    span = next(finding.span for finding in found if finding.rule == "unknown-key")

    assert span is not None
    assert span.text[span.column - 1 :].startswith("npuss: 1")
    assert f"HF_TOKEN: {'*' * len(VALUE)}}}" in span.text


def test_verbose_shows_references_and_hides_values(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(text(f"{API}, env: {{HF_TOKEN: {{secret: hf, key: t}}}}"))
    done = CliRunner().invoke(app, ["check", str(tmp_path / "Pulumi.dev.yaml"), "--verbose"])

    assert "Secret api-b21a0f8ddc, key value" in done.output
    assert "Secret hf, key t" in done.output


def test_render_lists_the_secrets_that_must_exist(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(text(f"{API}, pullSecrets: [registry]"))
    printed = CliRunner().invoke(app, ["render", str(tmp_path / "Pulumi.dev.yaml")])
    written = CliRunner().invoke(app, ["render", str(tmp_path / "Pulumi.dev.yaml"), "-o", str(tmp_path / "out")])
    index = (tmp_path / "out" / "kustomization.yaml").read_text()
    made = "api-b21a0f8ddc, key value: the value of `pulumi config get api`"

    assert made in printed.stderr
    assert made not in printed.stdout
    assert "registry, key .dockerconfigjson\n" in printed.stderr
    assert f"#   {made}\n" in index
    assert "kind: Kustomization" in index
    assert written.exit_code == 0


def test_a_new_value_restarts_the_pods_and_the_line_that_says_so_is_the_cause(tmp_path: Path) -> None:
    for name, keys in (("a", KEY), ("b", OTHER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Pulumi.dev.yaml").write_text(text(f"{API}, env: {{HF_TOKEN: {{config: api}}}}", keys))
    files = [str(tmp_path / name / "Pulumi.dev.yaml") for name in "ab"]
    done = CliRunner().invoke(app, ["diff", *files, "--format", "json"])
    (service,) = json.loads(done.output)["stacks"][0]["services"]

    assert service["restarts"]
    told = {one["name"]: (one["old"], one["new"], one["because"]) for one in service["details"]}
    old, new = "Secret api-b21a0f8ddc, key value", told["API key"][1]
    assert told["API key"] == told["HF_TOKEN"] == (old, new, f"{files[1]}:3")


@pytest.mark.parametrize("env", [f"HF_TOKEN: {VALUE}", f"ANYTHING: hf_{'a1' * 12}", f"P: 'http://me:{VALUE}@h'"])
@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_diff_shows_no_value_that_an_older_file_has_in_plain_text(tmp_path: Path, env: str, form: str) -> None:
    files = []
    for name, fields in (("a", f"env: {{{env}}}"), ("b", "npus: 1")):
        (tmp_path / name).mkdir()
        files.append(tmp_path / name / "Pulumi.dev.yaml")
        files[-1].write_text(text(fields, ""))
    done = CliRunner().invoke(app, ["diff", *map(str, files), "--format", form])

    assert "***" in done.output
    assert VALUE not in done.output
    assert "a1a1" not in done.output
