"""The server answers 400 to exactly those generated bodies that `request` refuses before it sends them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from client.check import check_request
from client.http import linked, post
from models.engines.requests import ENDPOINTS, Kind, Request
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.load import load_text
from tests.client.generated_bodies import breaches, broken, generated, good_bodies
from tests.vllm.conftest import RELEASE, Served

KINDS = [Kind.CHAT, Kind.COMPLETE]
ANSWERED = 80
PATIENCE = 600
"""Seconds for an answer: the first request of a kind may compile functions of the worker."""

BASES = 2
"""Good bodies that each rule is broken in."""


def service_of(served: Served) -> ResolvedService:
    text = served.stack.read_text(encoding="utf-8")
    return resolve(load_text("vllm", str(served.stack), text)).services[0]


def statuses(served: Served, kind: Kind, bodies: list[dict[str, Any]]) -> list[int]:
    """The answers of the server. It closes a connection after some refusals, so each request has its own."""

    async def sent(body: dict[str, Any]) -> int:
        async with linked(served.url, "sk-tiny", timeout=PATIENCE) as link:
            return (await post(link, ENDPOINTS[kind].path, {"model": "tiny", **body})).status

    return [asyncio.run(sent(body)) for body in bodies]


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_answers_every_body_of_accepted_values(kind: Kind, served: Served) -> None:
    service = service_of(served)
    accepted = service.release.request_fields[kind].accepted
    bodies = generated(good_bodies(kind, accepted), ANSWERED)

    for body, status in zip(bodies, statuses(served, kind, bodies), strict=True):
        assert status == 200, body


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_refuses_every_body_that_breaks_a_rule(kind: Kind, served: Served) -> None:
    service = service_of(served)
    accepted = service.release.request_fields[kind].accepted
    bases = generated(good_bodies(kind, accepted), BASES)
    cases = [(rule, broken(body, fields)) for rule, fields in breaches(kind, RELEASE) for body in bases]
    bodies = [body for _, body in cases]

    for (rule, body), status in zip(cases, statuses(served, kind, bodies), strict=True):
        found = check_request(Request(kind, {"model": "tiny", **body}), service)
        assert rule in {finding.rule for finding in found}
        assert status == 400, (rule, body)
