"""Errors of CANN, HCCL, the driver and the system. All releases can log them, whatever their family."""

from __future__ import annotations

from models.engines.ascend_errors.communication import COMMUNICATION_ERRORS
from models.engines.ascend_errors.devices import DEVICE_ERRORS
from models.engines.ascend_errors.operators import OPERATOR_ERRORS
from models.engines.ascend_errors.system import SYSTEM_ERRORS

ASCEND_ERRORS = (
    *DEVICE_ERRORS,
    *COMMUNICATION_ERRORS,
    *OPERATOR_ERRORS,
    *SYSTEM_ERRORS,
)
"""The errors that all families share, the most specific first."""
