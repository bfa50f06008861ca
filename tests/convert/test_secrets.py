"""A value that looks like a secret is never shown: neither in the stack file nor in the report."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.output import conversion as output
from convert import Conversion, adoption
from models.credentials import is_certain, is_credential, is_credential_name
from tests.convert.pairs import command, config, made, said

pytestmark = pytest.mark.slow

KEY_ADVICE = "it is a credential: create a Secret with it, and write server.apiKey: {secret: NAME, key: KEY}"
SECRET = "hunter2-4dabf18193"


def everything(done: Conversion) -> str:
    return done.text + output.render(done) + json.dumps(adoption(done).as_json()) + repr(done.notes)


@pytest.mark.parametrize(
    "name",
    [
        *("HF_TOKEN", "VLLM_API_KEY", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "OBS_AK", "OBS_SK", "token", "apiKey"),
        *("MYSQL_PWD", "GIT_PASS", "SSH_PRIVATE_KEY", "PROXY_AUTH", "modelscope_token", "OPENAI_APIKEY"),
    ],
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_credential_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("TOKENIZERS_PARALLELISM", "VLLM_IMAGE_FETCH_TIMEOUT", "HCCL_OP_EXPANSION_MODE", "PWD", "OLDPWD", "KEYBOARD"),
        *("VLLM_LOGGING_LEVEL", "PATH", "PYTHONPATH", "ASCEND_RT_VISIBLE_DEVICES", "MONKEY", "AUTHOR"),
    ],
)
def test_other_names_are_not(name: str) -> None:
    assert not is_credential_name(name)


@pytest.mark.parametrize(
    "value",
    [
        "http://user:hunter2@proxy:8080",
        "hf_abcdefghijklmnopqrstuvwx",
        "sk-proj-abcdefghij0123456789",
        "AKIAABCDEFGHIJKLMNOP",
        "Bearer abcdefghij",
        "-----BEGIN RSA PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        "ghp_abcdefghijklmnopqrst",
    ],
)
def test_values_of_secrets_are_known_whatever_their_name(value: str) -> None:
    assert is_certain(value)
    assert is_credential("HARMLESS", value)


@pytest.mark.parametrize(
    "value", ["http://proxy:8080", "4096", "expandable_segments:True", "/mnt/models/a@b:c", "AIV", ""]
)
def test_other_values_are_not(value: str) -> None:
    assert not is_certain(value)


@pytest.mark.parametrize("value", ["true", "false", "0", "1", "", "${HF_TOKEN}"])
def test_a_switch_and_a_reference_are_not_secrets(value: str) -> None:
    assert not is_credential("HF_TOKEN", value)


@pytest.mark.parametrize(
    "script",
    [
        command(exports=f"export HF_TOKEN={SECRET}"),
        command(exports=f"export HF_TOKEN='{SECRET}'"),
        command(exports=f"HF_TOKEN={SECRET}\nexport HF_TOKEN"),
        command(exports=f"declare -x HF_TOKEN={SECRET}"),
        command(exports=f"TOKEN={SECRET}\nexport COPY=$TOKEN"),
        command(exports=f'TOKEN={SECRET}\nexport COPY="a-${{TOKEN}}-b"'),
        command(exports=f"export http_proxy=http://user:{SECRET}@proxy:80"),
        command(exports=f"curl -H 'Authorization: Bearer {SECRET}' http://x"),
        command(exports=f"echo {SECRET} | docker login --password-stdin"),
        command(exports=f"modelscope login --token {SECRET}"),
        command(f"--api-key {SECRET}"),
        command(f"--api-key={SECRET}"),
        command(f"--api_key={SECRET}"),
        command("--api-key $KEY", exports=f"KEY={SECRET}"),
        command(f"--unknown-flag {SECRET}"),
        command(f"--hf-token {SECRET}"),
        command(f'--override-generation-config \'{{"password": "{SECRET}"}}\''),
        command(f"--otlp-traces-endpoint http://user:{SECRET}@collector"),
        command().replace("python -m", f"HF_TOKEN={SECRET} python -m"),
        command().replace("python -m", f"env HF_TOKEN={SECRET} python -m"),
        command() + f"curl -u admin:{SECRET} localhost\n",
    ],
)
def test_a_secret_of_the_script_is_never_shown(script: str) -> None:
    assert SECRET not in everything(made(script))


@pytest.mark.parametrize(
    "entry",
    [
        f"env: [{{name: HF_TOKEN, value: {SECRET}}}]",
        f"env: [{{name: HF_TOKEN, value: {SECRET}}}, {{name: COPY, value: $(HF_TOKEN)}}]",
        f"env: [{{name: A, value: 'http://u:{SECRET}@h'}}]",
        f"imagePullSecret: {SECRET}",
        f"lifecycle: {{postStart: {{exec: {{command: [login, {SECRET}]}}}}}}",
    ],
)
def test_a_secret_of_the_objects_is_never_shown(entry: str) -> None:
    objects = config().replace("        resources:", f"        {entry}\n        resources:")

    assert SECRET not in everything(made(command(), objects))


@pytest.mark.parametrize(
    "arguments",
    [
        [f"--db-password={SECRET}"],
        ["--hf-token", SECRET],
        ["sh", "-c", f"export OTP_SEED={SECRET}; run"],
        ["mysql", "-h", "db", f"-p{SECRET}"],
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize(
    ("kind", "subject"), [("containers", "the container side"), ("initContainers", "the init container side")]
)
def test_a_container_with_a_secret_in_its_arguments_is_not_copied(
    kind: str, subject: str, arguments: list[str]
) -> None:
    objects = list(yaml.safe_load_all(config()))
    deployment = next(item for item in objects if item["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    pod.setdefault(kind, []).append({"name": "side", "image": "side:1", "args": arguments})
    done = made(command(), yaml.safe_dump_all(objects))

    assert said(done, "dropped")[subject].startswith("it contains a credential")
    assert SECRET not in everything(done)


def test_a_secret_of_another_object_is_never_shown() -> None:
    objects = f"{config()}---\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{token: {SECRET}}}\n"

    assert SECRET not in everything(made(command(), objects))


def test_the_note_about_a_secret_has_the_fix() -> None:
    done = made(command("--api-key k", exports=f"export HF_TOKEN={SECRET}\nexport VLLM_API_KEY={SECRET}"))

    assert said(done, "dropped") == {
        "HF_TOKEN": "it looks like a credential: create a Secret with it, and do not write it into a file",
        "VLLM_API_KEY": KEY_ADVICE,
        "--api-key": KEY_ADVICE,
    }


names = st.sampled_from(["HF_TOKEN", "MY_SECRET", "DB_PASSWORD", "X_API_KEY", "OBS_SK"])
forms = st.sampled_from(
    [
        "export {name}={value}",
        "export {name}='{value}'",
        '{name}="{value}"\nexport {name}',
        "{name}={value}\nexport OTHER=x${{{name}}}y",
        "export OTHER=${{{name}:-{value}}}",
        "declare -x {name}={value}",
        "{name}={value}\nA=$" + "{name}\nexport B=$A",
    ]
)


@settings(max_examples=60, deadline=None)
@given(names, forms, st.text("abcdefXYZ0123456789", min_size=8, max_size=20))
def test_no_form_of_an_assignment_shows_a_secret(name: str, form: str, value: str) -> None:
    marked = f"Zq{value}qZ"

    assert marked not in everything(made(command(exports=form.format(name=name, value=marked))))
