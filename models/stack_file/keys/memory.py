"""Amounts of memory and storage in the stack file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from models.record import QUANTITY, byte_count
from models.words import counted

_SMALLEST_AMOUNT = 2**20
"""A smaller amount is a number without its unit: 64 means 64 bytes in Kubernetes."""


def memory_amount(value: Any) -> Any:
    """A quantity of memory in whole bytes. Less than 1Mi is refused, because it lacks its unit."""
    amount = byte_count(value)
    if amount < _SMALLEST_AMOUNT:
        raise ValueError(
            f"{counted(amount, 'byte')} is less than 1Mi; write the unit, such as 64Gi"
        )
    return amount


Quantity = Annotated[
    int,
    BeforeValidator(memory_amount),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "pattern": QUANTITY,
            "minimum": _SMALLEST_AMOUNT,
            "examples": ["64Gi", "1.5Ti"],
        }
    ),
]
"""An amount of memory in bytes, written as Kubernetes writes quantities."""
