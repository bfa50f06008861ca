"""Ask a registry for the digest of an image (OCI distribution specification, "Pulling manifests").

The credentials are those of `docker login`, or of a credential helper. They are sent to the registry and to the token
service that it names, and shown nowhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import parse_http_list, parse_keqv_list

from models.stack_file.texts import disk

if TYPE_CHECKING:
    import httpx

TIMEOUT = 10.0
"""Longest wait for a connection and for the next byte of an answer, in seconds."""

LARGEST_MANIFEST = 4 << 20
"""Bytes of the largest manifest that a registry has to accept (OCI distribution specification, "Pushing manifests")."""

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
"""Hosts whose registries are reached without TLS, as container runtimes do it."""

_DOCKER_HUB = "registry-1.docker.io"
_DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"
"""The name of Docker Hub in the file of `docker login`."""

_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class RegistryError(Exception):
    """The digest of an image cannot be read from its registry, with a message and a fix."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclass(frozen=True)
class ImageReference:
    """The parts of the name of an image."""

    host: str
    """The registry's host, and its port if it has one."""
    repository: str
    tag: str

    @property
    def url(self) -> str:
        """The address of the manifest of the image."""
        name, _, _ = self.host.rpartition(":")
        is_local = self.host in _LOCAL_HOSTS or name in _LOCAL_HOSTS
        scheme = "http" if is_local else "https"
        return f"{scheme}://{self.host}/v2/{self.repository}/manifests/{self.tag}"


@dataclass(frozen=True)
class Login:
    """A user of a registry."""

    user: str
    password: str

    def __repr__(self) -> str:
        """The user only: the password is shown nowhere."""
        return f"Login({self.user!r})"


def image_reference(image: str) -> ImageReference:
    """The parts of the name of an image. A name without a registry is one of Docker Hub."""
    first, slash, rest = image.partition("/")
    has_registry = bool(slash) and (
        "." in first or ":" in first or first == "localhost"
    )
    host, name = (first, rest) if has_registry else (_DOCKER_HUB, image)
    repository, _, tag = name.partition(":")
    if host in ("docker.io", "index.docker.io"):
        host = _DOCKER_HUB
    if host == _DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return ImageReference(host, repository, tag or "latest")


def image_digest(image: str) -> str:
    """The digest of an image, such as `sha256:…`, as its registry has it now.

    Args:
        image: The name of the image with its tag, without a digest.

    Raises:
        RegistryError: The registry cannot be reached, refuses the request, or does not have the image.
    """
    import httpx

    reference = image_reference(image)
    with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client:
        try:
            answer = _ask(client, reference)
        except httpx.HTTPError as problem:
            raise RegistryError(
                f"the registry {reference.host} cannot be reached: {_reason(problem)}",
                "connect to the registry, or give the digest with --set",
            ) from None
        except ValueError as problem:
            raise RegistryError(
                f"the registry {reference.host} returns no token: {problem}",
                "give the digest with --set",
            ) from None
    if answer.status_code in (401, 403):
        raise RegistryError(
            f"the registry {reference.host} refuses to show {reference.repository}",
            f"run docker login {reference.host}, or give the digest with --set",
        )
    if answer.status_code == 404:
        raise RegistryError(
            f"the registry {reference.host} has no image {reference.repository}:{reference.tag}",
            "correct the image in the stack file",
        )
    if answer.status_code != 200:
        raise RegistryError(
            f"the registry {reference.host} answers with status {answer.status_code}",
            "try again later, or give the digest with --set",
        )
    return _digest_of_manifest(answer, reference)


@dataclass(frozen=True)
class _Answer:
    """The answer of a registry, with no more of its content than a manifest has."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


def _digest_of_manifest(answer: _Answer, reference: ImageReference) -> str:
    """The digest of a manifest.

    Raises:
        RegistryError: It is no manifest of an image, or the registry names another digest for it.
    """
    if not _is_manifest(answer.content):
        content_type = answer.headers.get("Content-Type", "no content type")
        raise RegistryError(
            f"the registry {reference.host} does not answer with the manifest of an image"
            f" ({_plain(content_type)})",
            "check whether a proxy answers instead of it, or give the digest with --set",
        )
    digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    named = answer.headers.get("Docker-Content-Digest", "")
    if named.startswith("sha256:") and named != digest:
        raise RegistryError(
            f"the registry {reference.host} names the digest {_plain(named)} for a manifest with {digest}",
            "push the image again, or give the digest with --set",
        )
    return digest


def _is_manifest(content: bytes) -> bool:
    """Whether a content is the manifest of an image, or the index of several."""
    if len(content) > LARGEST_MANIFEST:
        return False
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        return False
    if not isinstance(manifest, dict) or manifest.get("schemaVersion") != 2:
        return False
    return isinstance(manifest.get("manifests"), list) or "config" in manifest


def _plain(text: str) -> str:
    """A text of a server without characters that a terminal obeys, and not longer than a line."""
    letters = [letter if letter.isprintable() else "?" for letter in text[:100]]
    return "".join(letters)


def _get(
    client: httpx.Client,
    url: str,
    headers: Mapping[str, str],
    auth: tuple[str, str] | None = None,
) -> _Answer:
    """Read an answer. One that is too large for a manifest is not read to its end."""
    content = b""
    with client.stream("GET", url, headers=dict(headers), auth=auth) as response:
        for part in response.iter_bytes():
            content += part
            if len(content) > LARGEST_MANIFEST:
                break
        return _Answer(response.status_code, response.headers, content)


def _ask(client: httpx.Client, reference: ImageReference) -> _Answer:
    """Read the manifest of an image; with a login or a token if the registry requires one."""
    headers = {"Accept": ", ".join(_MANIFESTS)}
    answer = _get(client, reference.url, headers)
    if answer.status_code != 401:
        return answer
    scheme, _, parameters = answer.headers.get("WWW-Authenticate", "").partition(" ")
    login = _login(reference.host)
    if scheme.lower() == "basic" and login:
        return _get(client, reference.url, headers, auth=(login.user, login.password))
    if scheme.lower() == "bearer":
        challenge = parse_keqv_list(parse_http_list(parameters))
        token = _token(client, challenge, login)
        authorization = {"Authorization": f"Bearer {token}"}
        return _get(client, reference.url, {**headers, **authorization})
    return answer


def _token(
    client: httpx.Client, challenge: Mapping[str, str], login: Login | None
) -> str:
    """A token of the service that a registry names (Distribution, "Token Authentication Specification").

    Raises:
        ValueError: The service gives none.
    """
    realm = challenge.get("realm", "")
    if not realm.startswith(("https://", "http://")):
        raise ValueError("it names no token service")
    is_safe = realm.startswith(
        ("https://", *(f"http://{host}" for host in _LOCAL_HOSTS))
    )
    auth = (login.user, login.password) if login and is_safe else None
    parameters = {
        key: challenge[key] for key in ("service", "scope") if key in challenge
    }
    answer = client.get(realm, params=parameters, auth=auth)
    if answer.status_code != 200:
        raise ValueError(f"its token service answers with status {answer.status_code}")
    content = _mapping(answer.json())
    token = content.get("token") or content.get("access_token")
    if token and isinstance(token, str):
        return token
    raise ValueError("its token service answers without a token")


def _mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def _reason(problem: httpx.HTTPError) -> str:
    return str(problem) or type(problem).__name__


def _login(host: str) -> Login | None:
    """The login of `docker login` for a registry, or None."""
    config = _docker_config()
    name = _DOCKER_HUB_LOGIN if host == _DOCKER_HUB else host
    helpers = _mapping(config.get("credHelpers"))
    helper = helpers.get(name) or config.get("credsStore")
    if helper:
        return _login_of_helper(helper, name)
    entry = _mapping(_mapping(config.get("auths")).get(name))
    encoded = str(entry.get("auth") or "")
    try:
        user, _, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return Login(user, password) if user else None


def _docker_config() -> dict[str, Any]:
    """The content of the file of `docker login`; empty if there is none."""
    home = os.environ.get("DOCKER_CONFIG")
    directory = Path(home) if home else Path.home() / ".docker"
    try:
        content = json.loads(disk(directory / "config.json"))
    except (OSError, ValueError):
        return {}
    return _mapping(content)


def _login_of_helper(helper: str, name: str) -> Login | None:
    """The login that a credential helper of Docker has for a registry, or None."""
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"],
            input=name,
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT,
        )
        content = json.loads(done.stdout)
        return Login(content["Username"], content["Secret"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None
