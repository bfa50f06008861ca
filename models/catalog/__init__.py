"""Known models and platforms, as data with sources."""
