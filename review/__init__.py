"""Compare two stacks in words. Pure: without Pulumi and without a cluster."""

from review.changes import Detail, PoolChange, ServiceChange, StackChange
from review.compare import compare

__all__ = ["Detail", "PoolChange", "ServiceChange", "StackChange", "compare"]
