"""How different two answers to the same question are."""

from __future__ import annotations

import math
import operator
import unicodedata

from client.comparison.reply import Reply, Token

_TIE = 0.5
"""The largest difference of two logprobs, in nats, at which noise decides which of two tokens a server chooses."""

_FARTHEST = 10.0
"""The largest distance of one token, in nats. vLLM writes -9999 for impossible tokens."""

_FARTHEST_COSINE = 2.0
"""The largest distance of two vectors, that of opposite ones."""


def is_exactly_equal(reply: Reply, other: Reply) -> bool:
    """Whether two texts have the same characters."""
    return reply.text == other.text


def is_normalized_equal(reply: Reply, other: Reply) -> bool:
    """Whether two texts differ at most in white space and in forms of the same character."""
    return _normalized(reply.text) == _normalized(other.text)


def _normalized(text: str) -> str:
    compatible = unicodedata.normalize("NFKC", text)
    return " ".join(compatible.split())


def difference(reply: Reply, other: Reply) -> float:
    """1 if two texts differ, otherwise 0. A difference that begins with a near tie of two tokens does not count."""
    if is_normalized_equal(reply, other):
        return 0.0
    if _begins_with_a_tie(reply, other):
        return 0.0
    return 1.0


def _begins_with_a_tie(reply: Reply, other: Reply) -> bool:
    """Whether each server found the first different token of the other one nearly as likely as its own."""
    position = first_difference(reply, other)
    if position is None:
        return False
    token = reply.tokens[position]
    other_token = other.tokens[position]
    return _is_tie(token, other_token.text) and _is_tie(other_token, token.text)


def _is_tie(token: Token, text: str) -> bool:
    """Whether another text in place of a token was nearly as likely."""
    if text not in token.likely:
        return False
    lead = token.logprob - token.likely[text]
    return lead <= _TIE


def first_difference(reply: Reply, other: Reply) -> int | None:
    """The position of the first token that differs; None if the shorter answer is the beginning of the longer one."""
    for position in range(_shorter(reply, other)):
        if reply.tokens[position].text != other.tokens[position].text:
            return position
    return None


def _shorter(reply: Reply, other: Reply) -> int:
    """The number of tokens of the shorter answer."""
    return min(len(reply.tokens), len(other.tokens))


def logprob_distance(reply: Reply, other: Reply) -> float | None:
    """The mean difference of the logprobs of the same tokens, in nats, up to the first token that differs.

    The first different token counts twice: once for each server. Later tokens do not count, because they follow
    different texts.

    Returns:
        None if an answer has no logprobs.
    """
    if not reply.tokens or not other.tokens:
        return None
    position = first_difference(reply, other)
    if position is None:
        distances = _same_tokens(reply, other, _shorter(reply, other))
        return _mean(distances)
    distances = _same_tokens(reply, other, position)
    token = reply.tokens[position]
    other_token = other.tokens[position]
    distances.append(_drop(token, other_token))
    distances.append(_drop(other_token, token))
    return _mean(distances)


def _same_tokens(reply: Reply, other: Reply, count: int) -> list[float]:
    """The distances of the logprobs of the first tokens, which are the same in both answers."""
    distances = []
    for position in range(count):
        logprob = reply.tokens[position].logprob
        other_logprob = other.tokens[position].logprob
        distance = abs(logprob - other_logprob)
        distances.append(_capped(distance))
    return distances


def _drop(token: Token, other: Token) -> float:
    """How much less likely a token is for the other server.

    If that server does not list the token, its least likely listed token gives a lower bound.

    Args:
        token: The token.
        other: The token that the other server chose in its place.
    """
    likely = other.likely or {other.text: other.logprob}
    if token.text in likely:
        distance = abs(token.logprob - likely[token.text])
    else:
        least_likely = min(likely.values())
        distance = max(token.logprob - least_likely, 0.0)
    return _capped(distance)


def _capped(nats: float) -> float:
    """A distance of one token, up to the farthest. Broken weights make logprobs that are not numbers: the farthest."""
    if math.isnan(nats):
        return _FARTHEST
    return min(nats, _FARTHEST)


def _mean(distances: list[float]) -> float:
    return math.fsum(distances) / len(distances)


def length_distance(reply: Reply, other: Reply) -> float:
    """The logarithm of the ratio of two lengths, without its sign: it does not matter which answer is longer."""
    ratio = (_length(reply) + 1) / (_length(other) + 1)
    return abs(math.log(ratio))


def _length(reply: Reply) -> int:
    """The tokens of an answer; its characters if it has no tokens."""
    if reply.tokens:
        return len(reply.tokens)
    return len(reply.text)


def cosine_distance(reply: Reply, other: Reply) -> float:
    """1 minus the cosine of two vectors: 0 for the same direction, 1 for unrelated ones, 2 for opposite ones.

    It is 2 for vectors that have no cosine: of different lengths, of zeros, or with values that are not finite.
    """
    if len(reply.numbers) != len(other.numbers):
        return _FARTHEST_COSINE
    norms = math.hypot(*reply.numbers) * math.hypot(*other.numbers)
    products = map(operator.mul, reply.numbers, other.numbers)
    product = math.fsum(products)
    if norms == 0 or not math.isfinite(norms):
        return _FARTHEST_COSINE
    cosine = product / norms
    return max(1 - cosine, 0.0)


def score_distance(reply: Reply, other: Reply) -> float:
    """The mean difference of the scores of the same documents; 1 if the servers scored different numbers of them."""
    if len(reply.numbers) != len(other.numbers):
        return 1.0
    distances = []
    for score, other_score in zip(reply.numbers, other.numbers, strict=True):
        distances.append(abs(score - other_score))
    return _mean(distances)
