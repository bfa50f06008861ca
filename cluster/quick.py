"""One list of Deployments with nothing but the standard library, for an update that changes nothing.

kr8s takes a third of a second to load, a seventh of such an update. Where the kubeconfig has more than a certificate or
a token, or anything goes wrong, the answer is None and kr8s is asked.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import ssl
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.kubeconfig import kubeconfigs
from cluster.service import is_settled
from cluster.snapshot import SELECTOR, Object

SECONDS = 5
"""How long the answer may take."""

_CLUSTER = {"server", "certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"}
_USER = {
    "client-certificate", "client-certificate-data", "client-key", "client-key-data", "token",
}  # fmt: skip
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


LOOKS = 20
"""Looks, one every tenth of a second: pods that start at once are ready before kr8s is loaded."""


async def are_soon_settled(context: str, namespace: str, services: Sequence[str]) -> bool:
    """Whether every service is as asked for at the first look, as where nothing was changed, or soon after it."""
    for _ in range(LOOKS):
        listed = await asyncio.to_thread(deployments, context, namespace)
        there = {found["metadata"]["name"]: found for found in listed or ()}
        if all(is_settled(there.get(service)) for service in services):
            return True
        if listed is None:
            return False
        await asyncio.sleep(0.1)
    return False


def deployments(context: str, namespace: str) -> Sequence[Object] | None:
    """The Deployments of the services, or None where kr8s has to be asked."""
    return _listed(context, f"/apis/apps/v1/namespaces/{namespace}/deployments")


def jobs(context: str, namespace: str) -> Sequence[Object] | None:
    """The Jobs of the services, or None where kr8s has to be asked."""
    return _listed(context, f"/apis/batch/v1/namespaces/{namespace}/jobs")


def _listed(context: str, path: str) -> Sequence[Object] | None:
    answer = ask(context, f"{path}?{urllib.parse.urlencode({'labelSelector': SELECTOR})}")
    items = answer[1].get("items") if answer and answer[0] == 200 else None
    return items if isinstance(items, list) else None


def ask(context: str, path: str) -> tuple[int, Mapping[str, Any]] | None:
    """Status and document of an answer, or None where kr8s has to be asked; what is no document is empty."""
    try:
        cluster, user = _entries(context)
        if cluster.keys() - _CLUSTER or user.keys() - _USER or any(map(os.environ.get, _PROXIES)):
            return None
        with _files(cluster, user) as (tls, token):
            return _get(str(cluster["server"]), path, tls, token)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, http.client.HTTPException):
        return None


def _entries(context: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The cluster and the user of a context; relative paths in them made absolute."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path, content in kubeconfigs():
        for kind in ("cluster", "context", "user"):
            for entry in content.get(f"{kind}s") or []:
                here = {key: _absolute(key, value, path) for key, value in (entry.get(kind) or {}).items()}
                found.setdefault((kind, entry["name"]), here)
    chosen = found["context", context]
    return found["cluster", chosen["cluster"]], found["user", chosen["user"]]


def _absolute(key: str, value: Any, file: Path) -> Any:
    is_path = key in ("certificate-authority", "client-certificate", "client-key")
    return str(file.parent / value) if is_path else value


@contextmanager
def _files(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Iterator[tuple[ssl.SSLContext, str | None]]:
    """TLS as the kubeconfig wants it, and the token; keys that stand in it are in a file for a moment."""
    authority = cluster.get("certificate-authority-data")
    tls = ssl.create_default_context(
        cafile=None if authority else cluster.get("certificate-authority"),
        cadata=base64.b64decode(authority).decode() if authority else None,
    )
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = (_file(user, name, directory) for name in ("client-certificate", "client-key"))
        if certificate:
            tls.load_cert_chain(certificate, key)
    yield tls, user.get("token")


def _file(user: Mapping[str, Any], name: str, directory: str) -> str | None:
    data = user.get(f"{name}-data")
    if data is None:
        return user.get(name)
    file = Path(directory, name)
    file.touch(mode=0o600)
    file.write_bytes(base64.b64decode(data))
    return str(file)


def _get(server: str, path: str, tls: ssl.SSLContext, token: str | None) -> tuple[int, Mapping[str, Any]] | None:
    url = urllib.parse.urlsplit(server)
    if url.scheme != "https":
        return None
    connection = http.client.HTTPSConnection(url.hostname or "", url.port or 443, timeout=SECONDS, context=tls)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request("GET", f"{url.path.rstrip('/')}{path}", headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b"{") else {}
    finally:
        connection.close()
