"""How far two answers to the same question are apart."""

from __future__ import annotations

import math
import unicodedata

from client.comparison.reply import Reply, Token

_TIE = 0.5
"""Nats. A token that is less likely than the best by no more than this is a near tie: noise chooses between both."""

_FARTHEST = 10.0
"""Most nats that one token counts. vLLM writes -9999 for impossible tokens."""


def is_exactly_equal(one: Reply, two: Reply) -> bool:
    """Whether two texts have the same characters."""
    return one.text == two.text


def is_normalized_equal(one: Reply, two: Reply) -> bool:
    """Whether two texts are the same but for white space and forms of the same character."""
    return _normalized(one.text) == _normalized(two.text)


def _normalized(text: str) -> str:
    compatible = unicodedata.normalize("NFKC", text)
    return " ".join(compatible.split())


def difference(one: Reply, two: Reply) -> float:
    """1 if two texts differ, else 0. A difference that begins with a near tie is none."""
    if is_normalized_equal(one, two) or _begins_with_a_tie(one, two):
        return 0.0
    return 1.0


def first_difference(one: Reply, two: Reply) -> int | None:
    """The position of the first other token. None: one answer is the beginning of the other."""
    for position, (token, other) in enumerate(
        zip(one.tokens, two.tokens, strict=False)
    ):
        if token.text != other.text:
            return position
    return None


def _begins_with_a_tie(one: Reply, two: Reply) -> bool:
    position = first_difference(one, two)
    if position is None:
        return False
    token = one.tokens[position]
    other = two.tokens[position]
    return _is_tie(token, other.text) and _is_tie(other, token.text)


def _is_tie(token: Token, text: str) -> bool:
    """Whether another text in place of a token was nearly as likely."""
    return text in token.likely and token.logprob - token.likely[text] <= _TIE


def logprob_distance(one: Reply, two: Reply) -> float | None:
    """The mean difference of the logprobs of the same tokens in nats, up to and with the first other token.

    After that, the tokens have another text before them. None: there are no logprobs.
    """
    if not one.tokens or not two.tokens:
        return None
    position = first_difference(one, two)
    shared = min(len(one.tokens), len(two.tokens))
    if position is not None:
        shared = position
    distances = []
    for token, other in zip(one.tokens[:shared], two.tokens[:shared], strict=True):
        distances.append(_capped(abs(token.logprob - other.logprob)))
    if position is not None:
        token = one.tokens[position]
        other = two.tokens[position]
        distances.append(_drop(token, other))
        distances.append(_drop(other, token))
    return math.fsum(distances) / len(distances)


def _drop(token: Token, other: Token) -> float:
    """How much less likely a token is for the other server. If it is not among its likely ones: at least so much."""
    likely = other.likely or {other.text: other.logprob}
    least_likely = min(likely.values())
    found = likely.get(token.text)
    if found is not None:
        return _capped(abs(token.logprob - found))
    return _capped(max(token.logprob - least_likely, 0.0))


def _capped(nats: float) -> float:
    """A difference that is not a number counts as the farthest: broken weights make such logprobs."""
    if math.isnan(nats):
        return _FARTHEST
    return min(nats, _FARTHEST)


def length_distance(one: Reply, two: Reply) -> float:
    """The change of the length of an answer, as the logarithm of the ratio. It does not matter which one is longer."""
    return abs(math.log((_length(one) + 1) / (_length(two) + 1)))


def _length(reply: Reply) -> int:
    return len(reply.tokens) or len(reply.text)


def cosine_distance(one: Reply, two: Reply) -> float:
    """1 less the cosine of two vectors: 0 for the same direction, 1 for unrelated ones, 2 for the opposite."""
    if len(one.numbers) != len(two.numbers):
        return 2.0
    pairs = zip(one.numbers, two.numbers, strict=True)
    product = math.fsum(number * other for number, other in pairs)
    lengths = math.hypot(*one.numbers) * math.hypot(*two.numbers)
    if lengths == 0 or not math.isfinite(lengths):
        return 2.0
    return max(1 - product / lengths, 0.0)


def score_distance(one: Reply, two: Reply) -> float:
    """The mean difference of the scores of the same documents."""
    if len(one.numbers) != len(two.numbers):
        return 1.0
    pairs = zip(one.numbers, two.numbers, strict=True)
    return math.fsum(abs(score - other) for score, other in pairs) / len(one.numbers)
