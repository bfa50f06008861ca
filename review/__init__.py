"""What changes between two stacks, in words: pure, without an engine and without a cluster."""

from review.compare import compare
from review.record import Detail, PoolChange, ServiceChange, StackChange

__all__ = ["Detail", "PoolChange", "ServiceChange", "StackChange", "compare"]
