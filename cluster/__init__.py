"""What runs of a stack: read from its cluster, explained, and waited for."""
