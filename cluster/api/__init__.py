"""Requests to the API server of a cluster, and its outages. `reader` is what the other modules use."""
