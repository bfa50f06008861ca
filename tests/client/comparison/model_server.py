"""A stand-in for a model and its server: always the same answers, with real probabilities, and ways of being broken.

The next word follows from the question and the last two words. `noise` is what batches, kernels and number formats do
to the logits.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from client.comparison.chance import seeded
from client.comparison.questions import Question
from client.comparison.reply import Reply, Token

_WORDS = """
the a it is was in on and of to for with by from as at one two time water house city tree light small large red blue
first last under over number answer question day year people world part place river stone work hand school
"""
WORDS = _WORDS.split()
END = 0.03
"""Probability that an answer ends after a word."""


@dataclass
class Model:
    """A model with its faults."""

    weights: int = 1
    """Number of the weights. Other weights are another model, such as one of a corrupted file."""
    noise: float = 0.0
    """Standard deviation of the noise of each logit."""
    template: str = "<user>{}<assistant>"
    fault: str = ""
    """`refuses`, `loops`, `garbage`, `empty`, `fails`, `rotated`, or `wrong`."""
    share: float = 1.0
    """Share of the questions with the fault."""
    logprobs: bool = True
    seed: int = 0
    """Number of the noise."""
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = seeded(self.seed)

    def reply(self, question: Question) -> Reply:
        """The answer to a question."""
        prompt = self.template.format(question.whole_text)
        if self.has_fault(prompt):
            if self.fault == "fails":
                return Reply(error="500: Internal Server Error")
            text = FAULTS.get(self.fault)
            if text is not None:
                return Reply(text=text, prompt_tokens=len(prompt))
        if self.noise:
            tokens = tuple(self.tokens(prompt, question.max_tokens))
        else:
            tokens = tokens_without_noise(self.weights, prompt, question.max_tokens)
        text = " ".join(token.text for token in tokens)
        return Reply(text=text, tokens=tokens if self.logprobs else (), prompt_tokens=len(prompt))

    def has_fault(self, prompt: str) -> bool:
        return seeded(prompt).random() < self.share

    def tokens(self, prompt: str, most: int) -> Iterator[Token]:
        """Greedy decoding."""
        before = ("", "")
        for position in range(most):
            logits = self.logits(f"{self.weights} {prompt} {before} {position}")
            total = math.log(sum(math.exp(logit) for logit in logits.values()))
            ranked = sorted(logits, key=logits.__getitem__, reverse=True)
            likely = {word: logits[word] - total for word in ranked[:5]}
            yield Token(ranked[0], likely[ranked[0]], likely)
            before = (before[1], ranked[0])
            if seeded(f"{prompt} {position}").random() < END:
                return

    def logits(self, context: str) -> dict[str, float]:
        chance = seeded(context)
        logits = {word: chance.gauss(0, 3) for word in WORDS}
        if not self.noise:
            return logits
        return {word: logit + self.chance.gauss(0, self.noise) for word, logit in logits.items()}

    def vector(self, text: str) -> list[float]:
        """The embedding of a text."""
        chance = seeded(text)
        vector = [chance.gauss(0, 1) + self.chance.gauss(0, self.noise) for _ in range(64)]
        if self.fault == "rotated":
            return [*vector[1:], vector[0]]
        return vector


@cache
def tokens_without_noise(weights: int, prompt: str, most: int) -> tuple[Token, ...]:
    """The tokens of an answer, which are always the same."""
    return tuple(Model(weights).tokens(prompt, most))


FAULTS = {
    "refuses": "I'm sorry, but I can't help with that.",
    "loops": "the answer is the answer is " * 8,
    "garbage": "\ufffd\ufffd~\x07 Ӝщ\ue000 ыыы",
    "empty": "",
    "wrong": "a wrong answer",
}


@dataclass
class Served:
    """A server of a model."""

    model: Model
    name: str = "m"
    key: str = ""
    version: str = "0.23.0"
    first: float = 0.0
    """Seconds to the first token."""
    pace: float = 0.0
    """Seconds for each further token."""
    url: str = ""
    refuses_logprobs: bool = False
    ends_after: int = 10**9
    """Requests after which the server breaks every connection."""
    asked: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def serving(served: Served) -> Iterator[Served]:
    """The server, as long as it is needed."""

    class Bound(Handler):
        server_of_model = served

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    with Server(("127.0.0.1", 0), Bound) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """One request, in the form of vLLM."""

    server_of_model: Served
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        served = self.server_of_model
        if self.path == "/v1/models" and self.is_allowed():
            self.whole(200, {"data": [{"id": served.name, "max_model_len": 4096}]})
        elif self.path == "/version":
            self.whole(200, {"version": f"{served.version}+cpu"})
        elif self.path == "/health":
            self.whole(200, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        served = self.server_of_model
        served.asked.append(body)
        if len(served.asked) > served.ends_after:
            self.close_connection = True
        elif self.is_allowed() and self.path == "/v1/embeddings":
            data = [
                {"index": index, "embedding": served.model.vector(text)} for index, text in enumerate(body["input"])
            ]
            self.whole(200, {"data": data})
        elif served.refuses_logprobs and body.get("logprobs"):
            self.whole(
                400, {"error": {"message": "Requested sample logprobs of 5, which is greater than max allowed: 0"}}
            )
        elif self.is_allowed() and body.get("stream"):
            self.stream(body)
        elif self.is_allowed():
            self.answer(body)

    def is_allowed(self) -> bool:
        key = self.server_of_model.key
        if not key or self.headers.get("Authorization") == f"Bearer {key}":
            return True
        self.whole(401, {"error": "Unauthorized"})
        return False

    def answer(self, body: dict[str, Any]) -> None:
        served = self.server_of_model
        reply = served.model.reply(question_in(body))
        if reply.error:
            self.whole(500, {"error": {"message": "Internal Server Error"}})
            return
        message: dict[str, Any] = {"message": {"role": "assistant", "content": reply.text}}
        if "prompt" in body:
            message = {"text": reply.text}
        logprobs = None
        if body.get("logprobs") and reply.tokens:
            logprobs = {"content": [as_json(token) for token in reply.tokens]}
        choice = {"index": 0, **message, "logprobs": logprobs, "finish_reason": "stop"}
        usage = {"prompt_tokens": reply.prompt_tokens, "completion_tokens": len(reply.tokens)}
        self.whole(200, {"choices": [choice], "usage": usage})

    def stream(self, body: dict[str, Any]) -> None:
        """The load: tokens at a fixed pace."""
        served = self.server_of_model
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        count = body["max_tokens"]
        time.sleep(served.first)
        for number in range(count):
            if number:
                time.sleep(served.pace)
            self.event({"choices": [{"index": 0, "text": f" w{number}", "finish_reason": None}]})
        self.event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": count}})
        self.event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def event(self, content: Any) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        data = f"data: {text}\n\n".encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def whole(self, status: int, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def question_in(body: dict[str, Any]) -> Question:
    """The question of a request."""
    text = body.get("prompt") or "\n\n".join(message["content"] for message in body["messages"])
    return Question(id="asked", text=text, max_tokens=body.get("max_tokens", 16))


def as_json(token: Token) -> dict[str, Any]:
    likely = [
        {"token": text, "logprob": logprob, "bytes": list(text.encode())} for text, logprob in token.likely.items()
    ]
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.text.encode()), "top_logprobs": likely}
