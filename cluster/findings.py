"""Findings about what runs; no stack file shows where, so they have no mark."""

from __future__ import annotations

from models.finding import Finding, Severity


def found(rule: str, message: str, *, why: str, fix: str, severity: Severity = "error") -> Finding:
    """What is the matter with a pod: a warning when it may still become well by itself."""
    return Finding(rule, severity, message, why, fix)
