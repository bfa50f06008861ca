"""Services over several nodes: the groups of a LeaderWorkerSet, and why one is not ready."""
