"""The live cluster of a stack: reads it, explains it, and waits for it."""
