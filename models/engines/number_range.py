"""The range of a number that vLLM checks when it creates its configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NumberRange:
    """A range of numbers. A bound that is None does not exist."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def contains(self, number: float) -> bool:
        """Whether a number is in the range."""
        if self.least is not None and number < self.least:
            return False
        if self.above is not None and number <= self.above:
            return False
        if self.most is not None and number > self.most:
            return False
        return self.below is None or number < self.below

    @property
    def words(self) -> str:
        """The range in words: `above 0 and at most 1`."""
        bounds = {
            "at least": self.least,
            "above": self.above,
            "at most": self.most,
            "below": self.below,
        }
        parts = [
            f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None
        ]
        return " and ".join(parts)


def in_range(limits: NumberRange | None, value: object) -> bool:
    """Whether a value is in a range. A value that is not a number is judged by its type elsewhere."""
    if limits is None or isinstance(value, bool):
        return True
    if not isinstance(value, int | float):
        return True
    return limits.contains(value)
