"""Rules on what the pods need: NPUs, memory, and time."""
