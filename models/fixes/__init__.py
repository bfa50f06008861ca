"""Fixes of findings: their texts as edits, the edits applied to plain values, and fixes that lead to another error."""
