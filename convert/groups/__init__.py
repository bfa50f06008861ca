"""Servers over several pods: their leader and workers, joined to one service with `nodes`."""
