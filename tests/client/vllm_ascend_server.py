"""A server that answers like the vLLM of a vllm-ascend release: it ignores unknown fields, and errors are nested.

Statuses are those of real servers of 0.18.0, 0.23.0 and 0.30.0 on a CPU.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from models.engines.vllm_ascend.request_limits import request_limits
from models.engines.vllm_ascend.tables import flag_table
from tests.client.protocol import ChatCompletionRequest, CompletionRequest
from tests.client.vllm_server import Handler, Vllm, refusal, serving

PATHS = {"/v1/chat/completions": "chat", "/v1/completions": "complete"}
POOLING_PATHS = ("/v1/embeddings", "/v1/rerank", "/v1/score")
KINDS = ("json", "regex", "choice", "grammar", "json_object", "structural_tag")
RANGES = {
    "n": (1, 16384),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "top_k": (-1, 10**9),
    "min_p": (0, 1),
    "max_tokens": (1, 10**9),
    "max_completion_tokens": (1, 10**9),
}


class ReleaseHandler(Handler):
    """One request to a server of a release."""

    release: str
    tools: bool = False
    """Whether it was started with --tool-call-parser."""
    pooling: bool = False
    """Whether its model embeds or scores, so that it has no paths for text."""

    def _whole(self, status: int, text: str) -> None:
        if status >= 400 and text.startswith('{"object": "error"'):
            text = json.dumps({"error": json.loads(text)})
        super()._whole(status, text)

    def _pool(self, body: dict[str, Any]) -> None:
        """The answers of a model that embeds or scores. The first document has the best score."""
        if body.get("model", self.served.names[0]) not in self.served.names:
            raise refusal("The model does not exist.", "NotFoundError", 404)
        if self.path == "/v1/embeddings":
            texts = body["input"]
            if isinstance(texts[0], int):
                if len(texts) > self.served.longest:
                    raise refusal("This model's maximum context length is exceeded.")
                texts = [texts]
            data = [{"index": number, "embedding": vector(text)} for number, text in enumerate(texts)]
            self._whole(200, json.dumps({"object": "list", "data": data, "usage": {"prompt_tokens": 3}}))
            return
        documents = body.get("documents", body.get("text_2"))
        found = [(1 / (1 + number), number) for number in range(len(documents))]
        if self.path == "/v1/score":
            data = [{"index": number, "object": "score", "score": score} for score, number in found]
            self._whole(200, json.dumps({"object": "list", "data": data}))
            return
        order = sorted(found, reverse=self.served.ends != "unsorted")
        results = [{"index": number, "relevance_score": score} for score, number in order]
        self._whole(200, json.dumps({"results": results}))

    def _answer_post(self) -> None:
        if self.path in POOLING_PATHS and self.pooling:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self._authenticate()
            self.served.asked.append((self.path, body))
            self._pool(body)
            return
        if self.path not in PATHS or self.pooling:
            super()._answer_post()
            return
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.served.asked.append((self.path, body))
        self._authenticate()
        accepted = flag_table(self.release).server.request_fields[PATHS[self.path]]
        known = {name: value for name, value in body.items() if name in accepted and value is not None}
        self._refuse(known)
        self._openai(self._as_063(known))

    def _refuse(self, known: dict[str, Any]) -> None:
        for name, (least, most) in RANGES.items():
            if name in known and not least <= known[name] <= most:
                raise refusal(f"{name} must be in [{least}, {most}], got {known[name]}.")
        stop = known.get("stop", [])
        stops = [stop] if isinstance(stop, str) else stop
        limits = request_limits(self.release)
        temperature = known.get("temperature", 1)
        greedy = temperature < 1e-5 and known.get("n", 1) > 1 and not known.get("use_beam_search")
        refused = {
            "temperature": temperature < 0 or temperature > (limits.temperature or 10**9),
            "top_p": not 0 < known.get("top_p", 1) <= 1,
            "repetition_penalty": known.get("repetition_penalty", 1) <= 0,
            "stop": "" in stops or len(stops) > (limits.stop_texts or 10**9),
            "n must be 1 when using greedy sampling": greedy,
            "suffix is not currently supported": bool(known.get("suffix")),
            "Streaming is not currently supported with beam search": (
                known.get("use_beam_search") and known.get("stream") and self.path == "/v1/completions"
            ),
            "tool choice requires --tool-call-parser": (
                known.get("tools") and known.get("tool_choice") != "none" and not self.tools
            ),
            "min_tokens must be less than or equal to max_tokens": (
                known.get("min_tokens", 0) > known.get("max_completion_tokens", known.get("max_tokens", 16))
            ),
            "You must use one kind of structured outputs constraint": (
                "structured_outputs" in known
                and sum(known["structured_outputs"].get(kind) is not None for kind in KINDS) != 1
            ),
        }
        for message, holds in refused.items():
            if holds:
                raise refusal(message)

    def _as_063(self, known: dict[str, Any]) -> ChatCompletionRequest | CompletionRequest:
        """The request with the fields of 0.6.3 that mean the same."""
        outputs = known.pop("structured_outputs", {})
        if outputs.get("json"):
            known["guided_json"] = outputs["json"]
        if "max_completion_tokens" in known:
            known["max_tokens"] = known["max_completion_tokens"]
        record = ChatCompletionRequest if PATHS[self.path] == "chat" else CompletionRequest
        known.setdefault("model", self.served.names[0])
        fields = {name: value for name, value in known.items() if name in record.model_fields}
        return record.model_validate(fields)

    def _survive(self, given: ChatCompletionRequest | CompletionRequest) -> None:
        """No request ends the engine."""


def vector(text: Any) -> list[float]:
    return [float(len(text)), float(sum(map(ord, text)) if isinstance(text, str) else 0), 0.5]


@contextmanager
def serving_release(version: str, *, tools: bool = False, pooling: bool = False, **what: Any) -> Iterator[Vllm]:
    """The server of a release, as long as it is needed."""

    class Bound(ReleaseHandler):
        release = version

    Bound.tools = tools
    Bound.pooling = pooling
    with serving(Vllm(**what), handler=Bound) as server:
        yield server
