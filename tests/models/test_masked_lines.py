"""The mask of lines: of a log, and of long lines."""

from __future__ import annotations

import pytest

from models.credentials import is_certain, is_likely, masked
from models.credentials.mask import masked_message
from models.stack_file.load import load_text
from tests.models.planted import BY_NAME, BY_SHAPE, PLANTED

pytestmark = pytest.mark.slow


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
        f"obsutil config -i={PLANTED} -k=x",
        f"mc alias set x http://h AK {PLANTED}",
        f"echo {PLANTED} | docker login --password-stdin",
        f"keytool -storepass {PLANTED} -keystore x",
        f"unrar x -p{PLANTED} a.rar",
        f"ipmitool -I lanplus -U admin -P {PLANTED} power status",
        f"swanlab login -k {PLANTED}",
        f"snmpwalk -v3 -u me -A other -x AES -X {PLANTED} h",
        f"huggingface_hub.login('{PLANTED}')",
        f'smtp.login("me", "{PLANTED}")',
        f"wandb.login(key='{PLANTED}')",
        f"requests.get(url, auth=('me', '{PLANTED}'))",
        f'HTTPBasicAuth("me", "{PLANTED}")',
        f"api.set_access_token('{PLANTED}')",
        f"htpasswd -bc users joe {PLANTED}",
        f"htpasswd -nb joe {PLANTED}",
        f"setenv HF_TOKEN {PLANTED}",
        f"set -gx HF_TOKEN '{PLANTED}'",
        f"os.environ.setdefault('HF_TOKEN', '{PLANTED}')",
        f'<add key="Password" value="{PLANTED}"/>',
        f'[{{"name":"DB_PASS","value":"{PLANTED}"}}]',
        f'{{\\"name\\": \\"DB_PASS\\", \\"value\\": \\"{PLANTED}\\"}}',
        f'password="a\\"{PLANTED}"',
        f'password="it\'s {PLANTED}"',
        f"eyJhbGciOiJSU0EtT0FFUCJ9.OKOawDo13gRp2ojaHV.{PLANTED}.{PLANTED}.{PLANTED}",
        f"v2.local.{PLANTED}{PLANTED}{PLANTED}{PLANTED}",
        f"['--token', {{value: {PLANTED}}}]",
        f"['-p','{PLANTED}']",
        f"getpass('{PLANTED}')",
        f"rclone config create r s3 provider AWS access_key_id A secret_access_key {PLANTED}",
        f"sqlplus -s me/{PLANTED}@db",
        f"cqlsh -u a -p {PLANTED}",
        f"skopeo login -u joe -p {PLANTED} r",
        f"kubectl create secret generic x --from-literal=a=b --from-literal=greeting={PLANTED}",
        f"pulumi config set --secret x {PLANTED}",
        f"rabbitmqctl add_user joe {PLANTED}",
        f"ssh-keygen -N {PLANTED} -f k",
        f"echo {PLANTED} > /etc/password.txt",
        f"echo -n {PLANTED} | cryptsetup open /dev/x y --key-file=-",
        f"npm config set //r/:_authToken {PLANTED}",
        f"CREATE USER joe IDENTIFIED BY '{PLANTED}'",
        f"CONFIG SET requirepass {PLANTED}",
        f"ENV DB_PASS {PLANTED}",
        f"os.getenv('API_TOKEN', '{PLANTED}')",
        f"[Environment]::SetEnvironmentVariable('API_KEY', '{PLANTED}')",
        f"const token: string = '{PLANTED}'",
        f"read -s TOKEN <<< {PLANTED}",
        f"password: &p {PLANTED}",
        f"password: !!str {PLANTED}",
        f"password: >-\n  {PLANTED}",
        f'{{"value": "{PLANTED}", "name": "DB_PASS"}}',
        f"password for joe: {PLANTED}",
        f"密码是 {PLANTED}",
        f"密码为{PLANTED}",
        f"密码：{PLANTED}",
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
        "set -eux HF_HOME /cache, setenv PATH /usr/bin, htpasswd -n joe",
        '[{"name": "LOG_LEVEL", "value": "debug"}, {"name": "EOS_TOKEN", "value": "</s>"}]',
    ],
)
def test_a_line_without_credentials_is_shown_unchanged(line: str) -> None:
    assert masked(line) == line


@pytest.mark.parametrize(
    "text",
    [
        "password:" * 8000,
        "password: " * 8000,
        "password='" * 8000,
        'token=\\"' * 8000,
        "setenv " * 8000,
        "name:a value " * 8000,
        "a" * 1_000_000,
        "://a:" * 100_000,
        "eyJ" * 200_000,
        "token=" * 100_000,
    ],
    ids=lambda text: text[:10],
)
def test_a_long_line_is_masked_in_linear_time(text: str) -> None:
    """A quadratic mask would run for minutes here and hit the timeout of a test."""
    assert len(masked(text)) <= len(text)
    assert is_certain(text) in (True, False)
    assert is_likely("x", text) in (True, False)
    loaded = load_text("dev", "Pulumi.dev.yaml", f"config: {{{text}")
    assert loaded.findings


@pytest.mark.parametrize(
    "call",
    [f"auth.Check(secret='{PLANTED}')", f"a(token = '{PLANTED}', b='c')", f'a(password=\\"{PLANTED}\\")'],
)
def test_a_fix_that_repeats_a_text_with_quotes_shows_no_credential_in_it(call: str) -> None:
    fix = masked_message(f'write server.extraArgs.middleware: ["{call}"]')

    assert PLANTED not in fix
    assert fix.startswith('write server.extraArgs.middleware: ["a')
