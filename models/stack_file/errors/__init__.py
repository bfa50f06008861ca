"""Findings about a stack file that does not have the form of its records."""
