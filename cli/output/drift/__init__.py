"""Drift as text and as JSON, written from the same record. Neither shows a credential."""
