"""Compare two servers by their answers and their speed: promote the second, or hold it."""
