"""The start of a server: its script, its command line, its environment and its engine release."""
