"""From the stack file to Kubernetes objects: plain values and pure functions, without Pulumi and without a cluster."""

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_stack

__all__ = ["check", "load_stack", "resolve"]
