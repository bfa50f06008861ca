"""A server with the strictness of vLLM 0.6.3, that answers at once: its words are one token each, and count up.

The answers, statuses and texts of errors are those of vllm/entrypoints/api_server.py and vllm/entrypoints/openai/
(api_server.py, serving_engine.py, serving_chat.py, serving_completion.py).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import ValidationError

from tests.client.protocol import SAMPLING, ChatCompletionRequest, CompletionRequest, TokenizeRequest, check_sampling

WORDS = [f"word{number}" for number in range(1, 5000)]


@dataclass
class Vllm:
    """What is served, and what was asked."""

    kind: str = "openai"
    names: tuple[str, ...] = ("qwen",)
    adapters: tuple[str, ...] = ()
    longest: int = 4096
    key: str = ""
    steps: int = 1
    images: int = 0
    pace: float = 0.0
    """Seconds between two tokens."""
    ends: str = ""
    """How it misbehaves: `silent` drops the connection, `half` breaks answers off, `deaf` ignores stop, …"""
    url: str = ""
    alive: bool = True
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    running: int = 0
    """Requests that are being answered."""
    most_running: int = 0
    counting: threading.Lock = field(default_factory=threading.Lock)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def refusal(message: str, kind: str = "BadRequestError", code: int = 400) -> RefusedError:
    """serving_engine.py:147"""
    return RefusedError(code, {"object": "error", "message": message, "type": kind, "param": None, "code": code})


@contextmanager
def serving(vllm: Vllm, port: int = 0, handler: type[Handler] | None = None) -> Iterator[Vllm]:
    """The server, as long as it is needed."""

    class Bound(handler or Handler):  # type: ignore[misc]  # the class of another release
        served = vllm

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    with Server(("127.0.0.1", port), Bound) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        vllm.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield vllm
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    served: Vllm
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answering(self._get)

    def do_POST(self) -> None:
        self._answering(self._post)

    def log_message(self, *_: Any) -> None:
        pass

    def _answering(self, answer: Any) -> None:
        if not self.served.alive or self.served.ends == "silent":
            self.close_connection = True
            return
        try:
            answer()
        except RefusedError as problem:
            text = problem.body if isinstance(problem.body, str) else json.dumps(problem.body)
            self._whole(problem.status, text)

    def _whole(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if text[:1] in "{[" else "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _get(self) -> None:
        self._authenticate()
        if self.path == "/health":
            self._whole(200 if self.served.ends != "sick" else 500, "")
        elif self.path == "/v1/models" and self.served.kind == "openai":
            cards = [{"id": name, "object": "model"} for name in (*self.served.names, *self.served.adapters)]
            self._whole(200, json.dumps({"object": "list", "data": cards}))
        else:
            raise RefusedError(404, {"detail": "Not Found"})

    def _authenticate(self) -> None:
        """openai/api_server.py:439; only /v1 is guarded."""
        given = self.headers.get("Authorization", "")
        self.served.authorizations.append(given)
        guarded = self.served.kind == "openai" and self.served.key and self.path.startswith("/v1")
        if guarded and given != f"Bearer {self.served.key}":
            raise RefusedError(401, {"error": "Unauthorized"})

    def _post(self) -> None:
        with self.served.counting:
            self.served.running += 1
            self.served.most_running = max(self.served.most_running, self.served.running)
        try:
            self._answer_post()
        finally:
            with self.served.counting:
                self.served.running -= 1

    def _answer_post(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.served.asked.append((self.path, body))
        self._authenticate()
        if self.served.kind == "api_server" and self.path == "/generate":
            self._generate(dict(body))
        elif self.served.kind == "openai" and self.path in _BODIES:
            try:
                given = _BODIES[self.path].model_validate(body)
            except ValidationError as problem:
                raise refusal(str(problem.errors())) from None
            self._openai(given)
        else:
            raise RefusedError(404, {"detail": "Not Found"})

    def _generate(self, body: dict[str, Any]) -> None:
        """vllm/entrypoints/api_server.py:40: no 400 at all."""
        try:
            prompt, stream = body.pop("prompt"), body.pop("stream", False)
            check_sampling(body)
            count, n, stop = int(body.get("max_tokens", 16)), int(body.get("n", 1)), body.get("stop")
        except (KeyError, TypeError, ValueError):
            raise RefusedError(500, "Internal Server Error") from None
        words, _ = self._words(count, stop)
        told = [{"text": [prompt + " ".join(words[: end + 1])] * n} for end in range(len(words))]
        if stream:
            self._stream("text/plain", [(json.dumps(one) + "\0") for one in told])
        else:
            self._whole(200, json.dumps(told[-1]))

    def _openai(self, given: ChatCompletionRequest | CompletionRequest | TokenizeRequest) -> None:
        if given.model not in (*self.served.names, *self.served.adapters):
            raise refusal(f"The model `{given.model}` does not exist.", "NotFoundError", 404)
        prompt = self._prompt_tokens(given)
        if isinstance(given, TokenizeRequest):
            answer = {"count": prompt, "max_model_len": self.served.longest, "tokens": [0] * prompt}
            self._whole(200, json.dumps(answer))
            return
        count = self.served.longest - prompt if given.max_tokens is None else given.max_tokens
        if prompt + count > self.served.longest or count < 1:
            raise refusal(
                f"This model's maximum context length is {self.served.longest} tokens. However, you requested "
                f"{prompt + count} tokens ({prompt} in the messages, {count} in the completion). "
                "Please reduce the length of the messages or completion."
            )
        self._survive(given)
        self._answer(given, prompt, count)

    def _survive(self, given: ChatCompletionRequest | CompletionRequest) -> None:
        """What kills an engine, and what is refused."""
        guided = given.guided_json or given.guided_regex or given.guided_choice or given.logit_bias
        answers = max(given.n or 1, given.best_of or 1)
        if self.served.steps > 1 and (guided or (answers > 1 and not given.use_beam_search)):
            self.served.alive = False
            raise RefusedError(500, "Internal Server Error")
        if given.use_beam_search:
            if 2 * (given.n or 1) > 20:
                raise refusal("Cannot request more than 20 logprobs.")
            return
        try:
            check_sampling(
                {key: value for key, value in given if key in SAMPLING and value is not None}, stream=bool(given.stream)
            )
        except ValueError as problem:
            raise refusal(str(problem)) from None

    def _prompt_tokens(self, given: Any) -> int:
        prompt = getattr(given, "prompt", None)
        if isinstance(prompt, list):
            return len(prompt)
        if prompt is not None:
            return len(str(prompt).split())
        pictures, texts = 0, []
        for message in given.messages or []:
            content = message["content"]
            for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
                pictures += part["type"] == "image_url"
                texts.append(part.get("text", ""))
        if pictures > self.served.images:
            raise refusal(f"At most {self.served.images} image(s) may be provided in one request.")
        return len(" ".join(texts).split()) + 2

    def _words(self, count: int, stop: str | list[str] | None, guided: Any = None) -> tuple[list[str], str]:
        """The words of an answer, and why it ends."""
        if guided and self.served.ends != "unguided":
            if guided == {"type": "boolean"}:
                return ["true"], "stop"
            return ['{"ok":', "true}"], "stop"
        words = WORDS[:count]
        for end in [] if self.served.ends == "deaf" else [stop] if isinstance(stop, str) else stop or []:
            text = " ".join(words)
            if end in text:
                return text[: text.index(end)].split() or [""], "stop"
        return words, "length"

    def _answer(self, given: ChatCompletionRequest | CompletionRequest, prompt: int, count: int) -> None:
        words, reason = self._words(count, given.stop, given.guided_json)
        chat, n = isinstance(given, ChatCompletionRequest), given.n or 1
        usage = {"prompt_tokens": prompt, "completion_tokens": len(words) * n, "total_tokens": prompt + len(words) * n}
        if given.stream:
            self._events(given, words, reason, usage)
            return
        time.sleep(self.served.pace * len(words))
        text = " ".join(words)
        said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        choices = [{"index": index, **said, "finish_reason": reason, "stop_reason": None} for index in range(n)]
        whole = {"id": "x-1", "object": "chat.completion" if chat else "text_completion", "created": 1}
        self._whole(200, json.dumps({**whole, "model": given.model, "choices": choices, "usage": usage}))

    def _events(
        self, given: ChatCompletionRequest | CompletionRequest, words: list[str], reason: str, usage: Mapping[str, int]
    ) -> None:
        """serving_chat.py:253 and serving_completion.py:231: a role first, then the words, the usage if asked for."""
        chat, parts = isinstance(given, ChatCompletionRequest), list[dict[str, Any]]()
        for index in range(given.n or 1):
            parts += [{"index": index, "delta": {"role": "assistant", "content": ""}}] if chat else []
            for number, word in enumerate(words):
                text = word if number == 0 else f" {word}"
                said = {"delta": {"content": text}} if chat else {"text": text}
                last = {"finish_reason": reason} if number == len(words) - 1 else {"finish_reason": None}
                parts.append({"index": index, **said, **last})
        chunks = [{"id": "x-1", "model": given.model, "choices": [part]} for part in parts]
        if given.stream_options and given.stream_options.include_usage:
            chunks.append({"id": "x-1", "model": given.model, "choices": [], "usage": dict(usage)})
        self._stream("text/event-stream; charset=utf-8", [f"data: {json.dumps(one)}\n\n" for one in chunks])

    def _stream(self, kind: str, parts: list[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        half = self.served.ends == "half"
        if kind.startswith("text/event-stream"):
            parts = [*parts, "data: [DONE]\n\n"]
        for part in parts[: len(parts) // 2] if half else parts:
            time.sleep(self.served.pace)
            data = part.encode()
            self._chunk(data[:7])  # parts do not come as they were sent
            self._chunk(data[7:])
        self.close_connection = half
        if not half:
            self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


_BODIES: Mapping[str, type[ChatCompletionRequest | CompletionRequest | TokenizeRequest]] = {
    "/v1/chat/completions": ChatCompletionRequest,
    "/v1/completions": CompletionRequest,
    "/tokenize": TokenizeRequest,
}
