"""What may be asked for, and what it means: plain values and pure functions, without Pulumi and without a cluster."""

from models.check import check
from models.load import load_stack
from models.resolve import resolve

__all__ = ["check", "load_stack", "resolve"]
