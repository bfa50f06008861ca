"""The questions that every engine release answers. Nothing outside `models/engines` asks which version it is."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from models.engines.flags import Flag, Limit, plain_name


@dataclass(frozen=True)
class Exclusion:
    """Two features that a release cannot run together."""

    rule: str
    """Id of the rule that reports the pair."""
    one: str
    """The feature that a finding points at first."""
    other: str
    why: str


@dataclass(frozen=True)
class ModelSupport:
    """The kinds of models that a release supports, each as `model_type` in a model's config.json."""

    architectures: frozenset[str]
    """Kinds that the release can load."""
    without_lora: frozenset[str]
    """Kinds that have no support for LoRA adapters."""
    without_pipeline: frozenset[str]
    """Kinds whose layers cannot be divided into stages."""
    remote_code: frozenset[str]
    """Kinds whose configuration or tokenizer is Python code in the directory of the weights."""


class Release(ABC):
    """An engine release: a version of vLLM for Ascend NPUs, with its plugin.

    A family of releases implements this class once (`ascend_vllm/`); `releases.py` lists the known releases.
    """

    # Flags and keys

    version: str
    """The version, such as `0.6.3`. Used in messages and in the labels of objects."""

    flags: Mapping[str, Flag]
    """All flags of the engine and of its servers, by name. Used by the rules on flags and by `convert`."""

    limits: Sequence[Limit]
    """Limits on the values of flags. Used by the rule `flag-limit`."""

    owned_flags: Mapping[str, str]
    """Flags that a key of the stack file sets, with that key.

    Used by the rules on flags, by messages about unknown keys, and by `diff` and `convert` to explain a value."""

    owned_variables: Mapping[str, str]
    """Environment variables that a key of the stack file sets, with that key.

    Used by the rules on `env`, and by `diff` to explain a value."""

    integer_variables: frozenset[str]
    """Environment variables that must be whole numbers. Used by the rule `variable-value`."""

    def flag(self, text: str) -> Flag | None:
        """The flag of this name, or None. The name may begin with `--`; case, `-` and `_` do not count."""
        return self._by_plain_name.get(plain_name(text))

    @cached_property
    def _by_plain_name(self) -> dict[str, Flag]:
        return {plain_name(name): flag for name, flag in self.flags.items()}

    # Models and features

    model_support: ModelSupport
    """The kinds of models that the release supports. Used by the rules on architectures."""

    exclusions: Sequence[Exclusion]
    """Pairs of features that cannot be used together. The rules have one rule for each pair."""

    # Launch

    modules: Mapping[str, str]
    """The Python module of each kind of server. Used by `convert` and `diff` to recognise a server's command."""
