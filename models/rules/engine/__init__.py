"""Rules on the engine: its release, its flags, its variables, and features that exclude each other."""
