"""Types of Ascend NPUs as data: the most memory that one NPU of a type has."""

from __future__ import annotations

from collections.abc import Iterable

_GIB = 2**30

LARGEST_MEMORY = {
    # Ascend 910B: 32 or 64 GB (Huawei, Atlas 800I A2 inference server, technical specifications).
    "a2": 64 * _GIB,
    # Ascend 910C: 128 GB for two dies, and Kubernetes counts dies (Huawei, Atlas 800I A3 SuperPoD server).
    "a3": 64 * _GIB,
    # Ascend 310P: 24 GB, or 96 GB for the two processors of an Atlas 300I Duo card (Huawei, Atlas 300I Duo).
    "310p": 48 * _GIB,
    # Ascend 950DT: 144 GB (Huawei Connect 2025, roadmap of Ascend).
    "950dt": 144 * _GIB,
}
"""Bytes of memory by the type of NPU, as pools of the stack file name it."""


def largest_npu(types: Iterable[str]) -> str:
    """The type with the most memory; of equal ones the first."""
    return max(types, key=lambda name: LARGEST_MEMORY[name])
