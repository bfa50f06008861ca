"""Typed requests to deployed services: checked before they are sent, with the smoke test and the benchmark."""
