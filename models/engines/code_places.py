"""Where the code of a release does what the rules of every release refer to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CodePlaces:
    """Files and lines of a release, as `vllm/envs.py:160`. Used by the reasons of findings."""

    adapter_name: str
    """Splits `name=path` of an adapter; empty if the launch writes names that it would split wrongly as JSON."""
    chat_template: str
    """Opens the file of a chat template."""
    kv_cache: str
    """Refuses a model that leaves no memory for one request."""
    listens: str
    """Opens the socket of the OpenAI server."""
    no_metrics: str
    """The plain server, which has no metrics."""
    quantization_config: str
    """Reads the configuration of the quantization next to the weights."""
    ranks: str
    """Refuses more ranks than NPUs."""
    statistics: str
    """Makes the loggers of statistics, Prometheus' among them."""


@dataclass(frozen=True)
class SwapSpace:
    """The memory of the node that the engine reserves for swapped requests."""

    default: float
    """GiB for each NPU, if the stack file sets no `swapSpace`; 0 if the engine does not swap."""
    most: float
    """The largest part of the node's memory that all NPUs of a pod may take, from 0 to 1."""
    where: str
    """Where the engine refuses more."""


@dataclass(frozen=True)
class PinnedMemory:
    """The memory of a pod that the engine reserves at start."""

    flag: str
    """The flag that sets it, in GiB."""
    words: str
    """Its purpose."""
    off: int | None
    """The value of the flag that turns it off; None if nothing is reserved without the flag."""
    where: str
    """Where the engine reserves it."""


@dataclass(frozen=True)
class RemovedFlag:
    """A flag of another release that this one does not have."""

    why: str
    """The successor of the flag in words; empty if the release has none."""
    replacement: str | None = None
    """The flag that replaces it, without `--`; None if there is none."""
