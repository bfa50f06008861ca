"""How far two answers to the same question are apart."""

from __future__ import annotations

import math
import operator
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
    if is_normalized_equal(one, two):
        return 0.0
    if _begins_with_a_tie(one, two):
        return 0.0
    return 1.0


def first_difference(one: Reply, two: Reply) -> int | None:
    """The position of the first token that differs. None: one answer is the beginning of the other."""
    for position in range(_shorter(one, two)):
        if one.tokens[position].text != two.tokens[position].text:
            return position
    return None


def _shorter(one: Reply, two: Reply) -> int:
    """The number of tokens of the shorter answer."""
    return min(len(one.tokens), len(two.tokens))


def _begins_with_a_tie(one: Reply, two: Reply) -> bool:
    position = first_difference(one, two)
    if position is None:
        return False
    token = one.tokens[position]
    other = two.tokens[position]
    return _is_tie(token, other.text) and _is_tie(other, token.text)


def _is_tie(token: Token, text: str) -> bool:
    """Whether another text in place of a token was nearly as likely."""
    if text not in token.likely:
        return False
    lead = token.logprob - token.likely[text]
    return lead <= _TIE


def logprob_distance(one: Reply, two: Reply) -> float | None:
    """The mean difference of the logprobs of the same tokens in nats, up to the first token that differs.

    This token counts for both servers. Later tokens follow different texts. None: there are no logprobs.
    """
    if not one.tokens or not two.tokens:
        return None
    position = first_difference(one, two)
    if position is None:
        distances = _same_tokens(one, two, _shorter(one, two))
    else:
        token = one.tokens[position]
        other = two.tokens[position]
        distances = _same_tokens(one, two, position)
        distances.append(_drop(token, other))
        distances.append(_drop(other, token))
    return math.fsum(distances) / len(distances)


def _same_tokens(one: Reply, two: Reply, count: int) -> list[float]:
    """The distances of the logprobs of the first tokens, which are the same in both answers."""
    distances = []
    for position in range(count):
        logprob = one.tokens[position].logprob
        other = two.tokens[position].logprob
        distance = abs(logprob - other)
        distances.append(_capped(distance))
    return distances


def _drop(token: Token, other: Token) -> float:
    """How much less likely a token is for the other server; a lower bound if that server does not list the token."""
    likely = other.likely
    if not likely:
        likely = {other.text: other.logprob}
    if token.text in likely:
        distance = abs(token.logprob - likely[token.text])
    else:
        least_likely = min(likely.values())
        distance = max(token.logprob - least_likely, 0.0)
    return _capped(distance)


def _capped(nats: float) -> float:
    """A difference that is not a number counts as the farthest: broken weights make such logprobs."""
    if math.isnan(nats):
        return _FARTHEST
    return min(nats, _FARTHEST)


def length_distance(one: Reply, two: Reply) -> float:
    """The change of the length of an answer, as the logarithm of the ratio. It does not matter which one is longer."""
    ratio = (_length(one) + 1) / (_length(two) + 1)
    return abs(math.log(ratio))


def _length(reply: Reply) -> int:
    """The tokens of an answer; its characters if it has no tokens."""
    if reply.tokens:
        return len(reply.tokens)
    return len(reply.text)


def cosine_distance(one: Reply, two: Reply) -> float:
    """1 less the cosine of two vectors: 0 for the same direction, 1 for unrelated ones, 2 for the opposite."""
    if len(one.numbers) != len(two.numbers):
        return 2.0
    products = map(operator.mul, one.numbers, two.numbers)
    product = math.fsum(products)
    lengths = math.hypot(*one.numbers) * math.hypot(*two.numbers)
    if lengths == 0 or not math.isfinite(lengths):
        return 2.0
    cosine = product / lengths
    return max(1 - cosine, 0.0)


def score_distance(one: Reply, two: Reply) -> float:
    """The mean difference of the scores of the same documents."""
    if len(one.numbers) != len(two.numbers):
        return 1.0
    changes = []
    for score, other in zip(one.numbers, two.numbers, strict=True):
        changes.append(abs(score - other))
    return math.fsum(changes) / len(changes)
