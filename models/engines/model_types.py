"""The types of models that a release loads."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SEPARATOR = re.compile(r"[-_.\s]+")


@dataclass(frozen=True)
class ModelTypes:
    """The types of models by what a release does with them, each as `model_type` of config.json."""

    transformers: str
    """The version of transformers in the images of the release."""
    read: frozenset[str]
    """Types whose config.json the release reads without code from the directory of the weights."""
    loaded: frozenset[str]
    """Types that vLLM or its plugin has layers for, as plain types."""
    removed: frozenset[str]
    """Types that earlier releases had layers for, and that this one refuses, as plain types."""

    def reads(self, model_type: str) -> bool:
        """Whether the release can read the config.json of the type."""
        return model_type in self.read

    def loads(self, model_type: str) -> bool:
        """Whether the release has layers for the type."""
        return plain_type(model_type) in self.loaded

    def has_removed(self, model_type: str) -> bool:
        """Whether earlier releases had layers for the type."""
        return plain_type(model_type) in self.removed


def plain_type(name: str) -> str:
    """A type of model in lower case and without separators: `minimaxm2` for `minimax_m2`."""
    return _SEPARATOR.sub("", name).lower()
