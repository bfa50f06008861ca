"""What the parameters of a request ask of each other, whatever service it goes to."""

from __future__ import annotations

from collections.abc import Iterator

from client.kinds import Kind
from client.parameters import Parameters
from client.request import Asked
from models.finding import Finding, error
from models.rules.registry import request_rule


@request_rule("error")
def greedy_answers(asked: Asked, given: Parameters) -> Iterator[Finding]:
    """Several answers need chance: greedy sampling has only one (manual, Step 5, table 1, n)."""
    if given.greedy and given.answers > 1 and not given.use_beam_search:
        field = "n" if given.n > 1 else "best_of"
        yield error(
            f"{field} is {given.answers}, and temperature {given.temperature:g} has one answer only",
            why="vLLM 0.6.3 refuses it (vllm/sampling_params.py:399); manual, Step 5, table 1, n",
            fix="raise temperature above 0, or leave it at one answer",
            marks=[asked.at("temperature"), asked.at(field)],
        )


@request_rule("error")
def best_of_below_n(asked: Asked, given: Parameters) -> Iterator[Finding]:
    """No more answers come back than are made."""
    if given.best_of is not None and given.best_of < given.n and not given.use_beam_search:
        yield error(
            f"best_of {given.best_of} is below n {given.n}",
            why="the n best of best_of answers come back (vllm/sampling_params.py:292)",
            fix=f"raise best_of to {given.n}, or leave it out",
            marks=[asked.at("best_of"), asked.at("n")],
        )


@request_rule("error")
def stream_best_of(asked: Asked, given: Parameters) -> Iterator[Finding]:
    """Which answers are the best shows at their end only, so they cannot come piece by piece."""
    openai = asked.kind is not Kind.GENERATE
    if openai and given.stream and given.best_of not in (None, given.n) and not given.use_beam_search:
        yield error(
            f"answers that are the best of {given.best_of} cannot be streamed",
            why="vLLM 0.6.3 refuses best_of other than n with stream (vllm/sampling_params.py:394)",
            fix="leave out stream or best_of",
            marks=[asked.at("stream"), asked.at("best_of")],
        )


@request_rule("error")
def beam_search(asked: Asked, given: Parameters) -> Iterator[Finding]:
    """Beam search needs n above 1, top_p 1, top_k -1 and temperature 0 (manual, Step 5, table 1, use_beam_search).

    n is the width of the search. The manual's own request to `/generate` gives it as best_of.
    """
    if not given.use_beam_search:
        return
    width = given.answers if asked.kind is Kind.GENERATE else given.n
    wrong = {
        **({"n": "above 1"} if width < 2 else {}),
        **({"top_p": "1"} if given.top_p != 1 else {}),
        **({"top_k": "-1"} if given.top_k != -1 else {}),
        **({"temperature": "0"} if given.temperature != 0 else {}),
    }
    if wrong:
        yield error(
            "beam search needs " + ", ".join(f"{field} {value}" for field, value in wrong.items()),
            why="beam search draws nothing, and its width is n (manual, Step 5, table 1, use_beam_search)",
            fix="write " + ", ".join(f"{field} {value.replace('above 1', '2')}" for field, value in wrong.items()),
            marks=[asked.at("use_beam_search"), *map(asked.at, wrong)],
        )


@request_rule("error")
def length_penalty(asked: Asked, given: Parameters) -> Iterator[Finding]:
    """length_penalty needs beam search and best_of above 1 (manual, Step 5, table 1, length_penalty)."""
    if given.length_penalty == 1:
        return
    lacking = [] if given.use_beam_search else ["use_beam_search true"]
    lacking += [] if (given.best_of or 1) > 1 else [f"best_of {max(given.n, 2)}"]
    if lacking:
        yield error(
            f"length_penalty needs {' and '.join(lacking)}",
            why="it weighs the answers of beam search only (manual, Step 5, table 1, length_penalty)",
            fix=f"add {' and '.join(lacking)}, or leave length_penalty out",
            marks=[asked.at("length_penalty")],
        )


RULES = (greedy_answers, best_of_below_n, stream_best_of, beam_search, length_penalty)
"""The rules; the name of each is its id."""
