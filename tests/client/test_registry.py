"""The digest of an image, asked of its registry."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from client.registry import LARGEST_MANIFEST, Login, RegistryError, image_digest, image_reference
from tests.client.registry_server import DIGEST, StandInRegistry, registry

pytestmark = pytest.mark.slow

PASSWORD = "hunter2-of-the-registry"


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory for the file of `docker login`."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def write_login(directory: Path, address: str, password: str = PASSWORD) -> None:
    auth = base64.b64encode(f"ci:{password}".encode()).decode()
    (directory / "config.json").write_text(json.dumps({"auths": {address: {"auth": auth}}}))


@pytest.mark.parametrize(
    ("image", "url"),
    [
        ("quay.io/ascend/vllm-ascend:v0.23.0", "https://quay.io/v2/ascend/vllm-ascend/manifests/v0.23.0"),
        ("registry:5000/a:1", "https://registry:5000/v2/a/manifests/1"),
        ("localhost:5000/a/b", "http://localhost:5000/v2/a/b/manifests/latest"),
        ("127.0.0.1:5000/a:1", "http://127.0.0.1:5000/v2/a/manifests/1"),
        ("vllm-ascend:1", "https://registry-1.docker.io/v2/library/vllm-ascend/manifests/1"),
        ("docker.io/ascend/vllm:1", "https://registry-1.docker.io/v2/ascend/vllm/manifests/1"),
    ],
)
def test_the_name_of_an_image_says_which_registry_is_asked(image: str, url: str) -> None:
    assert image_reference(image).url == url


def test_an_open_registry_tells_the_digest() -> None:
    with registry(StandInRegistry()) as server:
        assert image_digest(server.image) == DIGEST


def test_a_registry_that_does_not_name_the_digest_sends_the_manifest_that_has_it() -> None:
    with registry(StandInRegistry(names_the_digest=False)) as server:
        assert image_digest(server.image) == DIGEST


def test_a_token_for_everybody_needs_no_login() -> None:
    with registry(StandInRegistry(access="token")) as server:
        assert image_digest(server.image) == DIGEST
    assert server.authorizations == [""]


@pytest.mark.parametrize("access", ["basic", "token"])
def test_the_login_of_docker_is_used(access: str, docker_config: Path) -> None:
    stand_in = StandInRegistry(access=access, login=("ci", PASSWORD))  # type: ignore[arg-type]
    with registry(stand_in) as server:
        write_login(docker_config, server.address)

        assert image_digest(server.image) == DIGEST


def test_a_credential_helper_of_docker_is_asked(docker_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = docker_config / "docker-credential-team"
    answer = json.dumps({"Username": "ci", "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\necho '{answer}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker_config}:/usr/bin:/bin")
    with registry(StandInRegistry(access="basic", login=("ci", PASSWORD))) as server:
        (docker_config / "config.json").write_text(json.dumps({"credHelpers": {server.address: "team"}}))

        assert image_digest(server.image) == DIGEST


@pytest.mark.parametrize("access", ["basic", "token", "closed"])
def test_a_wrong_password_is_a_message_that_does_not_show_it(access: str, docker_config: Path) -> None:
    stand_in = StandInRegistry(access=access, login=("ci", "another"))  # type: ignore[arg-type]
    with registry(stand_in) as server:
        write_login(docker_config, server.address)
        with pytest.raises(RegistryError) as refusal:
            image_digest(server.image)

    text = f"{refusal.value.message} {refusal.value.fix} {refusal.value!r}"
    assert PASSWORD not in text
    assert server.address in refusal.value.message


def test_a_login_does_not_show_its_password() -> None:
    assert PASSWORD not in repr(Login("ci", PASSWORD))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"auths": {"HOST": {"auth": "%%%"}}}', '{"auths": {"HOST": {}}}'])
def test_a_file_of_docker_login_that_cannot_be_used_is_no_login(content: str, docker_config: Path) -> None:
    with registry(StandInRegistry(access="basic")) as server:
        (docker_config / "config.json").write_text(content.replace("HOST", server.address))
        with pytest.raises(RegistryError, match="refuses to show ascend/vllm-ascend"):
            image_digest(server.image)


def test_an_image_that_the_registry_does_not_have_is_named() -> None:
    with registry(StandInRegistry()) as server, pytest.raises(RegistryError) as refusal:
        image_digest(server.image.replace("v0.23.0", "v9"))

    assert refusal.value.message == f"the registry {server.address} has no image ascend/vllm-ascend:v9"


def test_a_registry_that_is_out_of_order_is_a_message() -> None:
    with registry(StandInRegistry(status=503)) as server, pytest.raises(RegistryError, match="status 503"):
        image_digest(server.image)


def test_a_registry_that_cannot_be_reached_is_a_message() -> None:
    with registry(StandInRegistry()) as server:
        pass

    with pytest.raises(RegistryError, match="cannot be reached"):
        image_digest(server.image)


@pytest.mark.parametrize(
    "manifest",
    [b"<html>log in</html>", b"", b"[]", b'{"schemaVersion": 1}', b'{"errors": []}', b"x" * (LARGEST_MANIFEST + 1)],
    ids=["page", "nothing", "list", "version 1", "errors", "too large"],
)
def test_a_page_of_a_proxy_is_no_manifest(manifest: bytes) -> None:
    with registry(StandInRegistry(manifest=manifest)) as server, pytest.raises(RegistryError) as refusal:
        image_digest(server.image)

    assert "does not answer with the manifest of an image" in refusal.value.message
    assert "proxy" in refusal.value.fix


def test_a_digest_that_is_not_that_of_the_manifest_is_refused() -> None:
    other = f"sha256:{'0' * 64}"
    with registry(StandInRegistry(digest=other)) as server, pytest.raises(RegistryError) as refusal:
        image_digest(server.image)

    assert f"names the digest {other} for a manifest with {DIGEST}" in refusal.value.message


def test_a_name_of_a_digest_that_is_none_is_not_used() -> None:
    with registry(StandInRegistry(digest="sha512:abc")) as server:
        assert image_digest(server.image) == DIGEST


@pytest.mark.parametrize("answer", [b"[]", b'{"token": 5}', b"null", b'{"token": ""}', b"no json"])
def test_a_token_service_without_a_token_is_a_message(answer: bytes) -> None:
    stand_in = StandInRegistry(access="token", token_answer=answer)
    with registry(stand_in) as server, pytest.raises(RegistryError, match="returns no token"):
        image_digest(server.image)


@pytest.mark.parametrize("content", ['{"auths": []}', '{"auths": {"ADDRESS": 1}}', '{"credHelpers": [1]}', "[]"])
def test_a_file_of_docker_login_of_another_form_is_no_login(content: str, docker_config: Path) -> None:
    with registry(StandInRegistry(access="token")) as server:
        (docker_config / "config.json").write_text(content.replace("ADDRESS", server.address))

        assert image_digest(server.image) == DIGEST
